"""``-v``: show the stack's log below the cell."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_ssh.ssh.errors import SSHError

# The same as in `jupyter_ssh.ssh.client.report.progress`.
_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG - 1, 3: logging.DEBUG - 2}


class _ToStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Called on the engine's thread too: a cell's stderr accepts text from any thread and never blocks.
        try:
            prefix = f"debug{1 + logging.DEBUG - record.levelno}: " if record.levelno <= logging.DEBUG else ""
            print(f"{prefix}{record.getMessage()}", file=sys.stderr)
        except Exception:
            self.handleError(record)


@contextmanager
def shown_log(verbose: int) -> Iterator[None]:
    """Show this package's log during the block, and the last packets of a connection that fails in it."""
    if not verbose:
        yield
        return
    logger = logging.getLogger("jupyter_ssh")
    handler, level = _ToStderr(), logger.level
    logger.addHandler(handler)
    logger.setLevel(_LEVELS[verbose])
    try:
        yield
    except SSHError as error:
        for line in error.packets:
            print(f"debug1: packet {line}", file=sys.stderr)
        raise
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
