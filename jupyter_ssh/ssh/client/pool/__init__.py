"""Shared connections."""
