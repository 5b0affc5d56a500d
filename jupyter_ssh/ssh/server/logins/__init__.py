"""Who may log in to the server, and with what options."""
