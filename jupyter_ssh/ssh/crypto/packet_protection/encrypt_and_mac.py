"""Encrypt-and-MAC (RFC 4253 §6): the tag covers the plaintext, and the length is encrypted."""

from __future__ import annotations

import os
from hmac import compare_digest

from jupyter_ssh.ssh.crypto.packet_protection.framing import (
    MAX_PACKET,
    MIN_PACKET,
    SEQUENCE_MASK,
    Randomness,
    padding_table,
    wrong_length,
    wrong_padding,
    wrong_tag,
)
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Authenticator, CipherStream


class EncryptAndMacSealer:
    """A sealer with a cipher context that continues across packets, and a MAC."""

    __slots__ = ("_alignment", "_authenticate", "_paddings", "_update", "sequence")

    def __init__(
        self,
        context: CipherStream,
        block_size: int,
        authenticator: Authenticator,
        sequence: int,
        random: Randomness = os.urandom,
    ) -> None:
        self._update = context.update
        self._alignment = max(block_size, 8)
        self._authenticate = authenticator.tag
        self._paddings = padding_table(self._alignment, 4, random)
        self.sequence = sequence

    def seal(self, payload: bytes) -> bytes:
        """See `Sealer.seal`."""
        sequence = self.sequence
        self.sequence = (sequence + 1) & SEQUENCE_MASK
        size = len(payload)
        padding_length, padding, extra = self._paddings[size % self._alignment]
        packet = b"".join(((size + extra).to_bytes(4, "big"), padding_length, payload, padding))
        return self._update(packet) + self._authenticate(sequence, b"", packet)


class EncryptAndMacOpener:
    """An opener for such packets.

    The first block has to be decrypted to know the length, so it is kept until the rest has arrived.
    """

    __slots__ = ("_alignment", "_authenticate", "_first", "_tag_size", "_update", "overhead", "sequence")

    def __init__(
        self, context: CipherStream, block_size: int, authenticator: Authenticator, tag_size: int, sequence: int
    ) -> None:
        self._update = context.update
        self._alignment = max(block_size, 8)
        self._authenticate = authenticator.tag
        self._tag_size = tag_size
        self._first = b""
        self.overhead = 4 + tag_size
        self.sequence = sequence

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`."""
        alignment = self._alignment
        first_end = start + alignment
        first = self._first
        if not first:
            if end < first_end:
                return None
            self._first = first = self._update(buffer[start:first_end])
        length = int.from_bytes(first[:4], "big")
        if (length + 4) % alignment or not MIN_PACKET <= length <= MAX_PACKET:
            raise wrong_length(length, alignment, 4)
        body_end = start + 4 + length
        packet_end = body_end + self._tag_size
        if end < packet_end:
            return None
        sequence = self.sequence
        body = first[4:] + self._update(buffer[first_end:body_end])
        if not compare_digest(self._authenticate(sequence, first[:4], body), buffer[body_end:packet_end]):
            raise wrong_tag(sequence)
        self._first = b""
        self.sequence = (sequence + 1) & SEQUENCE_MASK
        if not 4 <= body[0] <= length - 2:
            raise wrong_padding(body)
        return body
