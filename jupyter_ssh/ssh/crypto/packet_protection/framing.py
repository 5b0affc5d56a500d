"""What every construction shares: the limits of a packet's length, its padding, and their errors (RFC 4253 §6)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from jupyter_ssh.ssh.errors import PacketError, PacketIntegrityError

MAX_PACKET = 256 * 1024
"""Largest packet_length we take, OpenSSH's PACKET_MAX_SIZE; RFC 4253 §6.1 demands 35000 bytes at least."""

MIN_PACKET = 5
"""Smallest packet_length there can be: the padding_length byte and four bytes of padding."""

SEQUENCE_MASK = 0xFFFFFFFF
"""Sequence numbers are uint32 and wrap (RFC 4253 §6.4)."""

UINT32 = Struct(">I")

Randomness = Callable[[int], bytes]
"""Gives that many random bytes: `os.urandom`, or a seeded source where a session is replayed."""

PaddingTable = list[tuple[bytes, bytes, int]]
"""For each ``len(payload) % alignment``: the padding_length byte, the padding, and how many bytes the two are."""


def padding_table(alignment: int, counted: int, random: Randomness) -> PaddingTable:
    """Paddings for packets whose length is to be a multiple of ``alignment``, ``counted`` bytes of the length field
    included (4 where it is encrypted with the body, 0 where it is not).

    The padding is drawn once and kept for all packets of a key.  RFC 4253 §6 wants it random so that equal payloads
    do not encrypt equally under a weak mode; each construction here encrypts every packet under fresh keystream or
    goes on with the chain of the packet before, so that padding adds nothing to it, and drawing it anew would cost as
    much as encrypting a small packet.  Before the first key exchange it is in the clear, where it has nothing to hide.
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
    """Return the error for a ``packet_length`` out of range or not aligned."""
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
        f"packet {sequence} failed its integrity check",
        phase="binary packet",
        next_step="It was altered in transit, or the two sides have different keys; connect again",
    )
