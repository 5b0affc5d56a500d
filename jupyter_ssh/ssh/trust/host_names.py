"""Host names as known_hosts writes them: with a port, as patterns, hashed (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Sequence

DEFAULT_PORT = 22
HASH_MARK = "|1|"
"""What a hashed name begins with; the 1 stands for HMAC-SHA1."""
HASH_SIZE = 20
FORBIDDEN = frozenset(",*?!|#@")
"""What a host name cannot hold in known_hosts without meaning something else."""


def host_name(host: str, port: int = DEFAULT_PORT) -> str:
    """How known_hosts names a host: lower case, and as ``[host]:port`` where the port is not 22."""
    host = host.lower()
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def is_writable(host: str) -> bool:
    """Whether ``host`` may be written to known_hosts as it stands: a ``*`` there would vouch for every host."""
    return bool(host) and host.isprintable() and not FORBIDDEN.intersection(host) and not any(map(str.isspace, host))


def hash_name(name: str, salt: bytes) -> str:
    """``|1|salt|hash``, both in base64, with 20 bytes of ``salt``."""
    parts = (binascii.b2a_base64(part, newline=False).decode("ascii") for part in (salt, name_digest(name, salt)))
    return HASH_MARK + "|".join(parts)


def name_digest(name: str, salt: bytes) -> bytes:
    """The 20 bytes of HMAC-SHA1 of ``name``."""
    return hmac.digest(salt, name.encode("utf-8", "surrogateescape"), "sha1")


def split_hash(field: str) -> tuple[bytes, bytes] | None:
    """Salt and digest of a hashed name, or None when it is malformed."""
    parts = field.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return None
    try:
        salt, digest = (binascii.a2b_base64(part.encode("ascii")) for part in parts[2:])
    except (binascii.Error, UnicodeEncodeError):
        return None
    return (salt, digest) if len(salt) == len(digest) == HASH_SIZE else None


def has_wildcards(patterns: str) -> bool:
    """Whether a comma list holds ``*``, ``?`` or a negation, so that it matches names it does not spell out."""
    return "*" in patterns or "?" in patterns or "!" in patterns


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a lower-case name matches a list of patterns: one of them, and none of those that begin with ``!``."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches_pattern(name, pattern[1:].lower()):
                return False
        elif not found and pattern:
            found = matches_pattern(name, pattern.lower())
    return found


def matches_pattern(name: str, pattern: str) -> bool:
    """Whether ``name`` matches one pattern of ``*`` and ``?`` (ssh_config(5), PATTERNS), in linear memory and without
    the back-tracking of a regular expression."""
    position = index = 0
    star, resume = -1, 0
    while position < len(name):
        if index < len(pattern) and pattern[index] == "*":
            star, resume = index, position
            index += 1
        elif index < len(pattern) and pattern[index] in ("?", name[position]):
            position += 1
            index += 1
        elif star >= 0:
            # Let the last star take one character more, and try again from there.
            resume += 1
            position, index = resume, star + 1
        else:
            return False
    return all(rest == "*" for rest in pattern[index:])
