"""UMAC, RFC 4418, with tags of 64 and 128 bits.

Written here because no library that we use has it.  It does not run in constant time.  The inner loop, NH (§5.2.2),
adds all words of a packet to the key at once, as one integer with 64 bits for each 32-bit word.
"""

from __future__ import annotations

from operator import mul
from struct import Struct, unpack

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

KEY_SIZE = 16

_CHUNK = 1024  # bytes that NH reduces to eight
_GROUP = 32  # bytes that NH processes at a time: eight words, the first four of which are combined with the other four
_MASK_64 = (1 << 64) - 1
_PRIME_36 = (1 << 36) - 5
_PRIME_64 = (1 << 64) - 59
_POLY_KEY_MASK = 0x01FFFFFF01FFFFFF
_LARGEST_WORD = (1 << 64) - (1 << 32)
_LONGEST = 1 << 24  # bytes; longer messages would need the 128 bits of §5.3.1, but no packet does

_EIGHT_WORDS = Struct(">8Q")


def _encipher(key: bytes, blocks: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(blocks)


def _derive(key: bytes, index: int, size: int) -> bytes:
    """Return KDF, §3.2.1."""
    blocks = b"".join(index.to_bytes(8, "big") + number.to_bytes(8, "big") for number in range(1, -(-size // 16) + 1))
    return _encipher(key, blocks)[:size]


class _Hash:
    """One of the independent hashes of §5, for four bytes of the tag."""

    __slots__ = ("_key_1", "_key_2", "_key_3", "_key_4", "_repeated")

    def __init__(self, key_1: bytes, key_2: bytes, key_3: bytes, key_4: bytes) -> None:
        words = unpack(">256I", key_1)
        self._key_1 = tuple(
            int.from_bytes(b"".join(word.to_bytes(8, "little") for word in half), "little")
            for half in (words[::2], words[1::2])
        )
        self._key_2 = int.from_bytes(key_2, "big") & _POLY_KEY_MASK
        self._key_3: tuple[int, ...] = tuple(word % _PRIME_36 for word in _EIGHT_WORDS.unpack(key_3))
        self._key_4 = int.from_bytes(key_4, "big")
        self._repeated: dict[int, tuple[int, int, int]] = {}

    def digest(self, even: int, odd: int, padded: int, size: int) -> int:
        """Return UHASH of a message of ``size`` bytes, padded to ``padded``, given as its even and its odd words."""
        chunks = max(1, -(-size // _CHUNK))
        key_even, key_odd, mask = self._keys(chunks)
        mask &= (1 << 8 * padded) - 1
        # Sums modulo 2**32, each in 64 bits: of the words 0, 2, 4 and 6 of each group, and of 1, 3, 5 and 7.
        lanes = f"<{padded // 8}Q"
        evens = unpack(lanes, (even + key_even & mask).to_bytes(padded, "little"))
        odds = unpack(lanes, (odd + key_odd & mask).to_bytes(padded, "little"))
        hashes = []
        for start in range(0, padded // 8, _CHUNK // 8):
            end = start + _CHUNK // 8
            total = sum(map(mul, evens[start:end:4], evens[start + 2 : end : 4]))
            total += sum(map(mul, evens[start + 1 : end : 4], evens[start + 3 : end : 4]))
            total += sum(map(mul, odds[start:end:4], odds[start + 2 : end : 4]))
            total += sum(map(mul, odds[start + 1 : end : 4], odds[start + 3 : end : 4]))
            bits = 8 * min(_CHUNK, size - 8 * start)
            hashes.append(total + bits & _MASK_64)
        return self._inner_product(hashes[0] if chunks == 1 else self._polynomial(hashes)) ^ self._key_4

    def _keys(self, chunks: int) -> tuple[int, int, int]:
        """Return the key repeated for each chunk, and a 32-bit mask for each of its words; cached by powers of two."""
        exponent = (chunks - 1).bit_length()
        keys = self._repeated.get(exponent)
        if keys is None:
            copies = sum(1 << 8 * _CHUNK * index for index in range(1 << exponent))
            mask = int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * (_CHUNK // 8 << exponent), "little")
            keys = (self._key_1[0] * copies, self._key_1[1] * copies, mask)
            self._repeated[exponent] = keys
        return keys

    def _polynomial(self, words: list[int]) -> int:
        """Return L2-HASH, §5.3."""
        key, y = self._key_2, 1
        for word in words:
            if word >= _LARGEST_WORD:
                y = (key * y + _PRIME_64 - 1) % _PRIME_64
                word -= 59
            y = (key * y + word) % _PRIME_64
        return y

    def _inner_product(self, word: int) -> int:
        """Return L3-HASH, §5.4; the upper half of its input is zero for everything we hash."""
        key = self._key_3
        total = (word >> 48) * key[4] + (word >> 32 & 0xFFFF) * key[5] + (word >> 16 & 0xFFFF) * key[6]
        return (total + (word & 0xFFFF) * key[7]) % _PRIME_36 & 0xFFFFFFFF


class Umac:
    """UMAC under one key of `KEY_SIZE` bytes; ``tag_size`` is 8 or 16."""

    __slots__ = ("_encipher", "_hashes", "_tag_size")

    def __init__(self, key: bytes, tag_size: int) -> None:
        count = tag_size // 4
        self._tag_size = tag_size
        self._encipher = Cipher(AES(_derive(key, 0, KEY_SIZE)), ECB()).encryptor().update
        key_1 = _derive(key, 1, _CHUNK + 16 * (count - 1))
        key_2, key_3, key_4 = (_derive(key, index, size * count) for index, size in ((2, 24), (3, 64), (4, 4)))
        self._hashes = [
            _Hash(
                key_1[16 * index : 16 * index + _CHUNK],
                key_2[24 * index : 24 * index + 8],
                key_3[64 * index : 64 * index + 64],
                key_4[4 * index : 4 * index + 4],
            )
            for index in range(count)
        ]

    def tag(self, nonce: int, message: bytes) -> bytes:
        """Return the tag of ``message``, at most 16 MiB; ``nonce`` is a number below 2**64, different for each
        message."""
        size = len(message)
        if size > _LONGEST:
            raise ValueError("messages beyond 16 MiB are not implemented")
        padded = max(_GROUP, -(-size // _GROUP) * _GROUP)
        # Read in the byte order that §5.2.1's swapping requires.
        words = int.from_bytes(message, "little")
        mask = int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * (padded // 8), "little")
        even, odd = words & mask, words >> 32 & mask
        digest = 0
        for part in self._hashes:
            digest = digest << 32 | part.digest(even, odd, padded, size)
        return (digest ^ self._pad(nonce)).to_bytes(self._tag_size, "big")

    def _pad(self, nonce: int) -> int:
        """Return PDF, §3.3.1: two 64-bit tags come from one block."""
        if self._tag_size == 16:
            return int.from_bytes(self._encipher(nonce.to_bytes(8, "big") + bytes(8)), "big")
        block = self._encipher((nonce & ~1).to_bytes(8, "big") + bytes(8))
        return int.from_bytes(block[8:] if nonce & 1 else block[:8], "big")


class UmacAuthenticator:
    """umac-64@openssh.com and umac-128@openssh.com: the sequence number is the nonce and not part of the message."""

    __slots__ = ("_tag",)

    def __init__(self, tag_size: int, key: bytes) -> None:
        self._tag = Umac(key, tag_size).tag

    def tag(self, sequence: int, head: bytes | memoryview, rest: bytes | memoryview) -> bytes:
        """Return the tag of packet number ``sequence``, whose bytes are ``head`` ‖ ``rest``."""
        return self._tag(sequence, b"".join((head, rest)))
