"""Key types: one file per type, and the table of them."""
