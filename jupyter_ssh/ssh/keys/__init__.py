"""Keys: their types, files, fingerprints and signatures.  Importing this loads no cryptographic library."""

from __future__ import annotations

from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, CertifiedKey
from jupyter_ssh.ssh.keys.files.reading import (
    KeyFile,
    load_certificate,
    load_private_key,
    load_public_key,
    open_key_file,
    parse_private_key,
)
from jupyter_ssh.ssh.keys.files.saving import save_private_key
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.keys.types.table import (
    HOST_KEY_ALGORITHMS,
    KEY_TYPES,
    SIGNATURE_ALGORITHMS,
    parse_public_key,
    parse_public_line,
)

__all__ = [
    "HOST_KEY_ALGORITHMS",
    "KEY_TYPES",
    "SIGNATURE_ALGORITHMS",
    "Certificate",
    "CertifiedKey",
    "KeyFile",
    "KeyType",
    "PrivateKey",
    "PublicKey",
    "SignatureAlgorithm",
    "generate",
    "load_certificate",
    "load_private_key",
    "load_public_key",
    "open_key_file",
    "parse_private_key",
    "parse_public_key",
    "parse_public_line",
    "save_private_key",
]
