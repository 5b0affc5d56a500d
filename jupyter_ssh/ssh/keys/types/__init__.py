"""Key types: one file a type, and the table of them."""
