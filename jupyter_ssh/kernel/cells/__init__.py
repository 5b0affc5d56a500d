"""What the engine does for a cell that waits for it: questions, output as it comes, interrupts, errors."""
