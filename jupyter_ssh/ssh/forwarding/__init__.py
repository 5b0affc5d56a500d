"""What travels through a connection for others: a file each, and a row of a registry."""
