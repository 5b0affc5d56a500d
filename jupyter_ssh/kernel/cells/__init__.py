"""Support for cells that wait for the engine: questions, live output, interrupts and tracebacks."""
