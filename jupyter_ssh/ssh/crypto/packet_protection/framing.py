"""Common to all constructions: limits of a packet's length, its padding, and their errors (RFC 4253 §6)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from jupyter_ssh.ssh.errors import PacketError, PacketIntegrityError

MAX_PACKET = 256 * 1024
"""Largest accepted packet_length: OpenSSH's PACKET_MAX_SIZE; RFC 4253 §6.1 requires at least 35000 bytes."""

MIN_PACKET = 5
"""Smallest possible packet_length: the padding_length byte and four bytes of padding."""

SEQUENCE_MASK = 0xFFFFFFFF
"""Sequence numbers are uint32 and wrap (RFC 4253 §6.4)."""

UINT32 = Struct(">I")

Randomness = Callable[[int], bytes]
"""Returns that many random bytes: `os.urandom`, or a seeded source to replay a session."""

PaddingTable = list[tuple[bytes, bytes, int]]
"""For each ``len(payload) % alignment``: the padding_length byte, the padding, and their total length in bytes."""


def padding_table(alignment: int, counted: int, random: Randomness) -> PaddingTable:
    """Return paddings that make the length of packets a multiple of ``alignment``.

    ``counted`` bytes of the length field are included: 4 if it is encrypted with the body, else 0.

    The padding is drawn once and used for all packets of a key.  RFC 4253 §6 wants it random so that equal payloads do
    not encrypt equally under a weak mode.  But each construction here encrypts every packet under fresh keystream or
    continues the chain of the previous packet, so padding adds nothing, and drawing it anew would cost as much as
    encrypting a small packet.  Before the first key exchange it is sent in the clear, with nothing to hide.
    """
    string = random(alignment + 3)
    table = []
    for remainder in range(alignment):
        size = -(counted + 1 + remainder) % alignment
        if size < 4:
            size += alignment
        table.append((bytes((size,)), string[:size], 1 + size))
    return table


def wrong_length(length: int, alignment: int, counted: int) -> PacketError:
    """Return the error for a ``packet_length`` that is out of range or not aligned."""
    return PacketError(
        "invalid packet length",
        phase="binary packet",
        expected=f"{MIN_PACKET} to {MAX_PACKET} bytes, in steps of {alignment}"
        + (f" with the {counted} of the length field" if counted else ""),
        received=str(length),
        next_step="What was received is not SSH, was altered, or was decrypted with the wrong key; connect again",
    )


def wrong_padding(body: bytes) -> PacketError:
    """Return the error for a padding_length that is too small, or leaves no room for a message number."""
    return PacketError(
        "invalid padding length",
        phase="binary packet",
        expected=f"4 to {len(body) - 2} bytes of padding in a packet of {len(body)}",
        received=str(body[0]),
    )


def wrong_tag(sequence: int) -> PacketIntegrityError:
    """Return the error for packet number ``sequence`` whose tag does not match."""
    return PacketIntegrityError(
        f"Corrupted MAC on input: packet {sequence} failed its integrity check",
        phase="binary packet",
        next_step="It was altered in transit, or the two sides have different keys; connect again",
    )
