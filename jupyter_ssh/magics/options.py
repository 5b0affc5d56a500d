"""The long options that ``%ssh`` and ``%%ssh`` add to OpenSSH's letters, and the parsing of their lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_ssh.ssh.config.arguments import Arguments, LongOption, Usage, parse_line

LONG_OPTIONS = (
    LongOption("out", "store stdout in this variable", "NAME"),
    LongOption("err", "store stderr in this variable", "NAME"),
    LongOption("bg", "run in the background"),
    LongOption("proc", "with --bg: store the process in this variable", "NAME"),
    LongOption("no-raise-error", "do not raise an error if the command fails"),
    LongOption("reconnect", "reconnect automatically on the next use if the connection was lost"),
    LongOption("doctor", "try each step of a connection and show what works"),
    LongOption("show", "show at most this much output; 0: all", "SIZE"),
)

TERMINAL_OPTIONS = (
    LongOption("inline", "show the terminal in the cell's output"),
    LongOption("list", "show the terminals of this kernel"),
)
"""The long options of ``%ssh_terminal``."""

CURRENT = "."
"""The destination that stands for the current connection."""

# Options that %ssh does not accept: they print something and exit, which is better done in a shell.
_SHELL_ONLY = (("query", "-Q"), ("print_options", "-G"), ("log_file", "-E"))

_SIZE = re.compile(r"(\d+)([KMG]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Request:
    """A parsed line of ``%ssh``."""

    arguments: Arguments
    out: str | None
    err: str | None
    proc: str | None
    background: bool
    raise_error: bool
    show: int | None
    doctor: bool = False
    reconnect: bool = False

    @property
    def destination(self) -> str | None:
        """The destination as typed; None for the current connection."""
        name = self.arguments.destination
        return None if name == CURRENT else name


def read_line(line: str, long_options: Sequence[LongOption] = LONG_OPTIONS) -> Request:
    """Parse the line after the magic's name.  Raises `Usage` and other `ConfigError`."""
    arguments = parse_line(line, long_options)
    for attribute, letter in _SHELL_ONLY:
        if getattr(arguments, attribute):
            raise Usage(f"{letter} is for shells", phase="options", next_step=f"Run !jupyter-ssh ssh {letter} ...")
    long = arguments.long
    for option in ("out", "err", "proc"):
        name = long.get(option)
        if isinstance(name, str) and not name.isidentifier():
            raise Usage(f"--{option} {name}", phase="options", expected="the name of a variable", received=repr(name))
    if "proc" in long and "bg" not in long:
        raise Usage("--proc stores a background process", phase="options", expected="--bg too")
    return Request(
        arguments=arguments,
        out=_text(long.get("out")),
        err=_text(long.get("err")),
        proc=_text(long.get("proc")),
        background="bg" in long,
        raise_error="no-raise-error" not in long,
        show=_size(long["show"]) if "show" in long else None,
        doctor="doctor" in long,
        reconnect="reconnect" in long,
    )


def _text(value: str | bool | None) -> str | None:
    return value if isinstance(value, str) else None


def _size(value: str | bool) -> int:
    match = _SIZE.fullmatch(str(value))
    if match is None:
        raise Usage(f"--show {value}", phase="options", expected="a size such as 500K or 4M, 0 for all")
    return int(match[1]) * _UNITS[match[2].upper()]
