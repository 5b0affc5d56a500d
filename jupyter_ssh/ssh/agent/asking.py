"""An interface to agents for code that neither awaits nor opens sockets; the implementation is in `net.agent`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from jupyter_ssh.ssh.agent.constraints import Constraints
from jupyter_ssh.ssh.agent.identities import AgentIdentity, AgentKey
from jupyter_ssh.ssh.keys import PrivateKey, PublicKey

T = TypeVar("T")

REQUIRED_RSA_SIZE: Final = 1024
"""Minimum bits of RSA keys of the owner, for listing and signing."""


class AskedAgent(Protocol):
    """An agent, such as `net.agent.Agent`.  Every method may raise `AgentError`, or `AgentRefused` if the agent
    refuses."""

    async def identities(self, required_rsa_size: int | None = None) -> list[AgentIdentity]:
        """List its keys."""

    async def sign(self, key: PublicKey, data: bytes, algorithm: str) -> bytes:
        """Sign ``data`` and return the signature blob."""

    async def sign_blob(self, blob: bytes, data: bytes, flags: int) -> bytes:
        """Sign ``data`` with the key that has a public key blob; ``flags`` are those of the protocol."""

    async def add(self, key: PrivateKey, comment: str, constraints: Constraints) -> None:
        """Add a key."""

    async def remove(self, blob: bytes) -> None:
        """Remove a key."""

    async def remove_all(self) -> None:
        """Remove all keys."""

    async def lock(self, passphrase: str) -> None:
        """Lock it."""

    async def unlock(self, passphrase: str) -> None:
        """Unlock it."""


class AskAgent(Protocol):
    """Access to an agent for blocking code: each call opens a connection of its own."""

    def __call__(self, work: Callable[[AskedAgent], Awaitable[T]]) -> T:
        """Run ``work`` with an agent and return its value.  Raises `SSHError`."""


def signing_keys(ask: AskAgent) -> list[AgentKey]:
    """Return keys that sign in an agent, one for each key there except unknown types.  Raises `SSHError`."""

    def sign(blob: bytes, data: bytes, flags: int) -> bytes:
        return ask(lambda agent: agent.sign_blob(blob, data, flags))

    found = ask(lambda agent: agent.identities(REQUIRED_RSA_SIZE))
    return [AgentKey(item.key, sign, item.comment) for item in found if item.key is not None]
