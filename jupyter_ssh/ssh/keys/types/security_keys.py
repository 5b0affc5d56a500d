"""sk-ssh-ed25519@openssh.com and sk-ecdsa-sha2-nistp256@openssh.com: keys in a FIDO/U2F device (PROTOCOL.u2f).

Their signatures are verified here; signing needs the device, which an agent talks to.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from jupyter_ssh.ssh.errors import KeyFormatError, SignatureError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.keys.types import ecdsa, ed25519
from jupyter_ssh.ssh.wire.types import Reader, string, uint32

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

ED25519_NAME = "sk-ssh-ed25519@openssh.com"
ECDSA_NAME = "sk-ecdsa-sha2-nistp256@openssh.com"

USER_PRESENT = 0x01
"""The device was touched."""
USER_VERIFIED = 0x04
"""The device checked a PIN or a fingerprint."""
MAX_APPLICATION = 1024
MAX_HANDLE = 8192


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a device states with each signature."""

    flags: int
    counter: int
    """The number of signatures made by the device; if it decreases, the device was cloned."""

    @property
    def user_present(self) -> bool:
        return bool(self.flags & USER_PRESENT)

    @property
    def user_verified(self) -> bool:
        return bool(self.flags & USER_VERIFIED)


def read_assertion(fields: Reader) -> Assertion:
    """Read byte flags, uint32 counter; may raise `WireError`."""
    return Assertion(fields.byte(), fields.uint32())


def signed_data(application: str, assertion: Assertion, data: bytes) -> bytes:
    """Return what a device signs instead of ``data`` (PROTOCOL.u2f, "SSH U2F Signatures")."""
    name = application.encode("utf-8", "surrogateescape")
    state = bytes((assertion.flags,)) + uint32(assertion.counter)
    return hashlib.sha256(name).digest() + state + hashlib.sha256(data).digest()


class SecurityKeyPublicKey(PublicKey):
    """A public key and the application it was made for, such as ``ssh:``."""

    __slots__ = ("application",)

    def __init__(self, row: KeyType, fields: bytes, application: str) -> None:
        super().__init__(row, string(row.name) + fields + string(application), 256)
        self.application = application

    def verify(
        self,
        signature: bytes,
        data: bytes,
        algorithms: Collection[str] | None = None,
        *,
        no_touch_required: bool = False,
        verify_required: bool = False,
    ) -> str:
        name = super().verify(signature, data, algorithms)
        assertion = self.assertion(signature)
        if not assertion.user_present and not no_touch_required:
            raise SignatureError("the security key was not touched for this signature")
        if not assertion.user_verified and verify_required:
            raise SignatureError("the security key did not ask for a PIN or fingerprint for this signature")
        return name

    @staticmethod
    def assertion(signature: bytes) -> Assertion:
        """Return what the device stated with a verified signature; may raise `WireError`."""
        fields = Reader(signature)
        fields.string()
        fields.string()
        return read_assertion(fields)

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        value = fields.string()
        return self._check_value(value, signed_data(self.application, read_assertion(fields), data))

    @abstractmethod
    def _check_value(self, value: bytes, message: bytes) -> bool:
        """Return whether the signature value is valid for ``message``; may raise `WireError`."""


class SecurityKeyEd25519PublicKey(SecurityKeyPublicKey):
    """string point, string application."""

    __slots__ = ("_point",)

    def __init__(self, row: KeyType, point: bytes, application: str) -> None:
        super().__init__(row, string(point), application)
        self._point = point

    def _check_value(self, value: bytes, message: bytes) -> bool:
        return ed25519.verifies(self._point, value, message)


class SecurityKeyECDSAPublicKey(SecurityKeyPublicKey):
    """string curve, string point, string application."""

    __slots__ = ("_key",)

    curve = ecdsa.CURVES[0]

    def __init__(self, row: KeyType, key: ec.EllipticCurvePublicKey, application: str) -> None:
        super().__init__(row, ecdsa.public_fields(self.curve, key), application)
        self._key = key

    def _check_value(self, value: bytes, message: bytes) -> bool:
        return ecdsa.verifies(self.curve, self._key, value, message)


class SecurityKeyPrivateKey(PrivateKey):
    """The part of such a key that is in a file: a handle from which the device finds or derives the private key."""

    __slots__ = ("_handle", "_reserved", "flags")

    public: SecurityKeyPublicKey

    def __init__(self, public: SecurityKeyPublicKey, flags: int, handle: bytes, reserved: bytes = b"") -> None:
        super().__init__(public)
        self.flags = flags
        self._handle = handle
        self._reserved = reserved

    @property
    def needs_agent(self) -> bool:
        return True

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        raise SignatureError(
            f"a {self.public.key_type} key can sign only in its device",
            next_step="Add it to an agent with ssh-add, and sign through the agent",
        )

    def private_fields(self) -> bytes:
        return self.public.fields + bytes((self.flags,)) + string(self._handle) + string(self._reserved)


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> SecurityKeyPublicKey:
    if row.name == ED25519_NAME:
        point = ed25519.read_point(fields)
        return SecurityKeyEd25519PublicKey(row, point, _application(fields))
    key = ecdsa.parse_point(SecurityKeyECDSAPublicKey.curve, fields)
    return SecurityKeyECDSAPublicKey(row, key, _application(fields))


def _application(fields: Reader) -> str:
    return fields.text(MAX_APPLICATION)


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    public = _parse_public(row, b"", fields)
    flags, handle, reserved = fields.byte(), fields.string(MAX_HANDLE), fields.string(MAX_HANDLE)
    return SecurityKeyPrivateKey(public, flags, handle, reserved)


def _generate(row: KeyType, bits: int) -> NoReturn:
    raise KeyFormatError(
        f"{row.keygen_name} keys are generated in a security key",
        next_step=f"Generate it on the machine with the device: ssh-keygen -t {row.keygen_name}",
    )


def _not_of_cryptography(row: KeyType, key: object) -> None:
    return None


def _certified_fields(key: PublicKey) -> bytes:
    """Return the curve and point of an ECDSA key; the application is not left out."""
    if key.key_type == ED25519_NAME:
        return b""
    assert isinstance(key, SecurityKeyPublicKey)
    return key.fields.removesuffix(string(key.application))


SECURITY_KEYS = tuple(
    KeyType(
        name=name,
        nickname=nickname,
        keygen_name=keygen_name,
        blob_fields=blob_fields,
        sizes=(256,),
        default_size=256,
        signatures=(SignatureAlgorithm(name, name, "sha256"),),
        parse_public=_parse_public,
        parse_private=_parse_private,
        generate=_generate,
        from_cryptography=_not_of_cryptography,
        public_from_cryptography=_not_of_cryptography,
        certified_fields=_certified_fields,
    )
    for name, nickname, keygen_name, blob_fields in (
        (ED25519_NAME, "ED25519-SK", "ed25519-sk", 3),
        (ECDSA_NAME, "ECDSA-SK", "ecdsa-sk", 4),
    )
)
