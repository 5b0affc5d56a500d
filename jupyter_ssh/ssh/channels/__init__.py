"""Channels for both roles: streams and what ties them to sockets."""
