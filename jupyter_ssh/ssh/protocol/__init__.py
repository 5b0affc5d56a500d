"""SSH-2 without I/O: version, packets, negotiation, key exchange, authentication, channels, windows, GATE.

`session.Session` is the whole machine: bytes in, bytes out, time in, events out.  Client and server are two roles of
it.  Nothing here blocks, sleeps, reads a clock or touches a socket.
"""
