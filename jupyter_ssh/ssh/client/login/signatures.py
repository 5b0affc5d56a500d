"""Which signature algorithm a key logs in with, by what the server says of itself (RFC 8308 §3.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS, PLAIN_ALGORITHM

RSA_CERTIFICATE: Final = "ssh-rsa-cert-v01@openssh.com"

KNOWS_ONE_NAME: Final = re.compile(rb"SSH-2\.0-OpenSSH_7\.[2-7](?![0-9])")
"""Versions that know RSA certificates by one name only, and take any RSA signature with it: their own clients signed
with SHA-2 under that name.  OpenSSH's bug flag SSH_BUG_SIGTYPE; newer OpenSSH clients sign with SHA-1 for them."""

LISTS_TOO_LITTLE: Final = re.compile(rb"SSH-2\.0-OpenSSH_7\.4(?![0-9])")
"""A version that accepts SHA-2 with RSA keys without saying so (SSH_BUG_SIGTYPE74)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The algorithm of a login with a key."""

    name: str
    """What the request calls it."""
    signature: str
    """What signs; of a certificate it may differ from `name`."""


def choose(public: PublicKey, allowed: Sequence[str], said: str | None, version: bytes) -> Choice | None:
    """Return the first of our ``allowed`` algorithms for a key that the server accepts; None if there is none.

    ``said`` is the server's list, None if it sent none; ``version`` its identification string.
    """
    usable = [name for name in allowed if name in public.signature_algorithms]
    if not said:
        # A server that says nothing is old: if SHA-1 is allowed for it, that is what it supports (as in OpenSSH).
        old = [name for name in usable if ALL_ALGORITHMS[name].grade is Grade.LEGACY]
        return next((Choice(name, name) for name in old or usable), None)
    theirs = {*said.split(",")}
    if all(name.startswith("rsa-") for name in theirs) and len(public.signature_algorithms) == 1:
        theirs |= {*public.signature_algorithms}  # OpenSSH 7.2 to 7.5 list only the new ones
    if LISTS_TOO_LITTLE.match(version):
        theirs |= {"rsa-sha2-256", "rsa-sha2-512"}
    found = next((name for name in usable if theirs & {name, PLAIN_ALGORITHM.get(name)}), None)
    if public.key_type == RSA_CERTIFICATE and KNOWS_ONE_NAME.match(version):
        if found is None and RSA_CERTIFICATE in usable:
            found = RSA_CERTIFICATE
        return None if found is None else Choice(RSA_CERTIFICATE, found)
    return None if found is None else Choice(found, found)
