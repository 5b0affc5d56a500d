"""Encrypt-then-MAC: OpenSSH's -etm@openssh.com (PROTOCOL §1.5).

The length is in the clear; the tag covers the ciphertext and is checked before anything is decrypted.
"""

from __future__ import annotations

import os
from hmac import compare_digest

from jupyter_ssh.ssh.crypto.packet_protection.framing import (
    MAX_PACKET,
    MIN_PACKET,
    SEQUENCE_MASK,
    UINT32,
    Randomness,
    padding_table,
    wrong_length,
    wrong_padding,
    wrong_tag,
)
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Authenticator, CipherStream

_unpack_length = UINT32.unpack_from
_pack_length = UINT32.pack


class EncryptThenMacSealer:
    """A sealer with a cipher context that continues across packets, and a MAC over the ciphertext."""

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
        self._paddings = padding_table(self._alignment, 0, random)
        self.sequence = sequence

    def seal(self, payload: bytes) -> bytes:
        """See `Sealer.seal`."""
        sequence = self.sequence
        self.sequence = (sequence + 1) & SEQUENCE_MASK
        size = len(payload)
        padding_length, padding, extra = self._paddings[size % self._alignment]
        length = _pack_length(size + extra)
        body = self._update(b"".join((padding_length, payload, padding)))
        return b"".join((length, body, self._authenticate(sequence, length, body)))


class EncryptThenMacOpener:
    """An opener for such packets."""

    __slots__ = ("_alignment", "_authenticate", "_tag_size", "_update", "overhead", "sequence")

    def __init__(
        self, context: CipherStream, block_size: int, authenticator: Authenticator, tag_size: int, sequence: int
    ) -> None:
        self._update = context.update
        self._alignment = max(block_size, 8)
        self._authenticate = authenticator.tag
        self._tag_size = tag_size
        self.overhead = 4 + tag_size
        self.sequence = sequence

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`."""
        body_start = start + 4
        if end < body_start:
            return None
        (length,) = _unpack_length(buffer, start)
        if length % self._alignment or not MIN_PACKET <= length <= MAX_PACKET:
            raise wrong_length(length, self._alignment, 0)
        body_end = body_start + length
        packet_end = body_end + self._tag_size
        if end < packet_end:
            return None
        sequence = self.sequence
        body = buffer[body_start:body_end]
        tag = self._authenticate(sequence, _pack_length(length), body)
        if not compare_digest(tag, buffer[body_end:packet_end]):
            raise wrong_tag(sequence)
        self.sequence = (sequence + 1) & SEQUENCE_MASK
        plain = self._update(body)
        if not 4 <= plain[0] <= length - 2:
            raise wrong_padding(plain)
        return plain
