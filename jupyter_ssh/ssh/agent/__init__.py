"""Agents without I/O: messages, client, keyring (draft-ietf-sshm-ssh-agent, OpenSSH's PROTOCOL.agent)."""

from __future__ import annotations

from jupyter_ssh.ssh.agent.constraints import NO_CONSTRAINTS, Constraints
from jupyter_ssh.ssh.agent.conversation import Conversation
from jupyter_ssh.ssh.agent.destinations import Destination, Hop, HopKey
from jupyter_ssh.ssh.agent.identities import AgentIdentity, AgentKey
from jupyter_ssh.ssh.agent.keyring import Confirm, HeldKey, Keyring, Later, Outcome
from jupyter_ssh.ssh.agent.session import AgentSession

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
