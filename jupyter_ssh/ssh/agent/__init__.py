"""Agents (draft-ietf-sshm-ssh-agent, OpenSSH's PROTOCOL.agent) without I/O: the messages, a client, a keyring."""

from __future__ import annotations

from .constraints import NO_CONSTRAINTS, Constraints
from .conversation import Conversation
from .destinations import Destination, Hop, HopKey
from .identities import AgentIdentity, AgentKey
from .keyring import Confirm, HeldKey, Keyring, Later, Outcome
from .session import AgentSession

__all__ = [
    "NO_CONSTRAINTS",
    "AgentIdentity",
    "AgentKey",
    "AgentSession",
    "Confirm",
    "Constraints",
    "Conversation",
    "Destination",
    "HeldKey",
    "Hop",
    "HopKey",
    "Keyring",
    "Later",
    "Outcome",
]
