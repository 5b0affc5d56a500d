"""Logging in: checking the host key, the authentication methods, and which keys are tried."""
