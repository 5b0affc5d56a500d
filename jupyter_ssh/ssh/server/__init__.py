"""The embedded server: an ordinary user's sshd inside a Python process."""
