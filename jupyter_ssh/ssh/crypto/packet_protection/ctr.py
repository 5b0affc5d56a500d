"""AES in counter mode (RFC 4344 §4): one keystream for all packets of a key."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR


def aes_ctr(key: bytes, iv: bytes) -> CipherContext:
    """Return the keystream of AES under ``key`` (16, 24 or 32 bytes), with the counter starting at ``iv`` (16 bytes).

    It is the same for encryption and decryption.
    """
    return Cipher(AES(key), CTR(iv)).encryptor()
