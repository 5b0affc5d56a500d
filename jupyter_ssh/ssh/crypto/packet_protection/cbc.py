"""Cipher block chaining (RFC 4253 §6.3): each packet continues from the last block of the previous one.

With encrypt-and-MAC, the length has to be decrypted and trusted before anything is authenticated.  An attacker who can
modify bytes in transit learns a block's plaintext from how many bytes it takes until the connection ends
(CVE-2008-5161). The countermeasure is OpenSSH's: whatever is wrong with a packet, keep reading until as many bytes have
arrived as the longest packet has, authenticate as many, and always fail in the same way.
"""

from __future__ import annotations

from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.modes import CBC

from jupyter_ssh.ssh.crypto.packet_protection.framing import (
    MAX_PACKET,
    MIN_PACKET,
    SEQUENCE_MASK,
    wrong_padding,
    wrong_tag,
)
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Authenticator, CipherStream


def cbc(algorithm: BlockCipherAlgorithm, iv: bytes, *, encrypt: bool) -> CipherContext:
    """Return the chain of ``algorithm`` that begins with ``iv``, one block, for one direction."""
    cipher = Cipher(algorithm, CBC(iv))
    return cipher.encryptor() if encrypt else cipher.decryptor()


class CbcAndMacOpener:
    """An opener for packets of `EncryptAndMacSealer` with CBC; see above for invalid ones."""

    __slots__ = ("_alignment", "_authenticate", "_bad_from", "_first", "_tag_size", "_update", "overhead", "sequence")

    def __init__(
        self, context: CipherStream, block_size: int, authenticator: Authenticator, tag_size: int, sequence: int
    ) -> None:
        self._update = context.update
        self._alignment = max(block_size, 8)
        self._authenticate = authenticator.tag
        self._tag_size = tag_size
        self._first = b""
        self._bad_from = -1  # bytes of an invalid packet that were already authenticated; -1 if there is none
        self.overhead = 4 + tag_size
        self.sequence = sequence

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`, except that an invalid length and an invalid tag raise the same `PacketIntegrityError`,
        once the longest packet would have been received."""
        if self._bad_from >= 0:
            self._read_on(buffer, start, end)
            return None
        alignment = self._alignment
        first_end = start + alignment
        first = self._first
        if not first:
            if end < first_end:
                return None
            self._first = first = self._update(buffer[start:first_end])
        length = int.from_bytes(first[:4], "big")
        if (length + 4) % alignment or not MIN_PACKET <= length <= MAX_PACKET:
            self._bad_from = 0
            self._read_on(buffer, start, end)
            return None
        body_end = start + 4 + length
        packet_end = body_end + self._tag_size
        if end < packet_end:
            return None
        sequence = self.sequence
        body = first[4:] + self._update(buffer[first_end:body_end])
        if not compare_digest(self._authenticate(sequence, first[:4], body), buffer[body_end:packet_end]):
            self._bad_from = body_end - start
            self._read_on(buffer, start, end)
            return None
        self._first = b""
        self.sequence = (sequence + 1) & SEQUENCE_MASK
        if not 4 <= body[0] <= length - 2:
            raise wrong_padding(body)
        return body

    def _read_on(self, buffer: memoryview, start: int, end: int) -> None:
        """Raise once as many bytes have arrived as the longest packet has."""
        longest = start + 4 + MAX_PACKET
        if end >= longest + self._tag_size:
            self._authenticate(self.sequence, b"", buffer[start + self._bad_from : longest])
            raise wrong_tag(self.sequence)
