"""Channels for both roles: streams, registries, and connecting channels with sockets."""
