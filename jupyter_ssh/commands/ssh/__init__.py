"""jupyter-ssh ssh: what ssh(1) does."""
