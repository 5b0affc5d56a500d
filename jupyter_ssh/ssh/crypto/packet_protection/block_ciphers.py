"""Block ciphers of another age, under one key: 64-bit blocks, and what cryptography keeps in its decrepit corner.

Imported only when one of them was chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5, Blowfish, TripleDES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm


def triple_des(key: bytes) -> BlockCipherAlgorithm:
    """Return triple DES with three keys, 24 bytes."""
    return TripleDES(key)


def des(key: bytes) -> BlockCipherAlgorithm:
    """DES, 8 bytes: triple DES undoes with its second key what it did with the first."""
    return TripleDES(key * 3)


def blowfish(key: bytes) -> BlockCipherAlgorithm:
    """Blowfish; SSH uses keys of 16 bytes with CBC and of 32 with counter mode."""
    return Blowfish(key)


def cast128(key: bytes) -> BlockCipherAlgorithm:
    """CAST-128, RFC 2144; SSH uses 16 bytes of key."""
    return CAST5(key)
