"""Read and write private keys in OpenSSH's format ``openssh-key-v1`` (PROTOCOL.key)."""

from __future__ import annotations

import binascii
import os
from collections.abc import Callable

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, WireError, WrongPassphrase
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.files.container import KeyContainer
from jupyter_ssh.ssh.keys.files.openssh_ciphers import FILE_CIPHERS, BadTag, FileCipher
from jupyter_ssh.ssh.keys.types.table import decode_base64, parse_private_fields, parse_public_key
from jupyter_ssh.ssh.wire.types import Reader, string, uint32

BEGIN = b"-----BEGIN OPENSSH PRIVATE KEY-----"
END = b"-----END OPENSSH PRIVATE KEY-----"
AUTH_MAGIC = b"openssh-key-v1\0"
LINE_LENGTH = 70

NO_CIPHER = "none"
DEFAULT_CIPHER = "aes256-ctr"
KDF = "bcrypt"
SALT_SIZE = 16
ROUNDS = 24
"""OpenSSH's default since 9.4: about a tenth of a second."""
MAX_ROUNDS = 20_000
"""The most rounds a file may ask for; this many take a minute or two."""
UNENCRYPTED_BLOCK = 8
MAX_PADDING = 16


def parse(data: bytes, required_rsa_size: int | None = None) -> KeyContainer:
    """Parse the text of a file.  Raises `KeyFormatError`, or `KeyFileError` for an unknown cipher or KDF."""
    fields = Reader(dearmour(data))
    try:
        if fields.raw(len(AUTH_MAGIC)) != AUTH_MAGIC:
            raise KeyFormatError("OpenSSH private key does not begin with 'openssh-key-v1'")
        cipher_name, kdf_name, kdf_options = fields.text(64), fields.text(64), fields.string(1024)
        count = fields.uint32()
        if count != 1:
            raise KeyFormatError("OpenSSH private key file", expected="one key", received=f"{count} keys")
        public = parse_public_key(fields.string(), required_rsa_size)
        section = fields.string()
        tag = fields.rest()
        if (cipher_name == NO_CIPHER) != (kdf_name == NO_CIPHER):
            raise KeyFormatError("OpenSSH private key has a cipher without a KDF, or a KDF without a cipher")
        if cipher_name == NO_CIPHER:
            if tag or kdf_options:
                raise KeyFormatError("the OpenSSH private key is unencrypted but has fields of an encrypted one")
            return KeyContainer(
                False, public, lambda passphrase: _parse_section(section, public, None, required_rsa_size)
            )
        decrypt = _decryption(cipher_name, kdf_name, kdf_options, section, tag)
    except WireError as error:
        raise KeyFormatError(f"malformed OpenSSH private key: {error.message}") from None
    return KeyContainer(
        True,
        public,
        lambda passphrase: _parse_section(decrypt(passphrase or b""), public, cipher_name, required_rsa_size),
    )


def dump(
    key: PrivateKey,
    passphrase: bytes | None = None,
    *,
    rounds: int = ROUNDS,
    cipher: str = DEFAULT_CIPHER,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Return the text of a file with ``key``, encrypted under ``passphrase`` unless that is empty.

    ``cipher`` is a name in `FILE_CIPHERS`, ``rounds`` (of bcrypt) is 1 to `MAX_ROUNDS`.  Raises `KeyFormatError`.
    """
    if cipher not in FILE_CIPHERS or not 0 < rounds <= MAX_ROUNDS:
        raise KeyFormatError(
            "unsupported encryption for a private key",
            expected=f"{' or '.join(FILE_CIPHERS)}, and 1 to {MAX_ROUNDS} rounds",
            received=f"{cipher[:64]!r} and {rounds} rounds",
        )
    check = random(4)
    section = b"".join((check, check, string(key.public.key_type), key.private_fields(), string(key.comment)))
    cipher_name, kdf_name, kdf_options = NO_CIPHER, NO_CIPHER, b""
    block_size = UNENCRYPTED_BLOCK
    if passphrase:
        cipher_name, kdf_name = cipher, KDF
        block_size = FILE_CIPHERS[cipher_name].block_size
        salt = random(SALT_SIZE)
        kdf_options = string(salt) + uint32(rounds)
    section += bytes(range(1, 1 + -len(section) % block_size))
    tag = b""
    if passphrase:
        row = FILE_CIPHERS[cipher_name]
        section = _crypt(row, passphrase, salt, rounds, section, None)
        section, tag = section[: len(section) - row.tag_size], section[len(section) - row.tag_size :]
    body = b"".join(
        (
            AUTH_MAGIC,
            string(cipher_name),
            string(kdf_name),
            string(kdf_options),
            uint32(1),
            string(key.public.blob),
            string(section),
            tag,
        )
    )
    base64 = binascii.b2a_base64(body, newline=False)
    lines = [base64[start : start + LINE_LENGTH] for start in range(0, len(base64), LINE_LENGTH)]
    return b"\n".join((BEGIN, *lines, END, b""))


def dearmour(data: bytes) -> bytes:
    """Decode the base64 between the first and the last line of the first key.  Raises `KeyFormatError`."""
    _, begin, rest = data.partition(BEGIN)
    base64, end, _ = rest.partition(END)
    if not begin or not end:
        raise KeyFormatError("OpenSSH private key is truncated", expected=f"a last line {END.decode()}")
    return decode_base64(b"".join(base64.split()))


def _decryption(
    cipher_name: str, kdf_name: str, kdf_options: bytes, section: bytes, tag: bytes
) -> Callable[[bytes], bytes]:
    """Check all that can be checked without a passphrase, and return (passphrase) -> decrypted section."""
    cipher = FILE_CIPHERS.get(cipher_name)
    if cipher is None or kdf_name != KDF:
        raise KeyFileError(
            "private key is encrypted in a way that is not supported",
            expected=f"{KDF} and {', '.join(FILE_CIPHERS)}",
            received=f"{kdf_name!r} and {cipher_name!r}",
            next_step=f"Re-encrypt it with: ssh-keygen -p -Z {DEFAULT_CIPHER} -f FILE",
        )
    options = Reader(kdf_options)
    salt, rounds = options.string(), options.uint32()
    options.finish()
    if not salt or not 0 < rounds <= MAX_ROUNDS:
        raise KeyFormatError(
            "invalid bcrypt parameters", expected=f"a salt and 1 to {MAX_ROUNDS} rounds", received=f"{rounds} rounds"
        )
    if not section or len(section) % cipher.block_size or len(tag) != cipher.tag_size:
        raise KeyFormatError("the encrypted part of the OpenSSH private key has an invalid length")

    def decrypt(passphrase: bytes) -> bytes:
        if not passphrase:
            raise _wrong_passphrase()
        return _crypt(cipher, passphrase, salt, rounds, section, tag)

    return decrypt


def _crypt(cipher: FileCipher, passphrase: bytes, salt: bytes, rounds: int, data: bytes, tag: bytes | None) -> bytes:
    """Decrypt ``data``; or, if ``tag`` is None, encrypt it and append the tag, if the cipher has one."""
    import bcrypt

    # The file chose the number of rounds, so bcrypt must not warn about few of them.
    material = bcrypt.kdf(passphrase, salt, cipher.key_size + cipher.iv_size, rounds, ignore_few_rounds=True)
    try:
        return cipher.crypt(material[: cipher.key_size], material[cipher.key_size :], data, tag)
    except BadTag:
        raise _wrong_passphrase() from None


def _parse_section(
    section: bytes, public: PublicKey, cipher_name: str | None, required_rsa_size: int | None
) -> PrivateKey:
    """Parse the key in a decrypted section; errors contain no byte of it."""
    encrypted = cipher_name is not None
    block_size = FILE_CIPHERS[cipher_name].block_size if cipher_name else UNENCRYPTED_BLOCK
    fields = Reader(section)
    try:
        if fields.uint32() != fields.uint32():
            if encrypted:
                raise _wrong_passphrase()
            raise KeyFormatError("the check numbers of the OpenSSH private key differ")
        key = parse_private_fields(fields, required_rsa_size)
        key.comment = fields.text()
        padding = fields.rest()
    except WireError:
        raise KeyFormatError("the private part of the OpenSSH private key is truncated") from None
    # Without a cipher, PuTTY pads as for one, and OpenSSH accepts any length.
    if len(padding) > MAX_PADDING or padding != bytes(range(1, 1 + len(padding))) or len(section) % block_size:
        raise KeyFormatError("invalid padding in the OpenSSH private key")
    if key.public != public:
        raise KeyFormatError("the public and the private key in the file do not match")
    return key


def _wrong_passphrase() -> WrongPassphrase:
    return WrongPassphrase("wrong passphrase", phase="private key")
