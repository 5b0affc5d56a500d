"""OpenSSH certificates (PROTOCOL.certkeys): parsing, checking, signing, showing."""
