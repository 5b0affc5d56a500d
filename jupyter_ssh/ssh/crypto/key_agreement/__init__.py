"""Key agreements, one file per family; their table is in `exchange`."""
