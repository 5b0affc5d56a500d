"""Questions for the user: asked in a cell that waits, or on a page."""
