"""AES-GCM as in OpenSSH: RFC 5647 §7, with the length field in the clear, as associated data."""

from __future__ import annotations

import os
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

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

ALIGNMENT = 16
TAG_SIZE = 16
OVERHEAD = 4 + TAG_SIZE

_NONCE = Struct(">4sQ")  # RFC 5647 §7.1: a fixed field and the invocation counter
_COUNTER_MASK = 0xFFFFFFFFFFFFFFFF

_unpack_length = UINT32.unpack_from
_pack_length = UINT32.pack
_pack_nonce = _NONCE.pack


class GcmSealer:
    """A sealer that encrypts packets with AES-GCM; the size of the key selects AES-128 or AES-256."""

    __slots__ = ("_counter", "_encrypt", "_fixed", "_offset", "_paddings")

    def __init__(self, key: bytes, iv: bytes, sequence: int, random: Randomness = os.urandom) -> None:
        self._encrypt = AESGCM(key).encrypt
        self._fixed: bytes
        self._counter: int
        self._fixed, self._counter = _NONCE.unpack(iv)
        # The nonce does not depend on the sequence number, so one counter per packet suffices instead of two.
        self._offset = sequence - self._counter
        self._paddings = padding_table(ALIGNMENT, 0, random)

    @property
    def sequence(self) -> int:
        """See `Sealer.sequence`."""
        return (self._counter + self._offset) & SEQUENCE_MASK

    def seal(self, payload: bytes) -> bytes:
        """See `Sealer.seal`."""
        size = len(payload)
        padding_length, padding, extra = self._paddings[size & 15]
        length = _pack_length(size + extra)
        counter = self._counter
        # The counter starts at a random value, so it may well reach 2**64; it must not carry into the fixed field.
        self._counter = (counter + 1) & _COUNTER_MASK
        return length + self._encrypt(
            _pack_nonce(self._fixed, counter), b"".join((padding_length, payload, padding)), length
        )


class GcmOpener:
    """An opener that authenticates and decrypts packets with AES-GCM; the key's size selects AES-128 or AES-256."""

    __slots__ = ("_counter", "_decrypt", "_fixed", "_offset", "overhead")

    def __init__(self, key: bytes, iv: bytes, sequence: int) -> None:
        self._decrypt = AESGCM(key).decrypt
        self._fixed: bytes
        self._counter: int
        self._fixed, self._counter = _NONCE.unpack(iv)
        self._offset = sequence - self._counter
        self.overhead = OVERHEAD

    @property
    def sequence(self) -> int:
        """See `Opener.sequence`."""
        return (self._counter + self._offset) & SEQUENCE_MASK

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`."""
        body_start = start + 4
        if end < body_start:
            return None
        (length,) = _unpack_length(buffer, start)
        if length & 15 or not MIN_PACKET <= length <= MAX_PACKET:
            raise wrong_length(length, ALIGNMENT, 0)
        packet_end = start + OVERHEAD + length
        if end < packet_end:
            return None
        counter = self._counter
        try:
            # Packing the length again is cheaper than slicing the buffer.
            body = self._decrypt(_pack_nonce(self._fixed, counter), buffer[body_start:packet_end], _pack_length(length))
        except InvalidTag:
            raise wrong_tag(self.sequence) from None
        self._counter = (counter + 1) & _COUNTER_MASK
        if not 4 <= body[0] <= length - 2:
            raise wrong_padding(body)
        return body
