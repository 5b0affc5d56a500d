"""Bytes to values and back: RFC 4251 types, message numbers, message classes.  No state, no crypto, no I/O."""
