"""Names of algorithms that OpenSSH has, or had, but for which we have no row.

An ssh_config written for OpenSSH may contain any of them.  This must not make every connection fail, so unsupported
ones are not proposed, while an entirely unknown name is treated as a typing error.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

_NAMES: Final = """
    sntrup4591761x25519-sha512@tinyssh.org gss-*
    acss@openssh.org
    hmac-ripemd160 hmac-ripemd160@openssh.com hmac-ripemd160-etm@openssh.com
    ssh-dss ssh-rsa ssh-ed25519 ssh-ed448 ssh-xmss@openssh.com ssh-mldsa44-ed25519@openssh.com
    ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 rsa-sha2-256 rsa-sha2-512
    sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com webauthn-sk-ecdsa-sha2-nistp256@openssh.com
    *-cert-v00@openssh.com *-cert-v01@openssh.com
"""
PATTERNS: Final = tuple(_NAMES.split())


def is_known_elsewhere(name: str) -> bool:
    """Return whether OpenSSH knows a name, or any that match a name with ``*`` or ``?`` in it."""
    return any(fnmatchcase(name, pattern) or fnmatchcase(pattern, name) for pattern in PATTERNS)
