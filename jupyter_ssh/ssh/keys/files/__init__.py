"""Key files: their formats, reading and saving."""
