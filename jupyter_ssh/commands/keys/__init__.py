"""jupyter-ssh keygen, add and agent: what ssh-keygen, ssh-add and ssh-agent do."""
