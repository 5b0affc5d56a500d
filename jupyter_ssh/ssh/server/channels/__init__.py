"""Channels that the server's clients open."""
