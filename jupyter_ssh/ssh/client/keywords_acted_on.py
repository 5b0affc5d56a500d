"""Keywords of ssh_config(5) that take effect before a connection is made or right after authentication."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Final

from jupyter_ssh.ssh.client.info import ConnectionInfo
from jupyter_ssh.ssh.client.local_commands import shell_status
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.protocol.settings import SOFTWARE_VERSION
from jupyter_ssh.ssh.protocol.version import MAX_VERSION_LINE

LOCAL_COMMAND_SECONDS: Final = 60.0
"""The time limit of LocalCommand; the session waits for it."""

_QOS: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, getattr(socket, "IP_TOS", None)),
    socket.AF_INET6: (getattr(socket, "IPPROTO_IPV6", 41), getattr(socket, "IPV6_TCLASS", None)),
}


def check_refusal(options: Options) -> None:
    """Apply RefuseConnection: raise `ConfigError` with the message that the configuration gives."""
    if options.refuse_connection is not None:
        raise ConfigError(
            options.refuse_connection,
            phase="options",
            received=f"RefuseConnection, {options.sources.get('refuse_connection', '')}",
        )


def version_line(options: Options) -> str:
    """Return our identification string, followed by VersionAddendum (RFC 4253 §4.2); raises `ConfigError`."""
    if options.version_addendum is None:
        return SOFTWARE_VERSION
    line = f"{SOFTWARE_VERSION} {options.version_addendum}"
    if len(line) > MAX_VERSION_LINE - 2 or not (line.isascii() and line.isprintable()):
        room = MAX_VERSION_LINE - 3 - len(SOFTWARE_VERSION)
        raise ConfigError("VersionAddendum", phase="options", expected=f"at most {room} printable ASCII characters")
    return line


def set_quality(connected: socket.socket | None, options: Options, *, interactive: bool) -> None:
    """Apply IPQoS: mark the packets of a TCP connection.  The mark is only a hint, so failures are ignored."""
    value = options.ip_qos[0 if interactive else 1]
    if connected is None or value is None or connected.family not in _QOS:
        return
    level, name = _QOS[connected.family]
    if name is not None:
        with contextlib.suppress(OSError):
            connected.setsockopt(level, name, value)


async def after_login(
    options: Options,
    info: ConnectionInfo,
    host_key: PublicKey | None,
    connected: socket.socket | None,
    messages: list[str],
) -> None:
    """Apply the keywords that take effect between authentication and the first session.

    VisualHostKey and WarnWeakCrypto add to ``messages``, IPQoS marks packets, and LocalCommand runs if
    PermitLocalCommand allows it.  ``connected`` is the socket of a connection over TCP.
    """
    if options.visual_host_key and host_key is not None:
        messages.append(f"Host key fingerprint is {host_key.fingerprint}\n{host_key.randomart}")
    if options.warn_weak_crypto == "yes" and not info.post_quantum:
        messages.extend(_weak(info.host, info.exchange))
    set_quality(connected, options, interactive=False)
    if options.permit_local_command and options.local_command is not None:
        await _run_local_command(options.local_command, messages)


def _weak(host: str, exchange: str) -> Sequence[str]:
    return [
        f"WARNING: the keys of the connection to {host} come from {exchange}: who records it now may read it once "
        "there are quantum computers. A newer server, or WarnWeakCrypto no in your ssh_config, ends this warning."
    ]


async def _run_local_command(command: str, messages: list[str]) -> None:
    """Run LocalCommand; as in OpenSSH, the session goes on even if it fails."""
    try:
        status = await asyncio.to_thread(shell_status, command, LOCAL_COMMAND_SECONDS, output=True)
    except (TimeoutError, OSError) as error:
        messages.append(f"WARNING: LocalCommand: {error}")
    else:
        if status:
            messages.append(f"LocalCommand ended with status {status}.")
