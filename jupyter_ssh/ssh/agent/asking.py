"""What code that neither awaits nor opens a socket asks of an agent; `net.agent` has the agent itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from jupyter_ssh.ssh.agent.constraints import Constraints
from jupyter_ssh.ssh.agent.identities import AgentIdentity, AgentKey
from jupyter_ssh.ssh.keys import PrivateKey, PublicKey

T = TypeVar("T")

REQUIRED_RSA_SIZE: Final = 1024
"""Bits of the keys that are shown and signed with as their owner's."""


class AskedAgent(Protocol):
    """An agent, as `net.agent.Agent` is one. Every method raises `AgentError`, and `AgentRefused` where it says no."""

    async def identities(self, required_rsa_size: int | None = None) -> list[AgentIdentity]:
        """List the keys it has."""

    async def sign(self, key: PublicKey, data: bytes, algorithm: str) -> bytes:
        """Sign ``data``; the result is a signature blob."""

    async def sign_blob(self, blob: bytes, data: bytes, flags: int) -> bytes:
        """Sign ``data`` with the key of a public key blob; ``flags`` are the protocol's."""

    async def add(self, key: PrivateKey, comment: str, constraints: Constraints) -> None:
        """Hand it a key."""

    async def remove(self, blob: bytes) -> None:
        """Take a key out of it."""

    async def remove_all(self) -> None:
        """Take all keys out of it."""

    async def lock(self, passphrase: str) -> None:
        """Lock it."""

    async def unlock(self, passphrase: str) -> None:
        """Unlock it."""


class AskAgent(Protocol):
    """How code that does not await reaches an agent: each call opens a connection of its own, and blocks."""

    def __call__(self, work: Callable[[AskedAgent], Awaitable[T]]) -> T:
        """Return the value of ``work``. Raises `SSHError`."""


def signing_keys(ask: AskAgent) -> list[AgentKey]:
    """List the keys of an agent, which sign there; those of unknown types are left out. Raises `SSHError`."""

    def sign(blob: bytes, data: bytes, flags: int) -> bytes:
        return ask(lambda agent: agent.sign_blob(blob, data, flags))

    found = ask(lambda agent: agent.identities(REQUIRED_RSA_SIZE))
    return [AgentKey(item.key, sign, item.comment) for item in found if item.key is not None]
