"""Encoded terminal modes (RFC 4254 §8): (opcode, uint32) pairs up to opcode 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.wire.types import Reader, uint32

TTY_OP_END: Final = 0

OPCODES: Final[dict[str, int]] = {
    "VINTR": 1,
    "VQUIT": 2,
    "VERASE": 3,
    "VKILL": 4,
    "VEOF": 5,
    "VEOL": 6,
    "VEOL2": 7,
    "VSTART": 8,
    "VSTOP": 9,
    "VSUSP": 10,
    "VDSUSP": 11,
    "VREPRINT": 12,
    "VWERASE": 13,
    "VLNEXT": 14,
    "VFLUSH": 15,
    "VSWTCH": 16,
    "VSTATUS": 17,
    "VDISCARD": 18,
    "IGNPAR": 30,
    "PARMRK": 31,
    "INPCK": 32,
    "ISTRIP": 33,
    "INLCR": 34,
    "IGNCR": 35,
    "ICRNL": 36,
    "IUCLC": 37,
    "IXON": 38,
    "IXANY": 39,
    "IXOFF": 40,
    "IMAXBEL": 41,
    "IUTF8": 42,  # RFC 8160
    "ISIG": 50,
    "ICANON": 51,
    "XCASE": 52,
    "ECHO": 53,
    "ECHOE": 54,
    "ECHOK": 55,
    "ECHONL": 56,
    "NOFLSH": 57,
    "TOSTOP": 58,
    "IEXTEN": 59,
    "ECHOCTL": 60,
    "ECHOKE": 61,
    "PENDIN": 62,
    "OPOST": 70,
    "OLCUC": 71,
    "ONLCR": 72,
    "OCRNL": 73,
    "ONOCR": 74,
    "ONLRET": 75,
    "CS7": 90,
    "CS8": 91,
    "PARENB": 92,
    "PARODD": 93,
    "TTY_OP_ISPEED": 128,
    "TTY_OP_OSPEED": 129,
}
"""Mode name to opcode; the names are those of termios."""

NAMES: Final[dict[int, str]] = {opcode: name for name, opcode in OPCODES.items()}

FIRST_UNDEFINED_OPCODE: Final = 160
"""From this opcode on the size of the argument is undefined, so parsing stops (RFC 4254 §8)."""


def encode_modes(modes: Mapping[str, int]) -> bytes:
    """Encode modes by name.  Raises KeyError for a name without an opcode."""
    body = b"".join(bytes((OPCODES[name],)) + uint32(value) for name, value in modes.items())
    return body + bytes((TTY_OP_END,))


def decode_modes(data: bytes) -> dict[str, int]:
    """Decode modes by name; opcodes without a name are skipped.  Raises `WireError`."""
    reader = Reader(data)
    modes: dict[str, int] = {}
    while reader.remaining:
        opcode = reader.byte()
        if opcode == TTY_OP_END or opcode >= FIRST_UNDEFINED_OPCODE:
            break
        if reader.remaining < 4:
            raise WireError("terminal modes end inside a value", expected="4 bytes", received=f"{reader.remaining}")
        value = reader.uint32()
        if opcode in NAMES:
            modes[NAMES[opcode]] = value
    return modes
