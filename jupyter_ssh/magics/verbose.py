"""``-v``: the log of the stack below the cell."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LEVELS = {1: logging.INFO, 2: logging.DEBUG, 3: logging.DEBUG}


class _ToStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Also from the engine's thread: a cell's stderr takes text from any thread, and never blocks.
        try:
            print(f"debug: {record.getMessage()}", file=sys.stderr)
        except Exception:
            self.handleError(record)


@contextmanager
def shown_log(verbose: int) -> Iterator[None]:
    """Show the records of this package while the block runs: with 1 its INFO, with 2 and 3 its DEBUG too."""
    if not verbose:
        yield
        return
    logger = logging.getLogger("jupyter_ssh")
    handler, level = _ToStderr(), logger.level
    logger.addHandler(handler)
    logger.setLevel(_LEVELS[verbose])
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
