"""Who may log in to the server, and with which options."""
