"""Constraints on keys in an agent (draft-ietf-sshm-ssh-agent §3.2.7)."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.agent import numbers as n
from jupyter_ssh.ssh.agent.destinations import Destination, decode_destinations, encode_destinations
from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.wire.types import Reader, string, uint32

MAX_LIFETIME = 0xFFFFFFFF
MAX_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Constraints:
    """For how long and for what an agent may use a key."""

    lifetime: int | None = None
    """Seconds after which the agent forgets the key."""
    confirm: bool = False
    """Whether its owner is asked before each signature."""
    destinations: tuple[Destination, ...] = ()
    sk_provider: str | None = None
    """The library for a security key; "internal" is OpenSSH's own."""

    def encode(self) -> bytes:
        """Return the constraints as in SSH_AGENTC_ADD_ID_CONSTRAINED, after the key; empty if there are none."""
        parts = []
        if self.lifetime is not None:
            parts.append(bytes((n.SSH_AGENT_CONSTRAIN_LIFETIME,)) + uint32(min(self.lifetime, MAX_LIFETIME)))
        if self.confirm:
            parts.append(bytes((n.SSH_AGENT_CONSTRAIN_CONFIRM,)))
        if self.sk_provider is not None:
            parts.append(_extension(n.SK_PROVIDER) + string(self.sk_provider))
        if self.destinations:
            parts.append(_extension(n.RESTRICT_DESTINATION) + string(encode_destinations(self.destinations)))
        return b"".join(parts)


NO_CONSTRAINTS = Constraints()


def _extension(name: str) -> bytes:
    return bytes((n.SSH_AGENT_CONSTRAIN_EXTENSION,)) + string(name)


def decode_constraints(fields: Reader) -> Constraints:
    """Read the constraints that make up the rest of ``fields``.

    Raises `WireError`, also for an unknown one: a key must not be held with fewer constraints than its owner demanded.
    """
    lifetime: int | None = None
    confirm = False
    destinations: tuple[Destination, ...] = ()
    provider: str | None = None
    while fields.remaining:
        kind = fields.byte()
        if kind == n.SSH_AGENT_CONSTRAIN_LIFETIME and lifetime is None:
            lifetime = fields.uint32()
        elif kind == n.SSH_AGENT_CONSTRAIN_CONFIRM and not confirm:
            confirm = True
        elif kind == n.SSH_AGENT_CONSTRAIN_EXTENSION:
            name = fields.text(MAX_TEXT)
            if name == n.RESTRICT_DESTINATION and not destinations:
                destinations = decode_destinations(fields.string())
                if not destinations:
                    raise WireError("destination constraints that allow nothing")
            elif name == n.SK_PROVIDER and provider is None:
                provider = fields.text(MAX_TEXT)
            else:
                raise WireError("unknown or duplicate constraint", received=repr(name[:64]))
        else:
            raise WireError("unknown or duplicate constraint", received=f"{kind}")
    return Constraints(lifetime, confirm, destinations, provider)
