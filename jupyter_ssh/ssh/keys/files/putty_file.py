"""Read and write PuTTY's private key files, PPK versions 1, 2 and 3 (PuTTY's manual, appendix C)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, WireError, WrongPassphrase
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, CertifiedKey, parse_key_or_certificate
from jupyter_ssh.ssh.keys.files.container import KeyContainer
from jupyter_ssh.ssh.keys.types.table import decode_base64, parse_private_fields
from jupyter_ssh.ssh.wire.types import Reader, string, uint32

BEGIN = b"PuTTY-User-Key-File-"
LINE_LENGTH = 64
NO_CIPHER = "none"
CIPHER = "aes256-cbc"
BLOCK = 16
SALT_SIZE = 16
MEMORY = 8192
PASSES = 13
"""Passes with which puttygen's default KDF takes about a tenth of a second."""
MAX_MEMORY = 1 << 20
"""The most memory a file may ask for, in kibibytes: one gibibyte."""
MAX_WORK = 1 << 25
"""The most work, in kibibytes times passes: about a minute."""
MAX_LANES = 64
FLAVOURS = {"Argon2id", "Argon2i", "Argon2d"}


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """The keys derived from a passphrase."""

    key: bytes
    iv: bytes
    mac_key: bytes


@dataclass(frozen=True, slots=True)
class Argon2:
    """The parameters of version 3's key derivation."""

    flavour: str
    memory: int
    """Kibibytes."""
    passes: int
    lanes: int
    salt: bytes

    def secrets(self, passphrase: bytes) -> Secrets:
        """Derive the keys.  Raises `KeyFormatError` for invalid parameters."""
        from cryptography.hazmat.primitives.kdf import argon2

        function = getattr(argon2, self.flavour)
        try:
            material = function(
                salt=self.salt, length=80, iterations=self.passes, lanes=self.lanes, memory_cost=self.memory
            ).derive(passphrase)
        except ValueError:
            raise KeyFormatError("invalid Argon2 parameters in the PuTTY key") from None
        return Secrets(material[:32], material[32:48], material[48:])

    def lines(self) -> list[str]:
        return [
            f"Key-Derivation: {self.flavour}",
            f"Argon2-Memory: {self.memory}",
            f"Argon2-Passes: {self.passes}",
            f"Argon2-Parallelism: {self.lanes}",
            f"Argon2-Salt: {self.salt.hex()}",
        ]


def _old_secrets(passphrase: bytes) -> Secrets:
    """Derive the keys for versions 1 and 2: the passphrase is hashed with SHA-1, without a salt."""
    stretched = b"".join(_sha1(uint32(number) + passphrase) for number in range(2))
    return Secrets(stretched[:32], bytes(BLOCK), _sha1(b"putty-private-key-file-mac-key" + passphrase))


# --- private fields: PuTTY leaves out what is in the public key -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PuttyType:
    """How to convert the private fields of a key type between PuTTY's and OpenSSH's files, as lists of strings."""

    public: int
    """The number of strings in the public key after its name."""
    private: int
    """The number of strings in PuTTY's private part."""
    to_openssh: Callable[[list[bytes], list[bytes]], list[bytes]]
    """(public, private) -> the fields of PROTOCOL.key's private section."""
    from_openssh: Callable[[list[bytes]], list[bytes]]


PUTTY_TYPES: dict[str, PuttyType] = {
    "ssh-rsa": PuttyType(
        2,
        4,
        lambda public, private: [public[1], public[0], private[0], private[3], private[1], private[2]],
        lambda fields: [fields[2], fields[4], fields[5], fields[3]],
    ),
    "ssh-dss": PuttyType(4, 1, lambda public, private: public + private, lambda fields: fields[4:]),
    **{
        f"ecdsa-sha2-nistp{size}": PuttyType(2, 1, lambda public, private: public + private, lambda fields: fields[2:])
        for size in (256, 384, 521)
    },
    **{
        name: PuttyType(
            1,
            1,
            lambda public, private: [public[0], private[0] + public[0]],
            lambda fields: [fields[1][: -len(fields[0])]],
        )
        for name in ("ssh-ed25519", "ssh-ed448")
    },
}


def _strings(data: bytes, count: int) -> tuple[list[bytes], bytes]:
    """Return the first ``count`` strings and the remaining data."""
    fields = Reader(data)
    return [fields.string() for _ in range(count)], fields.rest()


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class PuttyFile:
    """The parts of a file."""

    version: int
    algorithm: str
    cipher: str
    comment: bytes
    public: bytes
    private: bytes
    """The private part, which may be encrypted."""
    argon2: Argon2 | None
    mac: bytes
    hashed: bool
    """Whether the MAC is a plain hash, as in unencrypted files of version 1."""

    def authenticated(self, private: bytes) -> bytes:
        """Return the data covered by the MAC, given the decrypted private part."""
        if self.version == 1:
            return private
        parts = (self.algorithm.encode(), self.cipher.encode(), self.comment, self.public, private)
        return b"".join(map(string, parts))

    def mac_of(self, private: bytes, mac_key: bytes) -> bytes:
        data = self.authenticated(private)
        if self.hashed:
            return _sha1(data)
        return hmac.digest(mac_key, data, "sha256" if self.version == 3 else "sha1")

    def secrets(self, passphrase: bytes) -> Secrets:
        if self.version < 3:
            return _old_secrets(passphrase)
        return self.argon2.secrets(passphrase) if self.argon2 else Secrets(b"", b"", b"")


class _Lines:
    """The lines of a file, read one by one; every method raises `KeyFormatError`."""

    def __init__(self, data: bytes) -> None:
        self._lines = re.split(rb"\r\n|\n|\r", data)
        self._next = 0

    def line(self) -> bytes:
        if self._next >= len(self._lines):
            raise KeyFormatError("the PuTTY key is truncated")
        self._next += 1
        return self._lines[self._next - 1]

    def header(self, *names: str) -> tuple[str, bytes]:
        """Read a line that must begin with one of ``names`` and return its name and value."""
        name, colon, value = self.line().partition(b": ")
        found = name.decode("ascii", "replace")
        if not colon or found not in names:
            raise KeyFormatError("malformed PuTTY key", expected=" or ".join(f"a line '{name}: …'" for name in names))
        return found, value

    def value(self, name: str) -> str:
        return self.header(name)[1].decode("ascii", "replace")

    def number(self, name: str, limit: int) -> int:
        value = self.value(name)
        if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) > limit:
            raise KeyFormatError(f"invalid {name} in the PuTTY key", expected=f"a number up to {limit}")
        return int(value)

    def blob(self, name: str) -> bytes:
        """Read a number of lines, and that many lines of base64."""
        return decode_base64(b"".join(self.line().strip() for _ in range(self.number(name, len(self._lines)))))

    def hexadecimal(self, value: str) -> bytes:
        try:
            return binascii.unhexlify(value)
        except (binascii.Error, ValueError):
            raise KeyFormatError("malformed hexadecimal number in the PuTTY key") from None

    def finish(self) -> None:
        if any(line.strip() for line in self._lines[self._next :]):
            raise KeyFormatError("the PuTTY key file is too long: perhaps there are two keys in it")


def parse(data: bytes, required_rsa_size: int | None = None) -> KeyContainer:
    """Parse the text of a file.  Raises `KeyFormatError`, or `KeyFileError` for what is not supported."""
    file = _parse_file(data)
    public = parse_key_or_certificate(file.public, required_rsa_size)
    if public.key_type != file.algorithm:
        raise KeyFormatError(
            "the PuTTY key is not of the type that the file names",
            expected=repr(file.algorithm[:64]),
            received=public.key_type,
        )
    plain = public.key if isinstance(public, Certificate) else public
    if plain.key_type not in PUTTY_TYPES:
        raise KeyFileError("PuTTY does not support keys of this type", received=plain.key_type)
    encrypted = file.cipher != NO_CIPHER
    return KeyContainer(
        encrypted, public, lambda passphrase: _open(file, public, passphrase or b"", required_rsa_size), _format(file)
    )


def _format(file: PuttyFile) -> str:
    return f"ppk{file.version}"


def _parse_file(data: bytes) -> PuttyFile:
    lines = _Lines(data)
    names = [f"{BEGIN.decode()}{version}" for version in (3, 2, 1)]
    try:
        title, value = lines.header(*names)
    except KeyFormatError:
        raise KeyFileError(
            "PuTTY key of an unknown version", expected="versions 1 to 3", next_step="Save it as version 3 in PuTTYgen"
        ) from None
    version, algorithm = int(title[-1]), value.decode("ascii", "replace")
    cipher = lines.value("Encryption")
    if cipher not in (NO_CIPHER, CIPHER):
        raise KeyFileError(
            "PuTTY key is encrypted in a way that is not supported", expected=CIPHER, received=repr(cipher[:64])
        )
    comment = lines.header("Comment")[1]
    public = lines.blob("Public-Lines")
    argon2 = _parse_argon2(lines) if version == 3 and cipher != NO_CIPHER else None
    private = lines.blob("Private-Lines")
    if cipher != NO_CIPHER and (not private or len(private) % BLOCK):
        raise KeyFormatError("the encrypted part of the PuTTY key has an invalid length")
    kind, mac = lines.header("Private-MAC", *(["Private-Hash"] if version == 1 else []))
    lines.finish()
    return PuttyFile(
        version,
        algorithm,
        cipher,
        comment,
        public,
        private,
        argon2,
        lines.hexadecimal(mac.strip().decode("ascii", "replace")),
        kind == "Private-Hash",
    )


def _parse_argon2(lines: _Lines) -> Argon2:
    flavour = lines.value("Key-Derivation")
    if flavour not in FLAVOURS:
        raise KeyFileError(
            "PuTTY key with an unknown key derivation",
            expected=" or ".join(sorted(FLAVOURS)),
            received=repr(flavour[:64]),
        )
    memory = lines.number("Argon2-Memory", MAX_MEMORY)
    passes = lines.number("Argon2-Passes", MAX_WORK // max(memory, 1))
    lanes = lines.number("Argon2-Parallelism", MAX_LANES)
    salt = lines.hexadecimal(lines.value("Argon2-Salt"))
    if not passes or not lanes or memory < 8 * lanes or len(salt) < 8:
        raise KeyFormatError("invalid Argon2 parameters in the PuTTY key")
    return Argon2(flavour, memory, passes, lanes, salt)


def _open(file: PuttyFile, public: PublicKey, passphrase: bytes, required_rsa_size: int | None) -> PrivateKey:
    encrypted = file.cipher != NO_CIPHER
    if encrypted and not passphrase:
        raise _wrong_passphrase()
    secrets = file.secrets(passphrase if encrypted else b"")
    private = _crypt(secrets, file.private, encrypt=False) if encrypted else file.private
    if not hmac.compare_digest(file.mac_of(private, secrets.mac_key), file.mac):
        if encrypted:
            raise _wrong_passphrase()
        raise KeyFormatError("the PuTTY key was modified: its MAC is invalid")
    plain = public.key if isinstance(public, Certificate) else public
    row = PUTTY_TYPES[plain.key_type]
    try:
        public_fields, _ = _strings(plain.fields, row.public)
        private_fields, padding = _strings(private, row.private)
        if file.version == 1 and plain.key_type == "ssh-dss":
            # Ignored: that the numbers match is checked anyway.
            padding = _strings(padding, 1)[1]
        if len(padding) >= (BLOCK if encrypted else 1):
            raise KeyFormatError("the private part of the PuTTY key is too long")
        section = b"".join(map(string, row.to_openssh(public_fields, private_fields)))
    except WireError:
        raise KeyFormatError("the private part of the PuTTY key is truncated") from None
    key = parse_private_fields(Reader(string(plain.key_type) + section), required_rsa_size)
    if key.public != plain:
        raise KeyFormatError("the public and the private key in the file do not match")
    key.comment = file.comment.decode("utf-8", "surrogateescape")
    return CertifiedKey(key, public) if isinstance(public, Certificate) else key


# --- writing ----------------------------------------------------------------------------------------------------------


def dump(
    key: PrivateKey,
    passphrase: bytes | None = None,
    *,
    version: int = 3,
    flavour: str = "Argon2id",
    memory: int = MEMORY,
    passes: int = PASSES,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Return the text of a file with ``key``, encrypted under ``passphrase`` unless that is empty.

    Version 1 is for RSA and DSA only, and was used only by snapshots of PuTTY 0.52.  Raises `KeyFormatError` for key
    types that PuTTY does not support.
    """
    plain = key.key if isinstance(key, CertifiedKey) else key
    row = PUTTY_TYPES.get(plain.public.key_type)
    if row is None or (version == 1 and plain.public.key_type not in ("ssh-rsa", "ssh-dss")):
        raise KeyFormatError(
            f"PuTTY's files of version {version} do not support keys of this type",
            expected=" or ".join(PUTTY_TYPES),
            received=key.public.key_type,
        )
    fields, _ = _strings(plain.private_fields(), len(row.to_openssh([b""] * row.public, [b""] * row.private)))
    private = b"".join(map(string, row.from_openssh(fields)))
    if version == 1 and plain.public.key_type == "ssh-dss":
        private += string(_sha1(b"".join(map(string, fields[:3]))))
    argon2 = Argon2(flavour, memory, passes, 1, random(SALT_SIZE)) if version == 3 and passphrase else None
    if passphrase:
        # Pad as PuTTY does: with a hash of the data, so that the last block is not known plaintext.
        private += _sha1(private)[: -len(private) % BLOCK]
    # A line break would end the comment, and PuTTY's files have no escape for it.
    comment = key.comment.replace("\r", " ").replace("\n", " ").encode("utf-8", "surrogateescape")
    file = PuttyFile(
        version,
        key.public.key_type,
        CIPHER if passphrase else NO_CIPHER,
        comment,
        key.public.blob,
        private,
        argon2,
        b"",
        version == 1 and not passphrase,
    )
    secrets = file.secrets(passphrase or b"")
    mac = file.mac_of(private, secrets.mac_key)
    written = _crypt(secrets, private, encrypt=True) if passphrase else private
    kind = "Private-Hash" if file.hashed else "Private-MAC"
    head = [f"{BEGIN.decode()}{version}: {file.algorithm}", f"Encryption: {file.cipher}"]
    return b"\n".join(
        (
            *(line.encode("ascii") for line in head),
            b"Comment: " + comment,
            *_blob_lines("Public-Lines", file.public),
            *(line.encode("ascii") for line in (argon2.lines() if argon2 else ())),
            *_blob_lines("Private-Lines", written),
            f"{kind}: {mac.hex()}".encode("ascii"),
            b"",
        )
    )


def _blob_lines(name: str, blob: bytes) -> list[bytes]:
    base64 = binascii.b2a_base64(blob, newline=False)
    lines = [base64[start : start + LINE_LENGTH] for start in range(0, len(base64), LINE_LENGTH)]
    return [f"{name}: {len(lines)}".encode("ascii"), *lines]


def _crypt(secrets: Secrets, data: bytes, *, encrypt: bool) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    cipher = Cipher(algorithms.AES(secrets.key), modes.CBC(secrets.iv))
    context = cipher.encryptor() if encrypt else cipher.decryptor()
    return bytes(context.update(data) + context.finalize())


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _wrong_passphrase() -> WrongPassphrase:
    return WrongPassphrase("wrong passphrase, or a damaged file", phase="private key")
