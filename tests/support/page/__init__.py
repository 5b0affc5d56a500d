"""A plain end of the page's wire, and a second service on it."""
