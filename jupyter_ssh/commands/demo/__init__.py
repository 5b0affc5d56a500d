"""jupyter-ssh demo: a notebook whose cells run on a throw-away remote machine."""
