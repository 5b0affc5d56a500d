"""Messages of a command to the user: lines on stderr or in the file of ``-E``, by LogLevel (ssh_config(5))."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TextIO

PROGRAM = "jupyter-ssh"
LEVELS = ("QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1", "DEBUG2", "DEBUG3")
SEVERITIES = {"DEBUG1": logging.DEBUG, "DEBUG2": logging.DEBUG - 1, "DEBUG3": logging.DEBUG - 2}
"""The levels of the package's loggers for -v, -vv and -vvv."""


class Messages(logging.Handler):
    """Writes messages up to ``level``; as a logging handler, also those of the package's loggers."""

    def __init__(self, level: str = "INFO", log_file: str | None = None, *, info_from: str = "VERBOSE") -> None:
        super().__init__()
        self._shown_from = {
            logging.CRITICAL: "FATAL",
            logging.ERROR: "ERROR",
            logging.WARNING: "INFO",
            logging.INFO: info_from,  # the stack's INFO does not interest somebody who just wants a shell
            **{severity: name for name, severity in SEVERITIES.items()},
        }
        self.verbosity = LEVELS.index(level)
        # Append, as OpenSSH does, because several connections may share a log.
        self._file: TextIO | None = None
        if log_file is not None:
            path = os.path.expanduser(log_file)
            self._file = open(path, "a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115

    def shown(self, level: str) -> bool:
        """Return whether messages of ``level`` are written."""
        return self.verbosity >= LEVELS.index(level)

    def say(self, text: str, level: str = "INFO") -> None:
        """Write ``text`` if messages of ``level`` are shown; a broken stderr is ignored."""
        if not self.shown(level):
            return
        stream = self._file or sys.stderr
        # A terminal in raw mode does not add carriage returns.
        end = "\r\n" if self._file is None and stream is not None and stream.isatty() else "\n"
        try:
            stream.write(end.join(text.rstrip("\n").split("\n")) + end)
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass

    def show(self, text: str) -> None:
        """Write a server's ``text`` as it is to stderr, even if there is a log file, if messages of INFO are shown."""
        if self.shown("INFO"):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(text)
                sys.stderr.flush()

    def louder(self, steps: int) -> str:
        """Change the level by ``steps`` and return the new one."""
        self.verbosity = min(max(self.verbosity + steps, 0), len(LEVELS) - 1)
        self.attach()
        return LEVELS[self.verbosity]

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record of the package's loggers."""
        level = next((name for severity, name in self._shown_from.items() if record.levelno >= severity), "DEBUG3")
        prefix = f"{level.lower()}: " if level in SEVERITIES else ""
        try:
            self.say(prefix + record.getMessage(), level)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Detach from the loggers and close the log file."""
        logging.getLogger("jupyter_ssh").removeHandler(self)
        if self._file is not None:
            self._file.close()
        super().close()

    def attach(self) -> None:
        """Attach to the package's loggers, with their level set so that only records to be shown are created."""
        logger = logging.getLogger("jupyter_ssh")
        if self not in logger.handlers:
            logger.addHandler(self)
            logger.propagate = False
        if self.shown("DEBUG1"):
            logger.setLevel(SEVERITIES[LEVELS[self.verbosity]])
        else:
            logger.setLevel(logging.INFO if self.shown(self._shown_from[logging.INFO]) else logging.WARNING)
