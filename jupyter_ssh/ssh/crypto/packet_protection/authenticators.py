"""Message authentication codes for packets (RFC 4253 §6.4); their table is in `macs`."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC


class HmacAuthenticator:
    """HMAC (RFC 2104) under one key, keyed once and copied for each packet."""

    __slots__ = ("_copy", "_tag_size")

    def __init__(self, hash_name: str, tag_size: int, key: bytes) -> None:
        algorithm: hashes.HashAlgorithm = getattr(hashes, hash_name.upper())()
        self._copy = HMAC(key, algorithm).copy
        self._tag_size = tag_size

    def tag(self, sequence: int, head: bytes | memoryview, rest: bytes | memoryview) -> bytes:
        """Return the tag of packet number ``sequence``, whose bytes are ``head`` ‖ ``rest``."""
        context = self._copy()
        context.update(sequence.to_bytes(4, "big") + head)
        context.update(rest)
        return context.finalize()[: self._tag_size]
