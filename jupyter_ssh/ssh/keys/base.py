"""The common part of all key types: public and private keys, and the rows of the table in `types.table`."""

from __future__ import annotations

import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NoReturn

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.errors import KeyFormatError, SignatureError, WireError
from jupyter_ssh.ssh.keys import fingerprint
from jupyter_ssh.ssh.wire.types import Reader, string


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """A signature algorithm, by its name in ``server_host_key_algorithms`` and in the signature blob (RFC 4253
    §6.6)."""

    name: str
    key_type: str
    hash_name: str
    """The `hashlib` name of the hash that is signed."""
    grade: Grade = Grade.MODERN


@dataclass(frozen=True, slots=True)
class KeyType:
    """A row of `KEY_TYPES`: everything the rest of the package needs to know about a key type."""

    name: str
    """The type's name inside the blob, such as ``ssh-ed25519``."""
    nickname: str
    """The name that ssh-keygen prints, such as ``ED25519``."""
    keygen_name: str
    """The name for ``ssh-keygen -t``, such as ``ed25519``; rows that share it differ in ``sizes``."""
    blob_fields: int
    """The number of strings and mpints in the blob, including the name."""
    sizes: range | tuple[int, ...]
    """The sizes in bits that `generate` accepts, ``default_size`` being the default.  For RSA it also limits which keys
    are accepted."""
    default_size: int
    signatures: tuple[SignatureAlgorithm, ...]
    """Best first."""
    parse_public: Callable[[KeyType, bytes, Reader], PublicKey]
    """(row, whole blob, its fields after the name) -> key.  Raises `KeyFormatError` or `WireError`."""
    parse_private: Callable[[KeyType, Reader], PrivateKey]
    """(row, fields of PROTOCOL.key's private section after the name) -> key.  Raises `KeyFormatError`, `WireError`."""
    generate: Callable[[KeyType, int], PrivateKey]
    """(row, bits) -> new key."""
    from_cryptography: Callable[[KeyType, object], PrivateKey | None]
    """(row, private key object of `cryptography`) -> key, or None if it is not of this type.  Raises
    `KeyFormatError`."""
    public_from_cryptography: Callable[[KeyType, object], PublicKey | None]
    """(row, public key object of `cryptography`) -> key, or None if it is not of this type.  Raises
    `KeyFormatError`."""
    certified_fields: Callable[[PublicKey], bytes]
    """(key) -> the leading part of its private fields, which is left out after a certificate."""


TRUSTED_GRADES = (Grade.MODERN, Grade.EXPERIMENTAL)
"""Grades of the algorithms that `PublicKey.verify` accepts by default."""


class PublicKey(ABC):
    """A public key.  Two keys are equal if their blobs are."""

    __slots__ = ("blob", "row", "size")

    def __init__(self, row: KeyType, blob: bytes, size: int) -> None:
        self.row = row
        self.blob = blob
        """The encoding of RFC 4253 §6.6: string(type name) and the type's own fields."""
        self.size = size
        """Size in bits, as ``ssh-keygen -l`` prints it."""

    @property
    def key_type(self) -> str:
        """The type's name, such as ``ssh-ed25519``."""
        return self.row.name

    @property
    def nickname(self) -> str:
        """The type's name for people, such as ``ED25519``."""
        return self.row.nickname

    @property
    def signature_algorithms(self) -> tuple[str, ...]:
        """Names of the algorithms this key signs with, best first."""
        return tuple(algorithm.name for algorithm in self.row.signatures)

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and the unpadded base64 of the blob's hash."""
        return fingerprint.sha256(self.blob)

    @property
    def fingerprint_md5(self) -> str:
        """``MD5:`` and sixteen hex bytes with colons, as older systems print it."""
        return fingerprint.md5(self.blob)

    @property
    def fields(self) -> bytes:
        """The blob without the leading type name."""
        return self.blob[len(string(self.row.name)) :]

    @property
    def randomart(self) -> str:
        """The fingerprint as a picture of eleven lines, as ``ssh-keygen -lv`` draws it."""
        return fingerprint.randomart(self.blob, self.row.nickname, self.size)

    def line(self, comment: str = "") -> str:
        """Return the key as a line of a ``.pub`` file, without a newline."""
        base64 = binascii.b2a_base64(self.blob, newline=False).decode("ascii")
        return f"{self.key_type} {base64} {comment}".rstrip()

    def verify(
        self,
        signature: bytes,
        data: bytes,
        algorithms: Collection[str] | None = None,
        *,
        no_touch_required: bool = False,
        verify_required: bool = False,
    ) -> str:
        """Check ``signature``, a blob string(algorithm) string(value), over ``data``, and return its algorithm.

        ``algorithms`` are the names that are accepted; by default those of this key type that are neither legacy nor
        broken.  Raises `SignatureError`.

        The other options are those of authorized_keys and concern only security keys: these must have been touched,
        unless ``no_touch_required``, and with ``verify_required`` must have checked a PIN or a fingerprint.
        """
        if algorithms is None:
            algorithms = [row.name for row in self.row.signatures if row.grade in TRUSTED_GRADES]
        fields = Reader(signature)
        try:
            name = fields.text()
            algorithm = next((row for row in self.row.signatures if row.name == name), None)
            if algorithm is None:
                raise SignatureError(
                    f"a {self.key_type} key makes no such signature",
                    expected=" or ".join(self.signature_algorithms),
                    received=repr(name[:64]),
                )
            if name not in algorithms:
                raise SignatureError(
                    "the signature algorithm is not accepted",
                    expected=" or ".join(algorithms) or "none",
                    received=repr(name[:64]),
                )
            valid = self._check(algorithm, fields, data)
            fields.finish()
        except WireError as error:
            raise SignatureError("malformed signature", expected=error.expected, received=error.received) from error
        if not valid:
            raise SignatureError(f"invalid {name} signature", expected=f"one made by the key {self.fingerprint}")
        return name

    def to_cryptography(self) -> object:
        """Return the public key as an object of `cryptography`.  Raises `KeyFormatError` for types it does not know."""
        raise KeyFormatError(f"{self.key_type} keys exist only in OpenSSH's format")

    @abstractmethod
    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        """Read the signature's fields after the name and return whether it is valid; may raise `WireError`."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.blob == other.blob

    def __hash__(self) -> int:
        return hash(self.blob)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key_type} {self.fingerprint}>"


class PrivateKey(ABC):
    """A private key with its comment.  Its repr shows only type and fingerprint, and it cannot be pickled."""

    __slots__ = ("comment", "public")

    def __init__(self, public: PublicKey, comment: str = "") -> None:
        self.public = public
        self.comment = comment

    @property
    def needs_agent(self) -> bool:
        """Whether only an agent can sign with it, because this is just the handle of a key inside a device."""
        return False

    def sign(self, data: bytes, algorithm: str | None = None) -> bytes:
        """Sign ``data``, by default with the best algorithm, and return the blob string(algorithm) string(value).

        Raises `SignatureError` for an algorithm that is not of this key type.
        """
        for row in self.public.row.signatures:
            if algorithm is None or row.name == algorithm:
                return string(row.name) + self._sign(row, data)
        raise SignatureError(
            f"a {self.public.key_type} key cannot sign with {algorithm}",
            expected=" or ".join(self.public.signature_algorithms),
        )

    @abstractmethod
    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        """Return the signature's fields after the name."""

    @abstractmethod
    def private_fields(self) -> bytes:
        """Secret: the fields of PROTOCOL.key's private section after the type's name, without the comment."""

    def to_cryptography(self) -> object:
        """Secret: the key as an object of `cryptography`.  Raises `KeyFormatError` for types it does not know."""
        raise KeyFormatError(f"{self.public.key_type} keys exist only in OpenSSH's format")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.public.key_type} {self.public.fingerprint}>"

    def __reduce__(self) -> NoReturn:
        # A pickle would contain the key unencrypted, in a place that is not protected.
        raise TypeError("private keys cannot be pickled or copied; use save_private_key")
