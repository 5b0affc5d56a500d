"""Host names in known_hosts: with a port, and hashed (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""

from __future__ import annotations

import binascii
import hmac

DEFAULT_PORT = 22
HASH_MARK = "|1|"
"""The prefix of a hashed name; the 1 stands for HMAC-SHA1."""
HASH_SIZE = 20
FORBIDDEN = frozenset(",*?!|#@")
"""Characters that have a special meaning in known_hosts and so cannot be part of a host name."""


def host_name(host: str, port: int = DEFAULT_PORT) -> str:
    """Return the name of a host in known_hosts: in lower case, and as ``[host]:port`` if the port is not 22."""
    host = host.lower()
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def is_writable(host: str) -> bool:
    """Return whether ``host`` can be written to known_hosts safely: a ``*`` there would vouch for every host."""
    return bool(host) and host.isprintable() and not FORBIDDEN.intersection(host) and not any(map(str.isspace, host))


def hash_name(name: str, salt: bytes) -> str:
    """Return ``|1|salt|hash``, both in base64; ``salt`` is 20 bytes."""
    parts = (binascii.b2a_base64(part, newline=False).decode("ascii") for part in (salt, name_digest(name, salt)))
    return HASH_MARK + "|".join(parts)


def name_digest(name: str, salt: bytes) -> bytes:
    """Return the 20 bytes of HMAC-SHA1 of ``name``."""
    return hmac.digest(salt, name.encode("utf-8", "surrogateescape"), "sha1")


def split_hash(field: str) -> tuple[bytes, bytes] | None:
    """Return salt and digest of a hashed name, or None when it is malformed."""
    parts = field.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return None
    try:
        salt, digest = (binascii.a2b_base64(part.encode("ascii")) for part in parts[2:])
    except (binascii.Error, UnicodeEncodeError):
        return None
    return (salt, digest) if len(salt) == len(digest) == HASH_SIZE else None
