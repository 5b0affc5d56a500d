"""The authentication protocol, RFC 4252 and RFC 4256: the client's half and the server's."""
