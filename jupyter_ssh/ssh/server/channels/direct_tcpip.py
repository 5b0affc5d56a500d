"""TCP connections through the server: direct-tcpip channels (RFC 4254 §7.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from jupyter_ssh.ssh.channels.splice import Splice
from jupyter_ssh.ssh.channels.transport import ChannelTransport
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.dial import dial
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.events import ChannelOpenRequested
from jupyter_ssh.ssh.server.channels.host import ServerHost
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.requests import DirectTcpip

log = logging.getLogger(__name__)


def may_open(destinations: Iterable[str] | None, host: str, port: int) -> bool:
    """Return whether ``destinations`` permit ``host:port``.

    Each is ``HOST:PORT``, either part may be ``*`` (sshd_config(5), PermitOpen).  None permits everything.
    """
    if destinations is None:
        return True
    for destination in destinations:
        pattern, _, number = destination.rpartition(":")
        if pattern.startswith("[") and pattern.endswith("]"):
            pattern = pattern[1:-1]
        # No other patterns, as in OpenSSH: names are compared as text, because they are resolved only later.
        if number in ("*", str(port)) and pattern.lower() in ("*", host.lower()):
            return True
    return False


class Forwards:
    """The direct-tcpip channels of one client's connection."""

    def __init__(self) -> None:
        self.splices: set[Splice] = set()

    @property
    def open(self) -> int:
        """How many are open; one with a slow socket counts until everything has been sent to it."""
        return sum(not splice.delivered for splice in self.splices)


def open_direct_tcpip(host: ServerHost, event: ChannelOpenRequested) -> None:
    """Handle direct-tcpip: the client asks for a connection to a host and port."""
    request = DirectTcpip.decode(event.details)
    forwards = host.parts.of(Forwards)
    if forwards.open >= host.options.max_forwards:
        event.channel.refuse(n.SSH_OPEN_RESOURCE_SHORTAGE, f"at most {host.options.max_forwards} forwards are allowed")
    elif not _allowed(host, request):
        event.channel.refuse(n.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "not allowed")
    else:
        splice = Splice()
        forwards.splices.add(splice)
        task = host.start(_connect(host, event.channel, request, splice))
        task.add_done_callback(lambda task: forwards.splices.discard(splice))


def _allowed(host: ServerHost, request: DirectTcpip) -> bool:
    options, key = host.options, host.key_options
    return (
        options.allow_tcp_forwarding
        and key.port_forwarding
        and 0 < request.port < 65536
        and may_open(options.permit_open, request.host, request.port)
        and may_open(key.permit_open, request.host, request.port)
    )


async def _connect(host: ServerHost, channel: Channel, request: DirectTcpip, splice: Splice) -> None:
    tunnel = ChannelTransport(host, channel)
    try:
        connected = await dial(request.host, request.port, timeout=host.options.connect_timeout)
        try:
            await asyncio.get_running_loop().create_connection(lambda: splice.socket, sock=connected)
        except BaseException:
            connected.close()
            raise
    except (SSHError, OSError) as error:
        log.info(
            "cannot connect %s to %s port %d for %s port %d: %s",
            host.peer,
            ascii(request.host),
            request.port,
            ascii(request.originator_host),
            request.originator_port,
            error,
        )
        channel.refuse(n.SSH_OPEN_CONNECT_FAILED, getattr(error, "message", str(error))[:200])
        return
    await splice.run(tunnel)
