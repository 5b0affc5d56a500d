"""The ciphers of OpenSSH's key files (PROTOCOL.key): those of its transport, each used for one message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

Crypt = Callable[[bytes, bytes, bytes, bytes | None], bytes]
"""(key, IV, data, tag) -> decrypted data; or with None for the tag, encrypted data and its tag.

Raises `BadTag`.
"""


class BadTag(Exception):
    """The data or the key is not what was encrypted."""


@dataclass(frozen=True, slots=True)
class FileCipher:
    """A cipher for the private section."""

    key_size: int
    iv_size: int
    block_size: int
    tag_size: int
    crypt: Crypt


def _block_mode(cipher: str, mode: str, key: bytes, iv: bytes, data: bytes, tag: bytes | None) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    chained: modes.ModeWithNonce | modes.ModeWithInitializationVector
    chained = modes.CTR(iv) if mode == "CTR" else modes.CBC(iv)
    context = Cipher(TripleDES(key) if cipher == "3DES" else algorithms.AES(key), chained)
    crypt = context.encryptor() if tag is None else context.decryptor()
    return bytes(crypt.update(data) + crypt.finalize())


def _gcm(key: bytes, iv: bytes, data: bytes, tag: bytes | None) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if tag is None:
        return AESGCM(key).encrypt(iv, data, None)
    try:
        return AESGCM(key).decrypt(iv, data + tag, None)
    except InvalidTag:
        raise BadTag from None


def _chacha20_poly1305(key: bytes, iv: bytes, data: bytes, tag: bytes | None) -> bytes:
    """Do what PROTOCOL.chacha20poly1305 does for packet 0, but without a length: only the first key is used."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    stream = Cipher(ChaCha20(key[:32], bytes(16)), None).encryptor()
    authentication_key = stream.update(bytes(64))[:32]
    done = stream.update(data)
    if tag is None:
        return done + Poly1305.generate_tag(authentication_key, done)
    try:
        Poly1305.verify_tag(authentication_key, data, tag)
    except InvalidSignature:
        raise BadTag from None
    return done


def _ctr(key_size: int) -> FileCipher:
    return FileCipher(key_size, 16, 16, 0, partial(_block_mode, "AES", "CTR"))


def _cbc(key_size: int) -> FileCipher:
    return FileCipher(key_size, 16, 16, 0, partial(_block_mode, "AES", "CBC"))


FILE_CIPHERS: Final[dict[str, FileCipher]] = {
    "aes256-ctr": _ctr(32),
    "aes192-ctr": _ctr(24),
    "aes128-ctr": _ctr(16),
    "aes256-gcm@openssh.com": FileCipher(32, 12, 16, 16, _gcm),
    "aes128-gcm@openssh.com": FileCipher(16, 12, 16, 16, _gcm),
    "chacha20-poly1305@openssh.com": FileCipher(64, 0, 8, 16, _chacha20_poly1305),
    "aes256-cbc": _cbc(32),
    "aes192-cbc": _cbc(24),
    "aes128-cbc": _cbc(16),
    "3des-cbc": FileCipher(24, 8, 8, 0, partial(_block_mode, "3DES", "CBC")),
}
"""Every cipher that ``ssh-keygen -Z`` takes."""
