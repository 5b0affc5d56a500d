"""Whether users are told how a new connection was made."""

from __future__ import annotations

from jupyter_ssh.ssh.config.options import Options

_ERRORS_ONLY = ("QUIET", "FATAL", "ERROR")


def wants_errors_only(options: Options) -> bool:
    """Return whether LogLevel (ssh_config(5)) leaves out warnings and notes about a new connection."""
    return options.log_level in _ERRORS_ONLY
