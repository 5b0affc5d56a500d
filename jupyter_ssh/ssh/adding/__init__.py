"""What ssh-add does, without a terminal."""
