"""jupyter-ssh sshd: the embedded server on a shell."""
