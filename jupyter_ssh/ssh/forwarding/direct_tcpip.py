"""Connections that the peer opens for us: direct-tcpip channels (RFC 4254 §7.2)."""

from __future__ import annotations

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.channels.splice import NOBODY
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.wire.requests import DirectTcpip

KIND = "direct-tcpip"


def ask_for_tcp(host: ChannelHost, destination: str, port: int, originator: tuple[str, int] = NOBODY) -> Channel:
    """Request a channel to ``destination`` and ``port``, as the peer sees them.

    For ``originator`` see `originator_of`.  Raises what `ChannelHost.open_channel` raises.
    """
    return host.open_channel(KIND, DirectTcpip(destination, port, *originator).encode())
