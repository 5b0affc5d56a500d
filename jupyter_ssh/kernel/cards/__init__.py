"""Cards: how a notebook shows connections, results, keys and agents, as plain text and as HTML."""
