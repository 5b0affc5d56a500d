"""Fingerprints with the hash of ``-E``, their picture, and their words (``-B``)."""

from __future__ import annotations

import binascii
import hashlib

from jupyter_ssh.ssh.keys import Certificate, PublicKey, fingerprint

VOWELS = "aeiouy"
CONSONANTS = "bcdfghklmnprstvzx"


def fingerprint_of(key: PublicKey, hash_name: str = "sha256") -> str:
    """Return ``SHA256:…``, ``MD5:…``, …; for a certificate, that of the key in it."""
    blob = plain_blob(key)
    if hash_name == "md5":
        return fingerprint.md5(blob)
    digest = hashlib.new(hash_name, blob, usedforsecurity=False).digest()
    return f"{hash_name.upper()}:{binascii.b2a_base64(digest, newline=False).decode('ascii').rstrip('=')}"


def randomart_of(key: PublicKey, hash_name: str = "sha256") -> str:
    """Return the fingerprint as a picture of eleven lines."""
    return fingerprint.randomart(plain_blob(key), key.nickname, key.size, hash_name)


def plain_blob(key: PublicKey) -> bytes:
    """Return the blob that is hashed: that of the key, without its certificate."""
    return key.key.blob if isinstance(key, Certificate) else key.blob


def bubblebabble(data: bytes) -> str:
    """Return ``data`` as pronounceable words with a checksum (A. Huima: The Bubble Babble Binary Data Encoding)."""
    words = ["x"]
    seed = 1
    for index in range(0, len(data) + 1, 2):
        pair = data[index : index + 2]
        first = pair[0] if pair else 0
        # At the end without a byte there is an "x", where a zero would be "b".
        consonant = CONSONANTS[first >> 2 & 15] if pair else CONSONANTS[16]
        words += [VOWELS[((first >> 6) + seed) % 6], consonant, VOWELS[((first & 3) + seed // 6) % 6]]
        if len(pair) == 2:
            words += [CONSONANTS[pair[1] >> 4], "-", CONSONANTS[pair[1] & 15]]
            seed = (seed * 5 + first * 7 + pair[1]) % 36
    return "".join([*words, "x"])
