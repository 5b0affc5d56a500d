"""Ciphers without SSH around them: the least that a packet can cost with the library underneath."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES, ChaCha20
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.poly1305 import Poly1305

HEADERS = 16
"""Bytes of a data packet beside the data, more or less."""


def decryption(cipher: str, size: int) -> Callable[[], object]:
    """Something that decrypts and authenticates a packet of ``size`` bytes of data each time it is called."""
    data = bytes(size + HEADERS)
    if "gcm" in cipher:
        key, nonce, length = AESGCM(bytes(32 if "256" in cipher else 16)), bytes(12), bytes(4)
        return partial(key.decrypt, nonce, key.encrypt(nonce, data, length), length)
    if cipher.startswith("chacha20"):
        return partial(_chacha20_poly1305, Cipher(ChaCha20(bytes(32), bytes(16)), None).encryptor(), data)
    return partial(_ctr_hmac, Cipher(AES(bytes(16)), CTR(bytes(16))).encryptor(), HMAC(bytes(32), SHA256()), data)


def _chacha20_poly1305(stream: CipherContext, data: bytes) -> bytes:
    stream.reset_nonce(bytes(16))
    Poly1305.generate_tag(stream.update(bytes(64))[:32], data)
    return stream.update(data)


def _ctr_hmac(stream: CipherContext, keyed: HMAC, data: bytes) -> bytes:
    mac = keyed.copy()
    mac.update(data)
    mac.finalize()
    return stream.update(data)
