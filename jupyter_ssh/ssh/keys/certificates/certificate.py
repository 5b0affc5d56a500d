"""OpenSSH certificates (PROTOCOL.certkeys): a key, a statement about it, and an authority's signature over both.

Certificate types and their signature algorithms follow from `types.table` but have tables of their own: a certificate
means nothing until `check` has accepted it, and code that reads plain keys must never get one.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Mapping
from typing import NoReturn

from jupyter_ssh.ssh.errors import (
    CertificateSignatureError,
    CertificateSignedByCertificate,
    KeyFormatError,
    SignatureError,
    WireError,
)
from jupyter_ssh.ssh.keys import fingerprint
from jupyter_ssh.ssh.keys.base import TRUSTED_GRADES, KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.keys.certificates import options as certificate_options
from jupyter_ssh.ssh.keys.types.table import (
    KEY_TYPES,
    MAX_BLOB,
    SIGNATURE_ALGORITHMS,
    find_row,
    parse_private_fields,
    parse_public_key,
)
from jupyter_ssh.ssh.wire.types import Reader, string

SUFFIX = "-cert-v01@openssh.com"
MAX_PRINCIPALS = 256
"""OpenSSH's limit."""
MAX_TEXT = 8192
"""Maximum bytes of a key ID or principal."""


class CertificateKind(enum.IntEnum):
    """Whether a certificate is for a user or for a host."""

    USER = 1
    HOST = 2

    def __str__(self) -> str:
        return self.name.lower()


def certificate_name(name: str) -> str:
    """Return the certificate name of a key type or signature algorithm, such as
    ``ssh-ed25519-cert-v01@openssh.com``."""
    return name.partition("@")[0] + SUFFIX


def _certificate_row(row: KeyType) -> KeyType:
    def unfit(*_: object) -> NoReturn:
        raise KeyFormatError("a certificate is not a key")

    name = certificate_name(row.name)
    algorithms = (
        dataclasses.replace(algorithm, name=certificate_name(algorithm.name), key_type=name)
        for algorithm in row.signatures
    )
    return dataclasses.replace(
        row,
        name=name,
        nickname=f"{row.nickname}-CERT",
        blob_fields=0,
        sizes=(),
        signatures=tuple(algorithms),
        parse_public=unfit,
        parse_private=unfit,
        generate=unfit,
        from_cryptography=lambda row, key: None,
        public_from_cryptography=lambda row, key: None,
    )


CERTIFICATE_TYPES: dict[str, KeyType] = {
    certificate_name(row.name): _certificate_row(row) for row in KEY_TYPES.values()
}
"""Every certificate type by its name inside the blob."""

PLAIN_TYPE: dict[str, str] = {certificate_name(name): name for name in KEY_TYPES}
"""The type of the key in a certificate."""

CERTIFICATE_ALGORITHMS: dict[str, SignatureAlgorithm] = {
    algorithm.name: algorithm for row in CERTIFICATE_TYPES.values() for algorithm in row.signatures
}
"""The algorithm names for certificates in negotiation and publickey authentication, in OpenSSH's order."""

PLAIN_ALGORITHM: dict[str, str] = {certificate_name(name): name for name in SIGNATURE_ALGORITHMS}
"""The algorithm of the signature itself: a certificate changes what is presented, not how it is signed."""

ALL_ALGORITHMS: dict[str, SignatureAlgorithm] = {**CERTIFICATE_ALGORITHMS, **SIGNATURE_ALGORITHMS}
"""The algorithms with certificates, then those without: OpenSSH's proposal, in its order."""


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """What a certificate states about its key."""

    kind: CertificateKind
    key_id: str
    """For people and logs."""
    principals: tuple[str, ...]
    """User or host names it is valid for."""
    serial: int
    valid_after: int
    """The first second in which it is valid, since 1970-01-01 UTC."""
    valid_before: int
    """The first second in which it is no longer valid; `validity.FOREVER` for none."""
    critical_options: Mapping[str, bytes]
    """Names and raw data; for their meaning see `options.user_options`."""
    extensions: Mapping[str, bytes]
    nonce: bytes
    reserved: bytes


class Certificate(PublicKey):
    """A key with a statement about it; the signature of its ``authority`` has been verified.

    It is used like the key itself, under the algorithm names in `CERTIFICATE_ALGORITHMS`.  Whether the authority is
    trusted and the statement applies is decided in `check`.
    """

    __slots__ = ("authority", "key", "signature_algorithm", "statement")

    def __init__(
        self,
        row: KeyType,
        blob: bytes,
        key: PublicKey,
        statement: Statement,
        authority: PublicKey,
        signature_algorithm: str,
    ) -> None:
        super().__init__(row, blob, key.size)
        self.key = key
        self.statement = statement
        self.authority = authority
        self.signature_algorithm = signature_algorithm
        """The algorithm the authority signed with."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key."""
        return self.key.fingerprint

    @property
    def fingerprint_md5(self) -> str:
        """The fingerprint of the key."""
        return self.key.fingerprint_md5

    @property
    def randomart(self) -> str:
        """The picture of the key, titled with the certificate's type."""
        return fingerprint.randomart(self.key.blob, self.nickname, self.size)

    def permits(self, extension: str) -> bool:
        """Return whether the statement has an extension, such as ``permit-pty``."""
        return extension in self.statement.extensions

    def verify(
        self,
        signature: bytes,
        data: bytes,
        algorithms: Collection[str] | None = None,
        *,
        no_touch_required: bool = False,
        verify_required: bool = False,
    ) -> str:
        """See `PublicKey.verify`; ``algorithms`` and the result are names in `CERTIFICATE_ALGORITHMS`."""
        if algorithms is None:
            algorithms = [row.name for row in self.row.signatures if row.grade in TRUSTED_GRADES]
        plain = [PLAIN_ALGORITHM[name] for name in algorithms if name in PLAIN_ALGORITHM]
        return certificate_name(
            self.key.verify(
                signature, data, plain, no_touch_required=no_touch_required, verify_required=verify_required
            )
        )

    def to_cryptography(self) -> object:
        return self.key.to_cryptography()

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        raise NotImplementedError("verify asks the key")


class CertifiedKey(PrivateKey):
    """A private key that is presented with a certificate.  Raises `KeyFormatError` if they do not match."""

    __slots__ = ("key",)

    public: Certificate

    def __init__(self, key: PrivateKey, certificate: Certificate, comment: str | None = None) -> None:
        if key.public != certificate.key:
            raise KeyFormatError(
                "the certificate is for another key",
                expected=key.public.fingerprint,
                received=certificate.key.fingerprint,
            )
        super().__init__(certificate, key.comment if comment is None else comment)
        self.key = key

    @property
    def needs_agent(self) -> bool:
        return self.key.needs_agent

    def sign(self, data: bytes, algorithm: str | None = None) -> bytes:
        """See `PrivateKey.sign`; ``algorithm`` is a name in `CERTIFICATE_ALGORITHMS`."""
        if algorithm is not None and algorithm not in self.public.signature_algorithms:
            raise SignatureError(
                f"a {self.public.key_type} key cannot sign with {algorithm}",
                expected=" or ".join(self.public.signature_algorithms),
            )
        return self.key.sign(data, None if algorithm is None else PLAIN_ALGORITHM[algorithm])

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        raise NotImplementedError("sign asks the key")

    def private_fields(self) -> bytes:
        """Secret: string(certificate) and the key's remaining fields, as sent to agents."""
        known = self.key.public.row.certified_fields(self.key.public)
        return string(self.public.blob) + self.key.private_fields()[len(known) :]

    def to_cryptography(self) -> object:
        return self.key.to_cryptography()


def is_certificate(blob: bytes) -> bool:
    """Return whether a blob claims to be a certificate."""
    try:
        return Reader(blob).text(64).endswith(SUFFIX)
    except WireError:
        return False


def parse_key_or_certificate(blob: bytes, required_rsa_size: int | None = None) -> PublicKey:
    """Parse a blob with `parse_certificate` or `parse_public_key`, whichever applies."""
    return (parse_certificate if is_certificate(blob) else parse_public_key)(blob, required_rsa_size)


def parse_certificate(blob: bytes, required_rsa_size: int | None = None) -> Certificate:
    """Parse the certificate in ``blob`` and verify its authority's signature.

    Raises `KeyFormatError`, and of its subclasses `CertificateSignatureError` and `CertificateSignedByCertificate`.
    """
    if len(blob) > MAX_BLOB:
        raise KeyFormatError(
            "certificate too long", expected=f"at most {MAX_BLOB} bytes", received=f"{len(blob)} bytes"
        )
    fields = Reader(blob)
    try:
        row = _row(fields.text(64))
        nonce = fields.string()
        key = _read_key(row, blob, fields, required_rsa_size)
        statement = _read_statement(fields, nonce)
        authority_blob = fields.string()
        signed = blob[: len(blob) - fields.remaining]
        signature = fields.string()
        fields.finish()
    except WireError as error:
        raise KeyFormatError(f"malformed certificate: {error.message}", expected=error.expected) from error
    authority = _parse_authority(authority_blob, required_rsa_size)
    try:
        # SHA-1 is ruled out later, and an authority's security key need not be touched.
        algorithm = authority.verify(signature, signed, authority.signature_algorithms, no_touch_required=True)
    except SignatureError as error:
        raise CertificateSignatureError(
            "the certificate is not signed by the authority it names",
            expected=f"a signature of {authority.fingerprint}",
            received=error.message,
        ) from None
    return Certificate(row, blob, key, statement, authority, algorithm)


def parse_added_key(data: bytes, required_rsa_size: int | None = None) -> tuple[PrivateKey, Reader]:
    """Parse the private key, or key with certificate, at the start of ``data``; return it and the fields after it.

    This is how a key is added to an agent (draft-ietf-sshm-ssh-agent §3.2): type name, private fields, then the
    comment. Raises `KeyFormatError`.
    """
    fields = Reader(data)
    try:
        name = fields.text(64)
        if name not in CERTIFICATE_TYPES:
            fields = Reader(data)
            return parse_private_fields(fields, required_rsa_size), fields
        certificate = parse_certificate(fields.string(), required_rsa_size)
        rest = fields.rest()
    except WireError as error:
        raise KeyFormatError(f"malformed private key: {error.message}", expected=error.expected) from None
    plain = certificate.key
    fields = Reader(string(plain.key_type) + plain.row.certified_fields(plain) + rest)
    return CertifiedKey(parse_private_fields(fields, required_rsa_size), certificate), fields


def _row(name: str) -> KeyType:
    row = CERTIFICATE_TYPES.get(name)
    if row is None:
        raise KeyFormatError("unknown certificate type", expected=" or ".join(CERTIFICATE_TYPES), received=repr(name))
    return row


def _read_key(row: KeyType, blob: bytes, fields: Reader, required_rsa_size: int | None) -> PublicKey:
    plain_row = find_row(PLAIN_TYPE[row.name], required_rsa_size)
    start = len(blob) - fields.remaining
    key = plain_row.parse_public(plain_row, blob, fields)
    if key.blob != string(plain_row.name) + blob[start : len(blob) - fields.remaining]:
        raise KeyFormatError("the key in the certificate is not in its canonical encoding")
    return key


def _read_statement(fields: Reader, nonce: bytes) -> Statement:
    serial, kind, key_id = fields.uint64(), fields.uint32(), fields.text(MAX_TEXT)
    if kind not in (CertificateKind.USER, CertificateKind.HOST):
        raise KeyFormatError("certificate of an unknown kind", expected="1, user, or 2, host", received=f"{kind}")
    packed = Reader(fields.string())
    principals: list[str] = []
    while packed.remaining:
        principals.append(packed.text(MAX_TEXT))
        if len(principals) > MAX_PRINCIPALS:
            raise KeyFormatError("too many principals in the certificate", expected=f"at most {MAX_PRINCIPALS}")
    valid_after, valid_before = fields.uint64(), fields.uint64()
    critical_options = certificate_options.decode_options(fields.string(), "critical option")
    extensions = certificate_options.decode_options(fields.string(), "extension")
    reserved = fields.string()
    return Statement(
        CertificateKind(kind),
        key_id,
        tuple(principals),
        serial,
        valid_after,
        valid_before,
        critical_options,
        extensions,
        nonce,
        reserved,
    )


def _parse_authority(blob: bytes, required_rsa_size: int | None) -> PublicKey:
    if is_certificate(blob):
        raise CertificateSignedByCertificate(
            "the certificate is signed by a certificate", expected="the key of an authority (PROTOCOL.certkeys)"
        )
    try:
        return parse_public_key(blob, required_rsa_size)
    except KeyFormatError as error:
        raise KeyFormatError(
            f"the authority of the certificate: {error.message}", expected=error.expected, received=error.received
        ) from None
