"""Lease a pool's connections with the arguments of `connect`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.client.connecting import (
    Config,
    Keys,
    closing_on_error,
    open_connection,
    resolve_options,
    route_context_for,
    split_keys,
)
from jupyter_ssh.ssh.client.connection import Connection, take_further_from
from jupyter_ssh.ssh.client.pool.connection_key import connection_key
from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool, Lease
from jupyter_ssh.ssh.client.prompts import NoPrompts, Prompts

OVERFLOW: Final = "sessions beyond the MaxSessions of another connection"
"""The name of its hold on a further connection (`Lease.holder`)."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """How further connections are made, on which sessions run that a server no longer allows on a connection."""

    prompts: Callable[[], Prompts]
    """Called before each of them is made: whom to ask."""
    opened: Callable[[Connection, Connection], None]
    """Called with the connection and each further one."""


async def lease_connection(
    pool: ConnectionPool[Connection],
    target: str,
    holder: str,
    *,
    fresh: bool = False,
    shared: bool = True,
    overflow: Overflow | None = None,
    config: Config = None,
    password: str | None = None,
    identity_file: Keys | Sequence[Keys] | None = None,
    prompts: Prompts | None = None,
    command_line: Sequence[str | tuple[str, str]] = (),
    sock: socket.socket | None = None,
    tunnel: Connection | str | None = None,
    **options: object,
) -> Lease[Connection]:
    """Lease a connection of ``pool`` as `connect` would make it; a new one is made if no matching one is open.

    Args:
        holder: The holder as shown to people.
        fresh: Make a new connection in any case.
        shared: Whether others may lease it too; if not, it is a new one that no other lease finds.
        overflow: How further connections are made if the server allows no more sessions on this one; None: not at all.

    Raises what `connect` raises.
    """
    with closing_on_error(sock):
        keys, identity_files = split_keys(identity_file)
        if identity_files is not None:
            options["identity_file"] = identity_files
        if isinstance(tunnel, str):
            options["proxy_jump"] = tunnel
        context = route_context_for(config, pool=pool, sock=sock, tunnel=tunnel)
        # In a thread, because a configuration file may run a command (Match exec); the loop serves all connections.
        resolved = await asyncio.to_thread(resolve_options, target, config, command_line, options)

        async def make() -> Connection:
            return await open_connection(
                resolved, prompts or NoPrompts(), password=password, keys=keys, route_context=context
            )

        # A socket or tunnel that was passed in belongs to this connection only.
        shared = shared and context.sock is None and context.tunnel is None
        key = connection_key(resolved, context.files, keys) if shared else object()
        lease = await pool.lease(key, make, holder, fresh=fresh)

    base = lease.connection

    async def make_further(how: Overflow) -> Connection:
        # A password is asked for again, because it is not kept.
        made = await open_connection(resolved, how.prompts(), keys=keys, route_context=context)
        how.opened(base, made)
        return made

    if overflow is not None and context.sock is None:
        take_further_from(base, lambda: pool.lease(object(), lambda: make_further(overflow), OVERFLOW))
    return lease
