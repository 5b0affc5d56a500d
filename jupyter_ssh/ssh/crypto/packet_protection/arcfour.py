"""RC4 as in RFC 4253 §6.3 ("arcfour") and RFC 4345, which discards the weakest bytes of the keystream."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext


def arcfour(key: bytes, skip: int) -> CipherContext:
    """Return the keystream under ``key`` after its first ``skip`` bytes; the same for both directions."""
    context = Cipher(ARC4(key), None).encryptor()
    if skip:
        context.update(bytes(skip))
    return context
