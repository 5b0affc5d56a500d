"""The table of message authentication codes (RFC 4253 §6.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .grades import Grade
from .packet_protection.interfaces import Authenticator


@dataclass(frozen=True, slots=True)
class Mac:
    """One row: sizes in bytes, ``hash_name`` as hashlib spells it, ``etm`` for OpenSSH's encrypt-then-MAC forms."""

    name: str
    grade: Grade
    key_size: int
    tag_size: int
    etm: bool
    hash_name: str
    construction: Callable[[str, int, bytes], Authenticator]

    def authenticator(self, key: bytes) -> Authenticator:
        """This MAC under ``key``, which is ``key_size`` bytes."""
        return self.construction(self.hash_name, self.tag_size, key)


def _hmac(hash_name: str, tag_size: int, key: bytes) -> Authenticator:
    from .packet_protection.authenticators import HmacAuthenticator

    return HmacAuthenticator(hash_name, tag_size, key)


_ROWS = (
    # Encrypt-then-MAC first: nothing is decrypted before it is authenticated, and no length leaks by its handling.
    # SHA-256 before SHA-512: a shorter tag, and faster where the processor has SHA instructions.
    Mac("hmac-sha2-256-etm@openssh.com", Grade.MODERN, 32, 32, True, "sha256", _hmac),
    Mac("hmac-sha2-512-etm@openssh.com", Grade.MODERN, 64, 64, True, "sha512", _hmac),
    Mac("hmac-sha2-256", Grade.MODERN, 32, 32, False, "sha256", _hmac),  # RFC 6668
    Mac("hmac-sha2-512", Grade.MODERN, 64, 64, False, "sha512", _hmac),
)

MACS: dict[str, Mac] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
