"""The channel types a server may open and the global requests it may send.  To add one, add a row here."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.channels.registry import Registry
from jupyter_ssh.ssh.client.login.host_key_updates import host_keys_announced
from jupyter_ssh.ssh.forwarding.agent import AgentForwarding, open_agent_channel
from jupyter_ssh.ssh.trust.rotation import ANNOUNCE
from jupyter_ssh.ssh.wire.requests import AGENT_CHANNEL

CLIENT: Final[Registry[ChannelHost]] = Registry(
    channels={
        AGENT_CHANNEL: open_agent_channel,
    },
    requests={
        ANNOUNCE: host_keys_announced,
    },
)

OFFERED: Final = (AgentForwarding,)
"""Requests that each session sends before its command is started, such as agent forwarding."""
