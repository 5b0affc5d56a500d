"""Connections that several share."""
