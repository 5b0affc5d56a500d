"""OpenSSH certificates (PROTOCOL.certkeys): parsing, judging, signing, showing."""
