"""Questions that a person must answer, and where they are asked: in the cell that waits, or in a page."""
