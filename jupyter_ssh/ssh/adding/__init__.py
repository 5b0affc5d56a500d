"""The operations of ssh-add(1), independent of terminal and notebook."""
