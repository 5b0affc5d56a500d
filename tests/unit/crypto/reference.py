"""Binary packets made the slow and plain way, straight from the specifications: to compare with, and to make packets
no sealer of ours would make.

ChaCha20, Poly1305, RC4 and UMAC are written out, and so are the modes: nothing here is shared with the code under test
but the block ciphers themselves.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5, Blowfish, TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import MACS, Mac
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


# --- block ciphers and RC4 --------------------------------------------------------------------------------------------

_BLOCK_CIPHERS: dict[str, Callable[[bytes], BlockCipherAlgorithm]] = {
    "aes": AES,
    "rijndael": AES,
    "3des": TripleDES,
    "des": lambda key: TripleDES(key + key + key),
    "blowfish": Blowfish,
    "cast128": CAST5,
}


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=False))


def _ctr(algorithm: BlockCipherAlgorithm, iv: bytes, skipped: int, data: bytes) -> bytes:
    """RFC 4344 §4, from byte ``skipped`` of the keystream on."""
    encipher, size = BlockCipher(algorithm, ECB()).encryptor().update, len(iv)
    assert skipped % size == 0
    counter, stream = int.from_bytes(iv, "big") + skipped // size, b""
    while len(stream) < len(data):
        stream += encipher((counter % (1 << 8 * size)).to_bytes(size, "big"))
        counter += 1
    return _xor(data, stream)


def _cbc(algorithm: BlockCipherAlgorithm, iv: bytes, data: bytes) -> bytes:
    encipher, size, blocks = BlockCipher(algorithm, ECB()).encryptor().update, len(iv), [iv]
    for at in range(0, len(data), size):
        blocks.append(encipher(_xor(data[at : at + size], blocks[-1])))
    return b"".join(blocks[1:])


def _rc4(key: bytes, skipped: int, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    stream, i, j = bytearray(), 0, 0
    while len(stream) < skipped + len(data):
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        stream.append(state[(state[i] + state[j]) % 256])
    return _xor(data, stream[skipped:])


# --- RFC 4418, its pseudo-code as it stands ---------------------------------------------------------------------------


def _kdf(key: bytes, index: int, size: int) -> bytes:
    encipher = BlockCipher(AES(key), ECB()).encryptor().update
    count = -(-size // 16)
    return b"".join(encipher(index.to_bytes(8, "big") + i.to_bytes(8, "big")) for i in range(1, count + 1))[:size]


def _nh(key: bytes, message: bytes) -> int:
    m = [int.from_bytes(message[at : at + 4], "little") for at in range(0, len(message), 4)]  # ENDIAN-SWAP
    k = [int.from_bytes(key[at : at + 4], "big") for at in range(0, len(key), 4)]
    y = 0
    for i in range(0, len(m), 8):
        for j in range(i, i + 4):
            y += ((m[j] + k[j]) % (1 << 32)) * ((m[j + 4] + k[j + 4]) % (1 << 32))
    return y % (1 << 64)


def _uhash(key_1: bytes, key_2: bytes, key_31: bytes, key_32: bytes, message: bytes) -> bytes:
    chunks = [message[at : at + 1024] for at in range(0, len(message), 1024)] or [b""]
    a = []
    for chunk in chunks:
        padded = chunk + bytes(-len(chunk) % 32) or bytes(32)
        a.append((_nh(key_1, padded) + 8 * len(chunk)) % (1 << 64))
    if len(chunks) == 1:
        b = a[0]
    else:
        k, p, b = int.from_bytes(key_2[:8], "big") & 0x01FFFFFF01FFFFFF, (1 << 64) - 59, 1
        for word in a:
            if word >= (1 << 64) - (1 << 32):
                b = (k * b + p - 1) % p
                b = (k * b + word - 59) % p
            else:
                b = (k * b + word) % p
    words = b.to_bytes(16, "big")
    y = 0
    for i in range(8):
        m_i = int.from_bytes(words[2 * i : 2 * i + 2], "big")
        y += m_i * (int.from_bytes(key_31[8 * i : 8 * i + 8], "big") % ((1 << 36) - 5))
    return _xor((y % ((1 << 36) - 5) % (1 << 32)).to_bytes(4, "big"), key_32)


def umac(key: bytes, nonce: bytes, message: bytes, tag_size: int) -> bytes:
    count = tag_size // 4
    key_1, key_2 = _kdf(key, 1, 1024 + (count - 1) * 16), _kdf(key, 2, count * 24)
    key_31, key_32 = _kdf(key, 3, count * 64), _kdf(key, 4, count * 4)
    hashed = b"".join(
        _uhash(
            key_1[i * 16 : i * 16 + 1024],
            key_2[i * 24 : i * 24 + 24],
            key_31[i * 64 : i * 64 + 64],
            key_32[i * 4 : i * 4 + 4],
            message,
        )
        for i in range(count)
    )
    index = int.from_bytes(nonce, "big") % (16 // tag_size)
    nonce = (int.from_bytes(nonce, "big") ^ index).to_bytes(len(nonce), "big")
    pad = BlockCipher(AES(_kdf(key, 0, 16)), ECB()).encryptor().update(nonce + bytes(16 - len(nonce)))
    return _xor(hashed, pad[index * tag_size :])


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
    def reads_on(self) -> bool:
        """Whether a wrong packet is told only when the longest one would be there (CBC without -etm)."""
        return self.cipher is not None and "cbc" in self.cipher and self.counted == 4

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

    def packet(self, length: int, body: bytes, sequence: int = 0, before: Sequence[bytes] = ()) -> bytes:
        """The packet whose length field says ``length``, whatever the body is; ``before`` are the packets that were
        sealed under these keys already."""
        if self.cipher is None:
            return uint32(length) + body
        if "gcm" in self.cipher:
            counter = (int.from_bytes(self.iv[4:], "big") + len(before)) % (1 << 64)
            nonce = self.iv[:4] + counter.to_bytes(8, "big")
            return uint32(length) + AESGCM(self.key).encrypt(nonce, body, uint32(length))
        if "chacha20" in self.cipher:
            text = _chacha20(self.key[32:], sequence, 0, uint32(length)) + _chacha20(self.key[:32], sequence, 1, body)
            return text + poly1305(_chacha20(self.key[:32], sequence, 0, bytes(32)), text)
        assert self.mac
        row = MACS[self.mac]
        ciphertexts = b"".join(packet[4 - self.counted : len(packet) - row.tag_size] for packet in before)
        if row.etm:
            covered = text = uint32(length) + self._encrypt(body, ciphertexts)
        else:
            covered = uint32(length) + body
            text = self._encrypt(covered, ciphertexts)
        return text + self._tag(row, sequence, covered)

    def _encrypt(self, data: bytes, ciphertexts: bytes) -> bytes:
        assert self.cipher
        if self.cipher.startswith("arcfour"):
            skipped = 0 if self.cipher == "arcfour" else 1536
            return _rc4(self.key, skipped + len(ciphertexts), data)
        block_cipher, _, mode = self.cipher.partition("@")[0].partition("-")
        algorithm = _BLOCK_CIPHERS[block_cipher.rstrip("0123456789") if "aes" in block_cipher else block_cipher](
            self.key
        )
        if mode == "ctr":
            return _ctr(algorithm, self.iv, len(ciphertexts), data)
        # What is no whole block stays out: such a packet is not to be read to its end anyway.
        size = len(self.iv)
        return _cbc(algorithm, (self.iv + ciphertexts)[-size:], data[: len(data) // size * size])

    def _tag(self, row: Mac, sequence: int, covered: bytes) -> bytes:
        if row.name.startswith("umac"):
            return umac(self.mac_key, bytes(4) + uint32(sequence), covered, row.tag_size)
        return hmac.digest(self.mac_key, uint32(sequence) + covered, row.hash_name)[: row.tag_size]


_MODERN = [row.name for row in MACS.values() if row.grade is Grade.MODERN]
# Each way there is to make a tag; that the rest of the table differs in sizes only is shown with AsyncSSH.
_OTHER_MACS = (
    "hmac-sha1-etm@openssh.com",
    "hmac-sha1-96",
    "hmac-md5-96-etm@openssh.com",
    "hmac-md5",
    "umac-64@openssh.com",
    "umac-128-etm@openssh.com",
)
# Each cipher × MAC of today; of the others each cipher with both orders of encrypting and authenticating, and each MAC
# with a cipher that is quick.
PROTECTED: list[tuple[str, str | None]] = [
    *(
        (row.name, mac)
        for row in CIPHERS.values()
        if row.grade is Grade.MODERN
        for mac in ([None] if row.integrated_mac else _MODERN)
    ),
    *(
        (row.name, mac)
        for row in CIPHERS.values()
        if row.grade is not Grade.MODERN
        for mac in ("hmac-sha2-256", "hmac-sha2-512-etm@openssh.com")
    ),
    *(("aes128-ctr", name) for name in _OTHER_MACS),
]
ALL: list[tuple[str | None, str | None]] = [(None, None), *PROTECTED]


def ids(pair: tuple[str | None, str | None]) -> str:
    """What pytest calls a cipher with its MAC."""
    return "+".join(part.removesuffix("@openssh.com") for part in (pair[0] or "plain", pair[1]) if part)
