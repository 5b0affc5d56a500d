"""The agent of a connection: its address, the keys it offers to a login, and the keys that are added to it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.agent import Constraints
from jupyter_ssh.ssh.client.login.handshake import described
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import AgentError, AgentUnavailable, DeadlineExceeded, PromptUnavailable
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.net.agent import Agent, default_address, open_bound
from jupyter_ssh.ssh.protocol.session import ClientSession

log = logging.getLogger("jupyter_ssh.ssh")

ENVIRONMENT: Final = "SSH_AUTH_SOCK"
NONE: Final = "none"


def agent_address(options: Options, environment: Mapping[str, str]) -> str | None:
    """Return the address of the agent to use (ssh_config(5), IdentityAgent); None for no agent."""
    chosen = options.identity_agent
    if chosen is None or chosen == ENVIRONMENT:
        return default_address(environment)
    if chosen.lower() == NONE:
        return None
    if chosen.startswith("$"):
        return environment.get(chosen[1:]) or None
    return chosen


def forwarded_address(options: Options, environment: Mapping[str, str]) -> str | None:
    """Return the address of the agent the remote may use (ssh_config(5), ForwardAgent); None for no agent."""
    chosen = options.forward_agent
    if chosen in ("no", "yes"):
        return agent_address(options, environment) if chosen == "yes" else None
    return environment.get(chosen[1:]) or None if chosen.startswith("$") else chosen


@dataclass(frozen=True, slots=True)
class AgentKey:
    """A key in the agent to log in with; see `identities.AgentKey`."""

    agent: Agent
    public: PublicKey
    comment: str

    async def sign(self, data: bytes, algorithm: str) -> bytes:
        """Return the signature blob.  Raises `AgentError` and `DeadlineExceeded`."""
        return await self.agent.sign(self.public, data, algorithm)


class LoginAgent:
    """The agent during a login.  The login goes on without it if it fails.

    ``problems`` are what a person should know if the login fails, ``warnings`` what they should know in any case.
    """

    def __init__(self, options: Options, session: ClientSession, environment: Mapping[str, str]) -> None:
        self.address = agent_address(options, environment)
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.state = "none: SSH_AUTH_SOCK is not set" if self.address is None else f"{self.address}: not asked"
        """Its address and what it holds, as text for people."""
        self._options = options
        self._session = session
        self._agent: Agent | None = None

    async def keys(self) -> list[AgentKey]:
        """Return the agent's keys that can be used here; none if it does not answer."""
        if self.address is None:
            return []
        try:
            self._agent = await open_bound(self.address, self._session, forwarded=False)
            found = await self._agent.identities()
        except AgentUnavailable as error:
            self.state = f"{self.address}: {described(error)}"
            # No warning, like OpenSSH: SSH_AUTH_SOCK may well name an agent that ended long ago.
            (self.problems if self._options.identity_agent is None else self.warnings).append(described(error))
            return []
        except (AgentError, DeadlineExceeded) as error:
            self.warnings.append(f"the agent at {self.address} is not used: {described(error)}")
            self.state = f"{self.address}: {described(error)}"
            return []
        self.state = f"{self.address}: {len(found)} {'key' if len(found) == 1 else 'keys'}"
        log.debug("the agent at %s has %d keys", self.address, len(found))
        for item in found:
            if item.key is None:
                self.problems.append(f"{item.comment or 'a key'}: {item.problem}")
        return [AgentKey(self._agent, item.key, item.comment) for item in found if item.key is not None]

    async def remember(self, key: PrivateKey | None, path: str, prompts: Prompts) -> None:
        """Add a key that was just used to the agent, as AddKeysToAgent says."""
        wish = self._options.add_keys_to_agent
        if wish.when == "no" or self._agent is None or key is None or key.needs_agent:
            return
        constraints = Constraints(wish.seconds or None, wish.when == "confirm")
        try:
            if wish.when == "ask" and not await self._agreed(prompts, f"Add key {path} to agent?"):
                return
            await self._agent.add(key, key.comment or path, constraints)
        except (AgentError, DeadlineExceeded, PromptUnavailable) as error:
            self.warnings.append(f"the key {path} was not added to the agent: {described(error)}")

    async def _agreed(self, prompts: Prompts, question: str) -> bool:
        if self._options.batch_mode:
            return False
        return await prompts.confirm(question)

    def close(self) -> None:
        """Close the connection to the agent."""
        if self._agent is not None:
            self._agent.close()
