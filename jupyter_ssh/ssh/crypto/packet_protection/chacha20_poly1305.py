"""chacha20-poly1305@openssh.com: OpenSSH's PROTOCOL.chacha20poly1305.

There are two ChaCha20 keys: the second encrypts the length field only, the first the body, after its block 0 has
provided the Poly1305 key.  The nonce is the packet's sequence number, so a key must not be used for more than 2**32
packets.
"""

from __future__ import annotations

import os
from struct import Struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.poly1305 import Poly1305

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

ALIGNMENT = 8
TAG_SIZE = 16
OVERHEAD = 4 + TAG_SIZE

_pack_length = UINT32.pack
_unpack_length = UINT32.unpack
# Block counter 0 and the nonce, combined as `ChaCha20` expects them.
_pack_nonce = Struct(">8xQ").pack
# A block of keystream whose first half is the Poly1305 key; the body begins with block 1.
_BLOCK_0 = bytes(64)


def _stream(key: bytes) -> CipherContext:
    return Cipher(ChaCha20(key, bytes(16)), None).encryptor()


class ChaCha20Poly1305Sealer:
    """A sealer that encrypts packets; ``key`` is 64 bytes, K_2 ‖ K_1 in the terms of PROTOCOL.chacha20poly1305."""

    __slots__ = ("_body_reset", "_body_update", "_length_reset", "_length_update", "_paddings", "sequence")

    def __init__(self, key: bytes, sequence: int, random: Randomness = os.urandom) -> None:
        body, length = _stream(key[:32]), _stream(key[32:])
        self._body_reset, self._body_update = body.reset_nonce, body.update
        self._length_reset, self._length_update = length.reset_nonce, length.update
        self._paddings = padding_table(ALIGNMENT, 0, random)
        self.sequence = sequence

    def seal(self, payload: bytes) -> bytes:
        """See `Sealer.seal`."""
        sequence = self.sequence
        self.sequence = (sequence + 1) & SEQUENCE_MASK
        nonce = _pack_nonce(sequence)
        size = len(payload)
        padding_length, padding, extra = self._paddings[size & 7]
        self._length_reset(nonce)
        self._body_reset(nonce)
        stream = self._body_update(b"".join((_BLOCK_0, padding_length, payload, padding)))
        packet = self._length_update(_pack_length(size + extra)) + memoryview(stream)[64:]
        return packet + Poly1305.generate_tag(stream[:32], packet)


class ChaCha20Poly1305Opener:
    """An opener that authenticates and decrypts packets; ``key`` is as for the sealer."""

    __slots__ = ("_body_reset", "_body_update", "_length", "_length_reset", "_length_update", "overhead", "sequence")

    def __init__(self, key: bytes, sequence: int) -> None:
        body, length = _stream(key[:32]), _stream(key[32:])
        self._body_reset, self._body_update = body.reset_nonce, body.update
        self._length_reset, self._length_update = length.reset_nonce, length.update
        self._length = 0  # of the incomplete packet; 0 until its length field has arrived
        self.overhead = OVERHEAD
        self.sequence = sequence

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`."""
        body_start = start + 4
        sequence = self.sequence
        nonce = _pack_nonce(sequence)
        length: int = self._length
        if not length:
            if end < body_start:
                return None
            self._length_reset(nonce)
            (length,) = _unpack_length(self._length_update(buffer[start:body_start]))
            if length & 7 or not MIN_PACKET <= length <= MAX_PACKET:
                raise wrong_length(length, ALIGNMENT, 0)
            self._length = length
        tag_start = body_start + length
        packet_end = tag_start + TAG_SIZE
        if end < packet_end:
            return None
        self._body_reset(nonce)
        key = self._body_update(_BLOCK_0)[:32]
        try:
            Poly1305.verify_tag(key, buffer[start:tag_start], bytes(buffer[tag_start:packet_end]))
        except InvalidSignature:
            raise wrong_tag(sequence) from None
        body = self._body_update(buffer[body_start:tag_start])
        self._length = 0
        self.sequence = (sequence + 1) & SEQUENCE_MASK
        if not 4 <= body[0] <= length - 2:
            raise wrong_padding(body)
        return body
