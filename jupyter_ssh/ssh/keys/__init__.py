"""Keys: their types, files, fingerprints, signatures.  Importing this loads no cryptographic library."""

from __future__ import annotations

from .base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from .certificates import Certificate, CertifiedKey
from .files import (
    KeyFile,
    load_certificate,
    load_private_key,
    load_public_key,
    open_key_file,
    parse_private_key,
)
from .generate import generate
from .key_types import (
    HOST_KEY_ALGORITHMS,
    KEY_TYPES,
    SIGNATURE_ALGORITHMS,
    parse_public_key,
    parse_public_line,
)
from .saving import save_private_key

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
