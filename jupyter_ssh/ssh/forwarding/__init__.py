"""Forwarding through a connection: a file per kind, and a row in a registry."""
