"""How PEM files are encrypted: by a ``DEK-Info`` header in the older formats, or as PKCS#8 says (RFC 8018).

`cryptography` decrypts most of it.  Here is what must be known before a passphrase is asked for, and AES-192, which it
lacks in the older formats.
"""

from __future__ import annotations

import binascii
import hashlib
import math
import re
from typing import Final, NoReturn

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, WrongPassphrase

DEK_INFO: Final = re.compile(rb"^DEK-Info: *([A-Za-z0-9-]+),((?:[0-9A-Fa-f]{2})+)\s*$", re.MULTILINE)
IV_SIZES: Final = {"AES-128-CBC": 16, "AES-192-CBC": 16, "AES-256-CBC": 16, "DES-EDE3-CBC": 8}
"""Sizes in bytes by the cipher's name in the ``DEK-Info`` header (RFC 1421 §4.6.1.3)."""
PKCS8_TEXT: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]*)-----END [A-Z0-9 ]+-----")
"""A block of PKCS#8, which has no headers (RFC 7468 §11), whatever its lines end with."""
BY_HAND: Final = "AES-192-CBC"
AES_192_KEY: Final = 24
AES_BLOCK: Final = 16
SALT_SIZE: Final = 8

PBES2: Final = "1.2.840.113549.1.5.13"
PBKDF2: Final = "1.2.840.113549.1.5.12"
SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
"""RFC 7914 §7."""
READABLE: Final = frozenset(
    {
        PBKDF2,
        SCRYPT,
        *(f"1.2.840.113549.2.{number}" for number in range(7, 12)),  # HMAC with SHA-1, SHA-224, to SHA-512
        *(f"2.16.840.1.101.3.4.1.{number}" for number in (2, 22, 42)),  # AES-128-CBC, AES-192-CBC, AES-256-CBC
        "1.2.840.113549.3.7",  # DES-EDE3-CBC
        "1.2.840.113549.3.2",  # RC2-CBC
        "1.2.840.113549.1.5.3",  # PBE-MD5-DES
        *(f"1.2.840.113549.1.12.1.{number}" for number in (1, 3, 6)),  # PBE-SHA1 with RC4-128, 3DES, RC2-40
    }
)
"""The ciphers, key derivations and their functions, and the schemes before PBES2, that `cryptography` reads."""
NAMES: Final = {
    **{f"1.2.392.200011.61.1.1.1.{number}": f"CAMELLIA-{64 * number}-CBC" for number in (2, 3, 4)},
    **{f"1.2.410.200046.1.1.{2 + 5 * step}": f"ARIA-{128 + 64 * step}-CBC" for step in range(3)},
    **{
        f"2.16.840.1.101.3.4.1.{20 * step + number}": f"AES-{128 + 64 * step}-{mode}"
        for step in range(3)
        for number, mode in ((1, "ECB"), (3, "OFB"), (4, "CFB"), (6, "GCM"))
    },
    "1.2.410.200004.1.4": "SEED-CBC",
    "1.2.156.10197.1.104.2": "SM4-CBC",
    "1.3.14.3.2.7": "DES-CBC",
    "1.2.840.113549.1.5.1": "PBE-MD2-DES",
    "1.2.840.113549.1.5.4": "PBE-MD2-RC2-64",
    "1.2.840.113549.1.5.6": "PBE-MD5-RC2-64",
    "1.2.840.113549.1.5.10": "PBE-SHA1-DES",
    "1.2.840.113549.1.5.11": "PBE-SHA1-RC2-64",
    "1.2.840.113549.1.12.1.2": "PBE-SHA1-RC4-40",
    "1.2.840.113549.1.12.1.4": "PBE-SHA1-2DES",
    "1.2.840.113549.1.12.1.5": "PBE-SHA1-RC2-128",
}
"""OpenSSL's names of others, by object identifier."""
MAX_ITERATIONS: Final = 10_000_000
"""The most iterations of PBKDF2: some seconds."""
MAX_SCRYPT: Final = 1 << 23
"""The most memory for scrypt, as N × r × p: a gibibyte."""
MAX_IDENTIFIER: Final = 64
"""The most bytes of an object identifier; real ones have 12 at most."""
SEQUENCE, INTEGER, OBJECT_IDENTIFIER = 0x30, 0x02, 0x06
CONVERT: Final = "Convert it with: ssh-keygen -p -f FILE"


def check_dek_info(block: bytes) -> None:
    """Check the header of an encrypted block of the older formats.

    Raises `KeyFormatError` if it is malformed, and `KeyFileError` for a cipher that cannot be read.
    """
    header = DEK_INFO.search(block)
    if header is None:
        raise KeyFormatError("malformed PEM private key: invalid DEK-Info", next_step=CONVERT)
    cipher, size = header[1].decode("ascii").upper(), len(header[2]) // 2
    if cipher not in IV_SIZES:
        _unsupported(cipher)
    if size != IV_SIZES[cipher]:
        raise KeyFormatError("malformed PEM private key: invalid DEK-Info", next_step=CONVERT)


def decrypt_by_hand(block: bytes, passphrase: bytes) -> bytes | None:
    """Return the DER of a block that `cryptography` cannot decrypt; None for any other.

    Raises `WrongPassphrase`, `KeyFormatError`.
    """
    header = DEK_INFO.search(block)
    if header is None or header[1].decode("ascii").upper() != BY_HAND:
        return None
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    iv = binascii.unhexlify(header[2])
    try:
        data = binascii.a2b_base64(block[header.end() :].partition(b"-----")[0])
    except binascii.Error:
        raise KeyFormatError("malformed PEM private key: invalid base64", next_step=CONVERT) from None
    decryptor = Cipher(algorithms.AES(_key_of(passphrase, iv[:SALT_SIZE], AES_192_KEY)), modes.CBC(iv)).decryptor()
    padding = PKCS7(8 * AES_BLOCK).unpadder()
    try:
        return padding.update(decryptor.update(data) + decryptor.finalize()) + padding.finalize()
    except ValueError:
        raise WrongPassphrase("wrong passphrase, or a damaged file", phase="private key") from None


def _key_of(passphrase: bytes, salt: bytes, size: int) -> bytes:
    """Derive a key as OpenSSL does for these files (EVP_BytesToKey, with MD5 once)."""
    key = digest = b""
    while len(key) < size:
        digest = hashlib.md5(digest + passphrase + salt, usedforsecurity=False).digest()
        key += digest
    return key[:size]


def check_pkcs8(block: bytes) -> None:
    """Check how an encrypted PKCS#8 block is encrypted.

    Raises `KeyFileError` if it cannot be read, and `KeyFormatError` if deriving its key would take more than a few
    seconds or a gibibyte, or if that cannot be told.
    """
    text = PKCS8_TEXT.fullmatch(block)
    try:
        # EncryptedPrivateKeyInfo (RFC 5958 §3) begins with the algorithm and its parameters.
        (outer,) = _elements(binascii.a2b_base64(text[1] if text else b""))
        algorithm = _elements(outer[1])[0][1]
        numbers = list(_integers(algorithm))
        used = _identifiers(algorithm)
    except (binascii.Error, ValueError, IndexError):
        # The reader might see in it what this did not.
        raise KeyFormatError("malformed PEM private key: invalid PKCS#8", next_step=CONVERT) from None
    for name in used:
        if name not in READABLE and name != PBES2:
            _unsupported(NAMES.get(name, name))
    limit = MAX_ITERATIONS
    if SCRYPT in used:
        # N, r, p, and optionally the length of the key.
        numbers, limit = [math.prod(numbers[:3])], MAX_SCRYPT
    if max(numbers, default=0) > limit:
        raise KeyFormatError("the private key's passphrase takes too much work to derive a key from", next_step=CONVERT)


def _unsupported(cipher: str) -> NoReturn:
    raise KeyFileError(
        f"the private key is encrypted with {cipher[:64]}, which is not supported",
        phase="private key",
        next_step=CONVERT,
    )


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Return the tags and contents of DER elements (X.690 §8.1).  Raises `IndexError` if malformed."""
    found = []
    position = 0
    while position < len(der):
        tag, size = der[position], der[position + 1]
        position += 2
        if size & 0x80:
            digits = size & 0x7F
            size = int.from_bytes(der[position : position + digits], "big")
            position += digits
        found.append((tag, der[position : position + size]))
        position += size
    return found


def _leaves(der: bytes, wanted: int, depth: int = 8) -> list[bytes]:
    """Return the contents of the elements with a tag, including those in nested sequences."""
    found = []
    for tag, content in _elements(der):
        if tag == wanted:
            found.append(content)
        elif tag == SEQUENCE and depth:
            found += _leaves(content, wanted, depth - 1)
    return found


def _integers(der: bytes) -> list[int]:
    return [int.from_bytes(content, "big") for content in _leaves(der, INTEGER)]


def _identifiers(der: bytes) -> list[str]:
    return [_dotted(content) for content in _leaves(der, OBJECT_IDENTIFIER)]


def _dotted(content: bytes) -> str:
    """Return an object identifier as text (X.690 §8.19).  Raises `ValueError` if it is empty or much too long."""
    if not 0 < len(content) <= MAX_IDENTIFIER or content[-1] & 0x80:
        raise ValueError("invalid object identifier")
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
