"""How connections, results, keys and agents look in a notebook: as plain text and as HTML."""
