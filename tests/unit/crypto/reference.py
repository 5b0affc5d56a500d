"""Binary packets made the slow and plain way, straight from the specifications: to compare with, and to make packets
no sealer of ours would make.

ChaCha20 and Poly1305 are written out, so that nothing here is shared with the code under test but AES itself.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener, Sealer
from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer

MASK = 0xFFFFFFFF


def uint32(value: int) -> bytes:
    return value.to_bytes(4, "big")


# --- RFC 8439 ---------------------------------------------------------------------------------------------------------


def _quarter_round(x: list[int], a: int, b: int, c: int, d: int) -> None:
    for first, second, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[first] = (x[first] + x[second]) & MASK
        mixed = x[third] ^ x[first]
        x[third] = (mixed << bits | mixed >> (32 - bits)) & MASK


def chacha20_block(key: bytes, tail: bytes) -> bytes:
    """One block of keystream; ``tail`` is the last four words of the state, counter and nonce."""
    seed = b"expand 32-byte k" + key + tail
    state = [int.from_bytes(seed[at : at + 4], "little") for at in range(0, 64, 4)]
    x = list(state)
    for _ in range(10):
        for column in range(4):
            _quarter_round(x, column, column + 4, column + 8, column + 12)
        for column in range(4):
            _quarter_round(x, column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return b"".join(((a + b) & MASK).to_bytes(4, "little") for a, b in zip(x, state, strict=True))


def poly1305(key: bytes, data: bytes) -> bytes:
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at : at + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) % (1 << 128)).to_bytes(16, "little")


def _chacha20(key: bytes, sequence: int, counter: int, data: bytes) -> bytes:
    stream = b""
    while len(stream) < len(data):
        stream += chacha20_block(key, counter.to_bytes(8, "little") + sequence.to_bytes(8, "big"))
        counter += 1
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))


# --- constructions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Protection:
    """A cipher and a MAC by name with keys drawn once: sealers and openers of ours, and packets made by hand."""

    cipher: str | None  # None before the first key exchange
    mac: str | None = None
    key: bytes = field(default=b"", repr=False)
    iv: bytes = field(default=b"", repr=False)
    mac_key: bytes = field(default=b"", repr=False)

    @classmethod
    def draw(cls, cipher: str | None, mac: str | None = None) -> Protection:
        if cipher is None:
            return cls(None)
        row = CIPHERS[cipher]
        mac_key = os.urandom(MACS[mac].key_size) if mac else b""
        return cls(cipher, mac, os.urandom(row.key_size), os.urandom(row.iv_size), mac_key)

    @property
    def tag_size(self) -> int:
        if self.cipher is None:
            return 0
        return MACS[self.mac].tag_size if self.mac else 16

    @property
    def alignment(self) -> int:
        return max(8, CIPHERS[self.cipher].block_size) if self.cipher else 8

    @property
    def counted(self) -> int:
        """How many bytes of the length field count for the alignment."""
        return 0 if self.cipher and (self.mac is None or MACS[self.mac].etm) else 4

    @property
    def length_known_after(self) -> int:
        """Bytes of a packet from which its length can be told."""
        return self.alignment if self.cipher and self.counted else 4

    def sealer(self, sequence: int = 0, random: Callable[[int], bytes] = os.urandom) -> Sealer:
        if self.cipher is None:
            return PlainSealer(sequence, random)
        mac = MACS[self.mac] if self.mac else None
        return CIPHERS[self.cipher].sealer(self.key, self.iv, mac, self.mac_key, sequence, random)

    def opener(self, sequence: int = 0) -> Opener:
        if self.cipher is None:
            return PlainOpener(sequence)
        return CIPHERS[self.cipher].opener(
            self.key, self.iv, MACS[self.mac] if self.mac else None, self.mac_key, sequence
        )

    def packet(self, length: int, body: bytes, sequence: int = 0, earlier: int = 0) -> bytes:
        """The packet whose length field says ``length``, whatever the body is; ``earlier`` is how many packets (for
        GCM) or bytes (for CTR) were encrypted under these keys before."""
        if self.cipher is None:
            return uint32(length) + body
        if "gcm" in self.cipher:
            counter = (int.from_bytes(self.iv[4:], "big") + earlier) % (1 << 64)
            nonce = self.iv[:4] + counter.to_bytes(8, "big")
            return uint32(length) + AESGCM(self.key).encrypt(nonce, body, uint32(length))
        if "chacha20" in self.cipher:
            text = _chacha20(self.key[32:], sequence, 0, uint32(length)) + _chacha20(self.key[:32], sequence, 1, body)
            return text + poly1305(_chacha20(self.key[:32], sequence, 0, bytes(32)), text)
        assert self.mac
        row = MACS[self.mac]
        encryptor = BlockCipher(AES(self.key), CTR(self.iv)).encryptor()
        encryptor.update(bytes(earlier))
        if row.etm:
            covered = text = uint32(length) + encryptor.update(body)
        else:
            covered = uint32(length) + body
            text = encryptor.update(covered)
        return text + hmac.digest(self.mac_key, uint32(sequence) + covered, row.hash_name)[: row.tag_size]


PROTECTED: list[tuple[str, str | None]] = [
    (row.name, mac) for row in CIPHERS.values() for mac in ([None] if row.integrated_mac else MACS)
]
ALL: list[tuple[str | None, str | None]] = [(None, None), *PROTECTED]


def ids(pair: tuple[str | None, str | None]) -> str:
    """What pytest calls a cipher with its MAC."""
    return "+".join(part.removesuffix("@openssh.com") for part in (pair[0] or "plain", pair[1]) if part)
