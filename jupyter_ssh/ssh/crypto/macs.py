"""The table of message authentication codes (RFC 4253 §6.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Authenticator


@dataclass(frozen=True, slots=True)
class Mac:
    """A row; sizes are in bytes, ``etm`` marks OpenSSH's encrypt-then-MAC variants.

    ``hash_name`` is a name for hashlib, or "umac", which has no hash.
    """

    name: str
    grade: Grade
    key_size: int
    tag_size: int
    etm: bool
    hash_name: str
    construction: Callable[[str, int, bytes], Authenticator]

    def authenticator(self, key: bytes) -> Authenticator:
        """Return this MAC under ``key``, which has ``key_size`` bytes."""
        return self.construction(self.hash_name, self.tag_size, key)


def _hmac(hash_name: str, tag_size: int, key: bytes) -> Authenticator:
    from jupyter_ssh.ssh.crypto.packet_protection.authenticators import HmacAuthenticator

    return HmacAuthenticator(hash_name, tag_size, key)


def _umac(hash_name: str, tag_size: int, key: bytes) -> Authenticator:
    from jupyter_ssh.ssh.crypto.packet_protection.umac import UmacAuthenticator

    return UmacAuthenticator(tag_size, key)


_ROWS = (
    # Encrypt-then-MAC first: nothing is decrypted before it is authenticated, and handling a length reveals nothing.
    # SHA-256 before SHA-512: its tag is shorter, and it is faster on processors with SHA instructions.
    Mac("hmac-sha2-256-etm@openssh.com", Grade.MODERN, 32, 32, True, "sha256", _hmac),
    Mac("hmac-sha2-512-etm@openssh.com", Grade.MODERN, 64, 64, True, "sha512", _hmac),
    Mac("hmac-sha2-256", Grade.MODERN, 32, 32, False, "sha256", _hmac),  # RFC 6668
    Mac("hmac-sha2-512", Grade.MODERN, 64, 64, False, "sha512", _hmac),
    # Not known to be forgeable, but based on broken hashes, or with truncated tags.
    Mac("hmac-sha1-etm@openssh.com", Grade.LEGACY, 20, 20, True, "sha1", _hmac),
    Mac("hmac-sha2-256-96-etm@openssh.com", Grade.LEGACY, 32, 12, True, "sha256", _hmac),
    Mac("hmac-sha2-512-96-etm@openssh.com", Grade.LEGACY, 64, 12, True, "sha512", _hmac),
    Mac("hmac-sha1-96-etm@openssh.com", Grade.LEGACY, 20, 12, True, "sha1", _hmac),
    Mac("hmac-md5-etm@openssh.com", Grade.LEGACY, 16, 16, True, "md5", _hmac),
    Mac("hmac-md5-96-etm@openssh.com", Grade.LEGACY, 16, 12, True, "md5", _hmac),
    Mac("hmac-sha1", Grade.LEGACY, 20, 20, False, "sha1", _hmac),  # RFC 4253 §6.4
    Mac("hmac-sha2-256-96", Grade.LEGACY, 32, 12, False, "sha256", _hmac),
    Mac("hmac-sha2-512-96", Grade.LEGACY, 64, 12, False, "sha512", _hmac),
    Mac("hmac-sha1-96", Grade.LEGACY, 20, 12, False, "sha1", _hmac),
    Mac("hmac-md5", Grade.LEGACY, 16, 16, False, "md5", _hmac),
    Mac("hmac-md5-96", Grade.LEGACY, 16, 12, False, "md5", _hmac),
    # Sound, but in plain Python a hundred times slower than HMAC and not in constant time: a last resort.
    Mac("umac-128-etm@openssh.com", Grade.LEGACY, 16, 16, True, "umac", _umac),
    Mac("umac-64-etm@openssh.com", Grade.LEGACY, 16, 8, True, "umac", _umac),
    Mac("umac-128@openssh.com", Grade.LEGACY, 16, 16, False, "umac", _umac),
    Mac("umac-64@openssh.com", Grade.LEGACY, 16, 8, False, "umac", _umac),
)

MACS: dict[str, Mac] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
