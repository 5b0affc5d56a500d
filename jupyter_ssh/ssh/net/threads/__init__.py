"""Threads for what blocks: work of one kind holds up no other kind."""
