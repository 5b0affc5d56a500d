"""Make certificates: an authority's signature over a key and a statement (PROTOCOL.certkeys)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import (
    MAX_PRINCIPALS,
    MAX_TEXT,
    Certificate,
    CertificateKind,
    CertifiedKey,
    certificate_name,
    parse_certificate,
)
from jupyter_ssh.ssh.keys.certificates.options import PERMISSIONS, encode_options
from jupyter_ssh.ssh.keys.certificates.validity import FOREVER
from jupyter_ssh.ssh.keys.types.rsa import NAME as RSA_TYPE
from jupyter_ssh.ssh.wire.types import string, uint32, uint64

NONCE_SIZE = 32
NO_OPTIONS: Mapping[str, str | None] = {}
DEFAULT_EXTENSIONS: Mapping[str, str | None] = dict.fromkeys(PERMISSIONS)


def sign_certificate(
    authority: PrivateKey,
    key: PublicKey,
    *,
    kind: CertificateKind = CertificateKind.USER,
    key_id: str = "",
    principals: Sequence[str] = (),
    serial: int = 0,
    valid_after: int = 0,
    valid_before: int = FOREVER,
    critical_options: Mapping[str, str | None] = NO_OPTIONS,
    extensions: Mapping[str, str | None] | None = None,
    algorithm: str | None = None,
    random: Callable[[int], bytes] = os.urandom,
) -> Certificate:
    """Certify ``key`` with a signature by ``authority``, by default with its best ``algorithm``.

    Options and extensions are names with their values, None for flags; by default a user certificate has the extensions
    `PERMISSIONS`.  If ``key`` is a certificate, the key in it is certified anew.  Raises `KeyFormatError` for invalid
    values, and what the authority's ``sign`` raises.
    """
    if isinstance(authority, CertifiedKey):
        authority = authority.key
    if isinstance(key, Certificate):
        key = key.key
    if extensions is None:
        extensions = DEFAULT_EXTENSIONS if kind is CertificateKind.USER else NO_OPTIONS
    if not 0 <= serial <= FOREVER:
        raise KeyFormatError("invalid serial number", expected="0 to 2⁶⁴ - 1", received=f"{serial}")
    if not 0 <= valid_after < valid_before <= FOREVER:
        raise KeyFormatError(
            "invalid validity", expected="an end after the beginning", received=f"{valid_after} to {valid_before}"
        )
    if len(principals) > MAX_PRINCIPALS or any(not 0 < len(name.encode()) <= MAX_TEXT for name in principals):
        raise KeyFormatError("invalid principals", expected=f"at most {MAX_PRINCIPALS} names, none of them empty")
    body = b"".join(
        (
            string(certificate_name(key.key_type)),
            string(random(NONCE_SIZE)),
            key.fields,
            uint64(serial),
            uint32(kind),
            string(key_id),
            string(b"".join(map(string, principals))),
            uint64(valid_after),
            uint64(valid_before),
            string(encode_options(critical_options)),
            string(encode_options(extensions)),
            string(b""),
            string(authority.public.blob),
        )
    )
    # Parsing it verifies the signature, which an agent may have made with another key.
    signed = body + string(authority.sign(body, algorithm))
    rsa_sizes = [public.size for public in (key, authority.public) if public.key_type == RSA_TYPE]
    return parse_certificate(signed, min(rsa_sizes, default=None))
