"""The keys to log in with: files, certificates, keys in memory and in agents, in OpenSSH's order."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeGuard

from jupyter_ssh.ssh.client.login.handshake import described
from jupyter_ssh.ssh.client.login.settings import required_rsa_size
from jupyter_ssh.ssh.client.report.surfaces import surface
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, SignatureError, SSHError
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import PLAIN_ALGORITHM, Certificate, CertificateKind, CertifiedKey
from jupyter_ssh.ssh.keys.files.reading import (
    KeyFile,
    certificate_beside,
    load_certificate,
    load_public_file,
    open_key_file,
)
from jupyter_ssh.ssh.keys.types.security_keys import SecurityKeyPublicKey
from jupyter_ssh.ssh.text import escaped

IN_DEVICE: Final = "it can sign only in its hardware security key"
NO_PRIVATE_KEY: Final = "no private key for it"
NO_PRIVATE_KEY_STEP: Final = "Name the file with its private key as well (-i), or add that key to an agent with {add}."

TYPE_NUMBERS: Final = {
    "ssh-rsa": 0,
    "ssh-dss": 1,
    **dict.fromkeys(("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"), 2),
    "ssh-ed25519": 3,
    "ssh-rsa-cert-v01@openssh.com": 4,
    "ssh-dss-cert-v01@openssh.com": 5,
    **dict.fromkeys((f"ecdsa-sha2-nistp{size}-cert-v01@openssh.com" for size in (256, 384, 521)), 6),
    "ssh-ed25519-cert-v01@openssh.com": 7,
}
"""What ``ssh -v`` writes after the name of a key file."""

MAX_IDENTITIES: Final = 100
"""The most keys of each kind that are considered; OpenSSH's limit of files."""


class AgentKey(Protocol):
    """A key or certificate in an agent."""

    @property
    def public(self) -> PublicKey:
        """What is offered to the server."""

    @property
    def comment(self) -> str:
        """The comment its owner gave it."""

    async def sign(self, data: bytes, algorithm: str) -> bytes:
        """Return the signature blob; ``algorithm`` may be a certificate's.  Raises `SSHError`."""


AgentKeys = Callable[[], Awaitable[Sequence[AgentKey]]]
"""Returns the keys of an agent; called once, when the first key is needed."""

Unlock = Callable[[KeyFile], Awaitable[PrivateKey | None]]
"""Decrypts a key file, asking for its passphrase if it has one; None if that failed, which has been noted."""


class Signer(Protocol):
    """What signs for an identity."""

    @property
    def asks(self) -> bool:
        """Whether signing may involve a person; if so, the server is asked first whether it would accept the key."""

    async def private_key(self) -> PrivateKey | None:
        """Return the private key; None if it is not available here or could not be decrypted."""

    async def sign(self, public: PublicKey, data: bytes, algorithm: str) -> bytes | None:
        """Return the signature by the key of ``public``; None if that failed, which has been noted.

        Raises `SSHError`.
        """


@dataclass(slots=True)
class Identity:
    """One key to try.  ``public`` is None for a file whose public key is known only once it is decrypted."""

    label: str
    public: PublicKey | None
    signer: Signer | None
    problem: str | None = None
    """Why there is no signer."""
    next_step: str | None = None

    @property
    def named(self) -> str:
        """File or comment, type and fingerprint, as ssh(1) writes them."""
        if self.public is None:
            return self.label
        fingerprint = self.public.fingerprint
        return self.label.replace(fingerprint, f"{self.public.nickname} {fingerprint}", 1)


class MemorySigner:
    """A private key in memory."""

    asks = False

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    async def private_key(self) -> PrivateKey | None:
        """See `Signer`."""
        return self._key

    async def sign(self, public: PublicKey, data: bytes, algorithm: str) -> bytes | None:
        """See `Signer`."""
        return _sign(self._key, public, data, algorithm)


class FileSigner:
    """A private key file, whose passphrase is asked for at most once."""

    def __init__(self, file: KeyFile, unlock: Unlock) -> None:
        self._file = file
        self._unlock = unlock
        self.path = str(file.path)
        self._key: PrivateKey | None = None

    @property
    def asks(self) -> bool:
        """See `Signer`."""
        return self._file.encrypted and self._key is None

    async def private_key(self) -> PrivateKey | None:
        """See `Signer`."""
        if self._key is None:
            self._key = await self._unlock(self._file)
        return self._key

    async def sign(self, public: PublicKey, data: bytes, algorithm: str) -> bytes | None:
        """See `Signer`."""
        key = await self.private_key()
        if key is None:
            return None
        # RSA with 4096 bits takes some milliseconds; do not block the other connections.
        return await asyncio.get_running_loop().run_in_executor(None, _sign, key, public, data, algorithm)


class AgentSigner:
    """A key in an agent, which may ask its owner for confirmation."""

    asks = True

    def __init__(self, key: AgentKey) -> None:
        self._key = key

    async def private_key(self) -> PrivateKey | None:
        """See `Signer`."""
        return None

    async def sign(self, public: PublicKey, data: bytes, algorithm: str) -> bytes | None:
        """See `Signer`."""
        return await self._key.sign(data, algorithm)


def _sign(key: PrivateKey, public: PublicKey, data: bytes, algorithm: str) -> bytes:
    if isinstance(public, Certificate) and not isinstance(key, CertifiedKey):
        key = CertifiedKey(key, public)
    if key.public != public:
        raise SignatureError("the file now contains another key", expected=public.fingerprint)
    return key.sign(data, algorithm)


async def collect(
    options: Options, keys: Sequence[PrivateKey], agent_keys: AgentKeys | None, unlock: Unlock
) -> list[Identity]:
    """Return all identities in the order in which they are tried.

    First ``keys``, which the caller gave; then as in OpenSSH: certificates of CertificateFile, keys of the agent whose
    files are named, its other keys (not with IdentitiesOnly), and keys that are only in files.
    """
    in_memory = [_of_memory(key, options) for key in keys]
    files = _files(options, unlock)
    certificates = _certificates(options)
    agent = [] if agent_keys is None else list(await agent_keys())[:MAX_IDENTITIES]
    by_blob = {identity.public.blob: identity for identity in reversed(files) if identity.public is not None}
    named, others = [], []
    for key in agent:
        of_file = by_blob.get(key.public.blob)
        name = of_file.label.rpartition(" ")[0] if of_file is not None else key.comment or "key"
        identity = Identity(f"{name} {key.public.fingerprint} (agent)", key.public, AgentSigner(key))
        if of_file is not None:
            named.append(identity)
        elif not options.identities_only:
            others.append(identity)
    spared = {identity.public.blob for identity in named if identity.public is not None}
    rest = [identity for identity in files if identity.public is None or identity.public.blob not in spared]
    for identity in (*certificates, *rest):
        if isinstance(identity.public, Certificate):
            identity.signer = _signer_of(identity, identity.public, [*in_memory, *rest], agent)
    return _once([*in_memory, *certificates, *named, *others, *rest])


def attempts_told(files: Sequence[str], identities: Sequence[Identity]) -> list[str]:
    """Return the lines of ``ssh -v`` about the key files and what will be tried."""
    lines = []
    for path in files:
        known = [each for each in identities if each.public is not None]
        of_file = (each.public for name in (path, f"{path}.pub") for each in known if each.label.startswith(f"{name} "))
        public = next(of_file, None)
        lines.append(f"identity file {path} type {TYPE_NUMBERS.get(public.key_type, 0) if public else -1}")
    return [*lines, *(f"Will attempt key: {identity.named}" for identity in identities)]


def _no_private_key_step() -> str:
    return NO_PRIVATE_KEY_STEP.format(add=surface().add)


def _in_device(label: str, public: PublicKey, options: Options) -> Identity:
    """Return the identity of a key in a device; SecurityKeyProvider matters only to OpenSSH's programs."""
    provider = options.security_key_provider
    if provider.startswith("$"):
        provider = os.environ.get(provider[1:], "")  # as OpenSSH, which does without a library if it is not set
    command = "ssh-add" if provider in ("", "internal") else f"ssh-add -S {shlex.quote(provider)}"
    step = f"Add it to OpenSSH's agent with {command}, which can sign with the device; nothing here can."
    return Identity(label, public, None, IN_DEVICE, step)


def _of_memory(key: PrivateKey, options: Options) -> Identity:
    label = f"{escaped(key.comment) or 'key'} {key.public.fingerprint}"
    if key.needs_agent:
        return _in_device(label, key.public, options)
    return Identity(label, key.public, MemorySigner(key))


def _files(options: Options, unlock: Unlock) -> list[Identity]:
    """Return the key files in their order; missing ones are skipped unless they were named explicitly.

    Each is followed by its certificates: in the ``.pub`` file, where a public key usually is, and in ``-cert.pub``
    unless certificates were named (ssh_config(5), CertificateFile).
    """
    named = options.given("identity_file")
    rsa_size = required_rsa_size(options)
    found: list[Identity] = []
    for path in options.identity_file[:MAX_IDENTITIES]:
        if not named and not os.path.lexists(path):
            continue
        identity = _file(path, unlock, options)
        found.append(identity)
        if isinstance(identity.public, Certificate):
            continue
        public = _public_half(f"{path}.pub", rsa_size)
        if _is_of_user(public) and identity.public in (None, public.key):
            found.append(_with_certificate(identity, f"{path}.pub", public))
        if options.certificate_file:
            continue
        try:
            certificate = certificate_beside(path, rsa_size)
        except (KeyFileError, KeyFormatError) as error:
            found.append(_unusable(f"{path}-cert.pub", error))
            continue
        if _is_of_user(certificate):
            found.append(_with_certificate(identity, f"{path.removesuffix('.pub')}-cert.pub", certificate))
    return found


def _with_certificate(identity: Identity, path: str, certificate: Certificate) -> Identity:
    """Return the identity of a key file's certificate."""
    label = f"{path} {certificate.fingerprint}"
    return Identity(label, certificate, identity.signer, identity.problem, identity.next_step)


def _file(path: str, unlock: Unlock, options: Options) -> Identity:
    rsa_size = required_rsa_size(options)
    try:
        file = open_key_file(path, rsa_size)
    except (KeyFileError, KeyFormatError) as error:
        # The private key may be in an agent (ssh_config(5), IdentityFile).
        public = _public_half(path, rsa_size)
        if isinstance(public, Certificate):
            # As Vault's and step's documentation has it: the certificate is named like a key, with -i.
            return _certificate(path, public)
        if public is not None:
            return Identity(f"{path} {public.fingerprint}", public, None, described(error), _no_private_key_step())
        public = _public_half(f"{path}.pub", rsa_size)
        if _is_of_user(public):
            return Identity(f"{path}.pub {public.fingerprint}", public, None, described(error), error.next_step)
        if isinstance(public, Certificate):
            public = public.key
        if public is None:
            return _unusable(path, error)
        return Identity(f"{path} {public.fingerprint}", public, None, described(error), error.next_step)
    label = str(file.path) if file.public is None else f"{file.path} {file.public.fingerprint}"
    if isinstance(file.public, SecurityKeyPublicKey):
        return _in_device(label, file.public, options)
    return Identity(label, file.public, FileSigner(file, unlock))


def _public_half(path: str, rsa_size: int | None) -> PublicKey | None:
    try:
        return load_public_file(path, rsa_size)[0]
    except SSHError:
        return None


def _certificates(options: Options) -> list[Identity]:
    found = []
    for path in options.certificate_file[:MAX_IDENTITIES]:
        try:
            certificate, _ = load_certificate(path, required_rsa_size(options))
        except (KeyFileError, KeyFormatError) as error:
            found.append(_unusable(path, error))
            continue
        found.append(_certificate(path, certificate))
    return found


def _is_of_user(public: PublicKey | None) -> TypeGuard[Certificate]:
    return isinstance(public, Certificate) and public.statement.kind is CertificateKind.USER


def _certificate(path: str, certificate: Certificate) -> Identity:
    """Return the identity of a certificate whose private key may be anywhere."""
    if not _is_of_user(certificate):
        return Identity(path, None, None, "it is a host certificate")
    return Identity(f"{path} {certificate.fingerprint}", certificate, None, NO_PRIVATE_KEY, _no_private_key_step())


def _unusable(path: str, error: SSHError) -> Identity:
    return Identity(path, None, None, described(error), error.next_step)


class _PlainAgentSigner(AgentSigner):
    """An agent's key offered with a certificate that the agent does not have."""

    async def sign(self, public: PublicKey, data: bytes, algorithm: str) -> bytes | None:
        """See `Signer`."""
        return await self._key.sign(data, PLAIN_ALGORITHM.get(algorithm, algorithm))


def _signer_of(
    identity: Identity, certificate: Certificate, others: Sequence[Identity], agent: Sequence[AgentKey]
) -> Signer | None:
    """Return the signer for a certificate: preferably the agent, which needs no passphrase, else a key file."""
    for key in agent:
        if key.public == certificate:
            return AgentSigner(key)
    for key in agent:
        if key.public == certificate.key:
            return _PlainAgentSigner(key)
    having = (other.signer for other in others if other.signer is not None and other.public == certificate.key)
    return identity.signer or next(having, None)


def _once(identities: list[Identity]) -> list[Identity]:
    """Return each key and certificate once, at its first position."""
    seen: set[bytes] = set()
    result = []
    for identity in identities:
        blob = identity.public.blob if identity.public is not None else None
        if blob is not None and blob in seen:
            continue
        if blob is not None and identity.signer is not None:
            seen.add(blob)
        result.append(identity)
    return result
