"""Keys held by an agent, as seen by its clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.agent import numbers as n
from jupyter_ssh.ssh.errors import AgentError, KeyFormatError, SSHError, WireError
from jupyter_ssh.ssh.keys import Certificate, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.keys.certificates.certificate import PLAIN_ALGORITHM, parse_key_or_certificate
from jupyter_ssh.ssh.text import escaped
from jupyter_ssh.ssh.wire.types import Reader

SIGN_FLAGS: Final = {"rsa-sha2-256": n.SSH_AGENT_RSA_SHA2_256, "rsa-sha2-512": n.SSH_AGENT_RSA_SHA2_512}
"""Flags of SSH_AGENTC_SIGN_REQUEST by signature algorithm; other key types have only one algorithm and no flag."""

Signer = Callable[[bytes, bytes, int], bytes]
"""(key blob, data, flags) -> signature blob; raises `SSHError`."""


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """A key in an agent; ``key`` is None if it cannot be used here, and ``problem`` says why."""

    blob: bytes
    comment: str
    key: PublicKey | None
    problem: str | None = None


def identity(blob: bytes, comment: str, required_rsa_size: int | None = None) -> AgentIdentity:
    """Decode ``blob``; an unknown type is not an error."""
    try:
        return AgentIdentity(blob, comment, parse_key_or_certificate(blob, required_rsa_size))
    except SSHError as error:
        why = error.message if error.received is None else f"{error.message} ({error.received})"
        return AgentIdentity(blob, comment, None, why)


def decode_identities(fields: Reader, required_rsa_size: int | None = None) -> list[AgentIdentity]:
    """Decode the keys in SSH_AGENT_IDENTITIES_ANSWER, after its number, and leave what follows.

    Raises `AgentError`, `WireError`.
    """
    count = fields.uint32()
    if count > n.MAX_IDENTITIES:
        raise AgentError(
            "the agent has too many keys",
            phase="agent",
            expected=f"at most {n.MAX_IDENTITIES}",
            received=f"{count}",
            next_step="Remove some with ssh-add -d, or use IdentitiesOnly with IdentityFile and no agent.",
        )
    found = []
    for _ in range(count):
        blob, comment = fields.string(), fields.text()
        # The key and its comment may come from a machine to which the agent was forwarded.
        found.append(identity(blob, escaped(comment[: n.MAX_COMMENT]), required_rsa_size))
    return found


def plain_algorithm(algorithm: str) -> str:
    """Return the signature algorithm without the certificate in its name."""
    return PLAIN_ALGORITHM.get(algorithm, algorithm)


def check_signature_name(signature: bytes, algorithm: str) -> bytes:
    """Return ``signature`` if it is of ``algorithm``: some agents ignore the flags for RSA with SHA-2.

    Raises `AgentError`.
    """
    wanted = plain_algorithm(algorithm)
    try:
        name = Reader(signature).text(64)
    except WireError:
        name = ""
    if name != wanted:
        raise AgentError(
            "the agent did not sign with the requested algorithm",
            phase="agent",
            expected=wanted,
            received=repr(name[:64]),
            next_step="Update the agent, or use the key's file with IdentityAgent none.",
        )
    return signature


class AgentKey(PrivateKey):
    """A key that signs in an agent; ``ask`` does that and blocks."""

    __slots__ = ("_ask",)

    def __init__(self, public: PublicKey, ask: Signer, comment: str = "") -> None:
        super().__init__(public, comment)
        self._ask = ask

    def sign(self, data: bytes, algorithm: str | None = None) -> bytes:
        """See `PrivateKey.sign`.  Raises `SSHError` if the agent fails."""
        algorithm = algorithm or self.public.signature_algorithms[0]
        flags = SIGN_FLAGS.get(plain_algorithm(algorithm), 0)
        return check_signature_name(self._ask(self.public.blob, data, flags), algorithm)

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        raise NotImplementedError("sign asks the agent")

    def private_fields(self) -> bytes:
        raise KeyFormatError("the private part of this key is in an agent")


def plain_key(key: PublicKey) -> PublicKey:
    """Return the key in a certificate, or the key itself."""
    return key.key if isinstance(key, Certificate) else key
