"""Packets before the first SSH_MSG_NEWKEYS: framed, neither encrypted nor authenticated (RFC 4253 §6)."""

from __future__ import annotations

import os

from jupyter_ssh.ssh.crypto.packet_protection.framing import (
    MAX_PACKET,
    MIN_PACKET,
    SEQUENCE_MASK,
    UINT32,
    Randomness,
    padding_table,
    wrong_length,
    wrong_padding,
)

ALIGNMENT = 8
"""The cipher's block size or 8, whichever is larger (RFC 4253 §6)."""


class PlainSealer:
    """A sealer that frames packets in the clear."""

    __slots__ = ("_paddings", "sequence")

    def __init__(self, sequence: int = 0, random: Randomness = os.urandom) -> None:
        self.sequence = sequence
        self._paddings = padding_table(ALIGNMENT, 4, random)

    def seal(self, payload: bytes) -> bytes:
        """See `Sealer.seal`."""
        size = len(payload)
        padding_length, padding, extra = self._paddings[size % ALIGNMENT]
        self.sequence = (self.sequence + 1) & SEQUENCE_MASK
        return b"".join(((size + extra).to_bytes(4, "big"), padding_length, payload, padding))


class PlainOpener:
    """An opener that parses packets in the clear."""

    __slots__ = ("overhead", "sequence")

    def __init__(self, sequence: int = 0) -> None:
        self.sequence = sequence
        self.overhead = 4

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`."""
        body_start = start + 4
        if end < body_start:
            return None
        (length,) = UINT32.unpack_from(buffer, start)
        if (length + 4) % ALIGNMENT or not MIN_PACKET <= length <= MAX_PACKET:
            raise wrong_length(length, ALIGNMENT, 4)
        body_end = body_start + length
        if end < body_end:
            return None
        body = bytes(buffer[body_start:body_end])
        if not 4 <= body[0] <= length - 2:
            raise wrong_padding(body)
        self.sequence = (self.sequence + 1) & SEQUENCE_MASK
        return body
