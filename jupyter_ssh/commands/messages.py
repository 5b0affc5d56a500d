"""What a command says to the person: lines on stderr or in the file of ``-E``, by LogLevel (ssh_config(5))."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

PROGRAM = "jupyter-ssh"
LEVELS = ("QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1", "DEBUG2", "DEBUG3")
SEVERITIES = {"DEBUG1": logging.DEBUG, "DEBUG2": logging.DEBUG - 1, "DEBUG3": logging.DEBUG - 2}
"""The levels of the package's loggers that -v, -vv and -vvv show."""


class Messages(logging.Handler):
    """Writes messages whose level is within ``level``; as a handler, those of the package's loggers too."""

    def __init__(self, level: str = "INFO", log_file: str | None = None, *, info_from: str = "VERBOSE") -> None:
        super().__init__()
        self._shown_from = {
            logging.CRITICAL: "FATAL",
            logging.ERROR: "ERROR",
            logging.WARNING: "INFO",
            logging.INFO: info_from,  # for one who only wants a shell, the stack's own INFO is no news
            **{severity: name for name, severity in SEVERITIES.items()},
        }
        self.verbosity = LEVELS.index(level)
        # Append, as OpenSSH does: several connections may share a log.
        self._file: TextIO | None = None
        if log_file is not None:
            path = os.path.expanduser(log_file)
            self._file = open(path, "a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115

    def shown(self, level: str) -> bool:
        """Return whether messages of ``level`` are written."""
        return self.verbosity >= LEVELS.index(level)

    def say(self, text: str, level: str = "INFO") -> None:
        """Write ``text`` if ``level`` is within what was asked for; a broken stderr is no reason to fail."""
        if not self.shown(level):
            return
        stream = self._file or sys.stderr
        # A terminal in raw mode does not return the carriage by itself.
        end = "\r\n" if self._file is None and stream is not None and stream.isatty() else "\n"
        try:
            stream.write(end.join(text.rstrip("\n").split("\n")) + end)
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass

    def louder(self, steps: int) -> str:
        """Change what is shown by ``steps`` and return the new level."""
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
        """Take no more records and close the log file."""
        logging.getLogger("jupyter_ssh").removeHandler(self)
        if self._file is not None:
            self._file.close()
        super().close()

    def attach(self) -> None:
        """Show the package's log records; none is made that would not be shown."""
        logger = logging.getLogger("jupyter_ssh")
        if self not in logger.handlers:
            logger.addHandler(self)
            logger.propagate = False
        if self.shown("DEBUG1"):
            logger.setLevel(SEVERITIES[LEVELS[self.verbosity]])
        else:
            logger.setLevel(logging.INFO if self.shown(self._shown_from[logging.INFO]) else logging.WARNING)
