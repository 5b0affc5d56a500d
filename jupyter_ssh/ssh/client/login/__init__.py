"""Logging in: the host key, the methods, which keys are tried."""
