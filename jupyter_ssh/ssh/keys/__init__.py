"""Keys: their types, files, fingerprints, signatures.  Importing this loads no cryptographic library."""

from __future__ import annotations

from .base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from .files import (
    KeyFile,
    load_private_key,
    load_public_key,
    open_key_file,
    parse_private_key,
    save_private_key,
)
from .generate import generate
from .key_types import (
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
    "KeyFile",
    "KeyType",
    "PrivateKey",
    "PublicKey",
    "SignatureAlgorithm",
    "generate",
    "load_private_key",
    "load_public_key",
    "open_key_file",
    "parse_private_key",
    "parse_public_key",
    "parse_public_line",
    "save_private_key",
]
