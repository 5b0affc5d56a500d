"""Counter mode for ciphers with 64-bit blocks (RFC 4344 §4), which cryptography lacks."""

from __future__ import annotations

from struct import pack

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Buffer

BLOCK_SIZE = 8


class Counter64:
    """The keystream of ``algorithm``, with the counter starting at ``iv`` (8 bytes)."""

    __slots__ = ("_counter", "_encipher")

    def __init__(self, algorithm: BlockCipherAlgorithm, iv: bytes) -> None:
        self._encipher = Cipher(algorithm, ECB()).encryptor().update
        self._counter = int.from_bytes(iv, "big")

    def update(self, data: Buffer) -> bytes:
        """Return ``data``, a whole number of blocks, encrypted or decrypted."""
        size = len(data)
        count = size // BLOCK_SIZE
        first, last = self._counter, self._counter + count
        self._counter = last & 0xFFFFFFFFFFFFFFFF
        counters = range(first, last) if last <= 1 << 64 else [number % (1 << 64) for number in range(first, last)]
        stream = self._encipher(pack(f">{count}Q", *counters))
        return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
