"""Obsolete block ciphers with 64-bit blocks, from cryptography's "decrepit" module.

Imported only if one of them was chosen.
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
    """Return DES with a key of 8 bytes, as triple DES whose second key undoes the first."""
    return TripleDES(key * 3)


def blowfish(key: bytes) -> BlockCipherAlgorithm:
    """Return Blowfish; SSH uses 16-byte keys with CBC and 32-byte keys with counter mode."""
    return Blowfish(key)


def cast128(key: bytes) -> BlockCipherAlgorithm:
    """Return CAST-128 (RFC 2144); SSH uses 16-byte keys."""
    return CAST5(key)
