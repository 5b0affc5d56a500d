"""The agent of a connection: where it is, which of its keys are tried when, and which keys are added to it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from ..config.options import Options
from ..errors import AgentError, AgentRefused, AgentUnavailable, DeadlineExceeded
from ..keys.base import PublicKey
from ..net.agent import Agent, default_address, open_agent

if TYPE_CHECKING:
    from ..protocol.session import ClientSession

log = logging.getLogger("jupyter_ssh.ssh")

ENVIRONMENT: Final = "SSH_AUTH_SOCK"
NONE: Final = "none"


def agent_address(options: Options, environment: Mapping[str, str]) -> str | None:
    """Where the agent is that ``options`` choose (ssh_config(5), IdentityAgent); None for no agent."""
    chosen = options.identity_agent
    if chosen is None or chosen == ENVIRONMENT:
        return default_address(environment)
    if chosen.lower() == NONE:
        return None
    if chosen.startswith("$"):
        return environment.get(chosen[1:]) or None
    return chosen


def forwarded_address(options: Options, environment: Mapping[str, str]) -> str | None:
    """Where the agent is that the remote side may use (ssh_config(5), ForwardAgent); None for none."""
    chosen = options.forward_agent
    if chosen in ("no", "yes"):
        return agent_address(options, environment) if chosen == "yes" else None
    return environment.get(chosen[1:]) or None if chosen.startswith("$") else chosen


async def open_bound(address: str, session: ClientSession, *, forwarded: bool) -> Agent:
    """The agent at ``address``, told for which session it is used, so that its keys may be limited to destinations.

    Raises `AgentUnavailable`, `AgentError`, `DeadlineExceeded`.
    """
    agent = await open_agent(address)
    transport = session.transport
    if transport.host_key is not None:
        try:
            await agent.bind(
                transport.host_key.blob, transport.session_id, transport.host_key_signature, forwarded=forwarded
            )
        except AgentRefused:
            log.debug("the agent at %s does not bind keys to sessions", address)  # few do
    return agent


class AgentIdentity:
    """A key in the agent, to log in with."""

    def __init__(self, agent: Agent, public: PublicKey, comment: str, path: str | None = None) -> None:
        self.agent = agent
        self.public = public
        self.comment = comment
        self.path = path
        """The key's file, where one was named that the agent spares us."""

    @property
    def label(self) -> str:
        """What to call the key."""
        return f"{self.path or self.comment or 'key'} {self.public.fingerprint} (agent)"

    async def sign(self, data: bytes, algorithm: str) -> bytes:
        """The signature blob.  Raises `AgentError` and `DeadlineExceeded`."""
        return await self.agent.sign(self.public, data, algorithm)


I = TypeVar("I")  # noqa: E741 - an identity of any kind


class LoginAgent:
    """The agent during a login; ``problems`` are what a person should know if the login fails, ``warnings`` anyway."""

    def __init__(self, options: Options, session: ClientSession, environment: Mapping[str, str]) -> None:
        self.address = agent_address(options, environment)
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._named = options.identity_agent is not None
        self._session = session
        self._agent: Agent | None = None

    async def identities(self) -> list[AgentIdentity]:
        """The keys that the agent has and that are of use; none where it does not answer, which stops no login."""
        if self.address is None:
            return []
        try:
            agent = self._agent = await open_bound(self.address, self._session, forwarded=False)
            found = await agent.identities()
        except AgentUnavailable as error:
            # Like OpenSSH: SSH_AUTH_SOCK may well speak of an agent that ended long ago.
            (self.warnings if self._named else self.problems).append(str(error))
            return []
        except (AgentError, DeadlineExceeded) as error:
            self.warnings.append(f"the agent at {self.address} is left out: {error}")
            return []
        for item in found:
            if item.key is None:
                self.problems.append(f"{item.comment or 'a key'} (agent): {item.problem}")
        return [AgentIdentity(agent, item.key, item.comment) for item in found if item.key is not None]

    def close(self) -> None:
        """Lets go of the agent."""
        if self._agent is not None:
            self._agent.close()


def in_order(
    files: Sequence[tuple[str, PublicKey | None, I]], agent: Sequence[AgentIdentity], *, only_files: bool
) -> list[I | AgentIdentity]:
    """Key files and agent keys in OpenSSH's order: agent keys whose files are named, other agent keys, other files.

    ``files`` are (path, public key where it is known, identity); a file whose key is in the agent is not read.
    ``only_files`` is IdentitiesOnly: no agent key without a file is tried.
    """
    by_blob = {public.blob: (path, item) for path, public, item in reversed(files) if public is not None}
    named: list[I | AgentIdentity] = []
    others: list[I | AgentIdentity] = []
    found = set()
    for identity in agent:
        file = by_blob.get(identity.public.blob)
        if file is not None:
            identity.path = file[0]
            found.add(identity.public.blob)
            named.append(identity)
        elif not only_files:
            others.append(identity)
    rest = [item for _, public, item in files if public is None or public.blob not in found]
    return [*named, *others, *rest]
