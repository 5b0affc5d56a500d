"""jupyter-ssh sshd: the embedded server in a shell."""
