"""Convert between bytes and values: RFC 4251 types, message numbers, message classes.  No state, crypto or I/O."""
