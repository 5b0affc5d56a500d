"""Apply the terminal modes of a pty-req (RFC 4254 §8) with termios.  Unix only; imported where used."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Mapping
from typing import Any, Final

if sys.platform == "win32":
    raise ImportError("termios is not available on Windows")

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)

_FLAGS: Final[dict[int, tuple[str, ...]]] = {
    _IFLAG: (
        "IGNPAR",
        "PARMRK",
        "INPCK",
        "ISTRIP",
        "INLCR",
        "IGNCR",
        "ICRNL",
        "IUCLC",
        "IXON",
        "IXANY",
        "IXOFF",
        "IMAXBEL",
        "IUTF8",
    ),
    _OFLAG: ("OPOST", "OLCUC", "ONLCR", "OCRNL", "ONOCR", "ONLRET"),
    _CFLAG: ("PARENB", "PARODD"),
    _LFLAG: (
        "ISIG",
        "ICANON",
        "XCASE",
        "ECHO",
        "ECHOE",
        "ECHOK",
        "ECHONL",
        "NOFLSH",
        "TOSTOP",
        "IEXTEN",
        "ECHOCTL",
        "ECHOKE",
        "PENDIN",
    ),
}

# Missing from Python's termios before 3.13; the same number on Linux and macOS.
_VALUES: Final = {"IUTF8": 0x4000}

FIELDS: Final[dict[str, tuple[int, int]]] = {
    name: (field, mask)
    for field, names in _FLAGS.items()
    for name in names
    if (mask := getattr(termios, name, _VALUES.get(name))) is not None
}
"""Mode names to (index in termios.tcgetattr's list, bit mask), for the modes of this system."""

CHARACTERS: Final[dict[str, int]] = {
    name: getattr(termios, name)
    for name in (
        "VINTR",
        "VQUIT",
        "VERASE",
        "VKILL",
        "VEOF",
        "VEOL",
        "VEOL2",
        "VSTART",
        "VSTOP",
        "VSUSP",
        "VDSUSP",
        "VREPRINT",
        "VWERASE",
        "VLNEXT",
        "VSTATUS",
        "VDISCARD",
    )
    if hasattr(termios, name)
}
"""Mode names to indices in the list of control characters."""

_DISABLED: Final = 255
"""A control character that is not in use (RFC 4254 §8)."""

_SPEEDS: Final = {
    int(name[1:]): value for name, value in vars(termios).items() if name[0] == "B" and name[1:].isdecimal()
}
_SPEED_FIELDS: Final = {"TTY_OP_ISPEED": _ISPEED, "TTY_OP_OSPEED": _OSPEED}


def apply_modes(descriptor: int, modes: Mapping[str, int]) -> None:
    """Set the named modes on a terminal, except those that this system does not have; raises `OSError`."""
    try:
        attributes: list[Any] = termios.tcgetattr(descriptor)
        for name, value in modes.items():
            _apply(attributes, descriptor, name, value)
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    except termios.error as error:
        raise OSError(*error.args) from None


def _apply(attributes: list[Any], descriptor: int, name: str, value: int) -> None:
    if name in FIELDS:
        field, mask = FIELDS[name]
        attributes[field] = attributes[field] | mask if value else attributes[field] & ~mask
    elif name in CHARACTERS:
        disabled = value >= _DISABLED
        byte = os.fpathconf(descriptor, "PC_VDISABLE") if disabled else value
        attributes[_CC][CHARACTERS[name]] = bytes((byte & 0xFF,))
    elif name in _SPEED_FIELDS and value in _SPEEDS:
        attributes[_SPEED_FIELDS[name]] = _SPEEDS[value]
    elif name in ("CS7", "CS8") and value:
        attributes[_CFLAG] = attributes[_CFLAG] & ~termios.CSIZE | getattr(termios, name)
