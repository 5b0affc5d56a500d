"""Open a TCP connection, trying the addresses of a name in overlapping order (Happy Eyeballs, RFC 8305)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Final, cast

from jupyter_ssh.ssh.errors import ConnectError, NameNotFound
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.net.names import FAMILIES, interface_addresses

ATTEMPT_DELAY: Final = 0.25
"""Seconds before the next address is tried in parallel (RFC 8305 §5)."""

Address = tuple[socket.AddressFamily, tuple[str | int, ...]]


async def dial(
    host: str,
    port: int,
    *,
    family: str = "any",
    bind_address: str | None = None,
    bind_interface: str | None = None,
    timeout: float | None = None,
    keepalive: bool = True,
    on_step: Callable[[str, str], None] = lambda step, detail: None,
) -> socket.socket:
    """Connect and return a non-blocking TCP socket.

    Raises `NameNotFound`, `ConnectError` (with ``attempts``, each address and its outcome) and `DeadlineExceeded`.
    ``family`` is AddressFamily of ssh_config(5), ``bind_interface`` BindInterface, ``keepalive`` TCPKeepAlive.
    ``on_step`` is called for each step: "name" with the addresses found, "address" for each one that is tried, "failed"
    with its outcome, "TCP" at the end.
    """
    # Separate deadlines for the name and the addresses, so that the error tells which of them did not answer.
    addresses = await within(resolve(host, port, family), timeout, f"looking up {host}")
    on_step("name", f"{host} is {', '.join(str(address[1][0]) for address in addresses)}")
    dialling = _dial(host, port, addresses, family, bind_address, bind_interface, on_step)
    connected = await within(dialling, timeout, f"connecting to {host} port {port}")
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if keepalive:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connected


async def _dial(
    host: str,
    port: int,
    addresses: Sequence[Address],
    family: str,
    bind_address: str | None,
    bind_interface: str | None,
    on_step: Callable[[str, str], None],
) -> socket.socket:
    local: Sequence[Address] | None = None
    if bind_address is not None:
        local = await resolve(bind_address, 0, family)
    elif bind_interface is not None:
        local = _interface(bind_interface)
    return await _race(host, port, addresses, local, on_step)


def _interface(name: str) -> list[Address]:
    """Return the addresses of an interface, for BindInterface (ssh_config(5)).  Raises `ConnectError`."""
    found = interface_addresses(name)
    if not found:
        raise ConnectError(
            f"the interface {name!r} has no address",
            phase="connecting",
            expected="BindInterface with the name of an interface that is up",
            next_step="`ip address` lists them (Windows: `ipconfig`).",
        )
    flags = socket.AI_NUMERICHOST
    return [
        cast(Address, (item[0], item[4]))
        for address in found
        for item in socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM, flags=flags)
    ]


async def resolve(host: str, port: int, family: str = "any") -> list[Address]:
    """Resolve a name to all its addresses, alternating between families (RFC 8305 §4).  Raises `NameNotFound`."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, family=FAMILIES[family], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = error.strerror if isinstance(error, OSError) else "not a valid host name"
        raise NameNotFound(
            f"the name {host!r} does not resolve",
            phase="looking up the host",
            expected="an address",
            received=text or str(error),
            next_step="Check the spelling, or set the host's address with HostName in your ssh_config.",
        ) from None
    addresses = list(dict.fromkeys(cast(Address, (item[0], item[4])) for item in found))
    first = [address for address in addresses if address[0] == addresses[0][0]]
    other = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for pair in zip_longest(first, other) for address in pair if address is not None]


async def _race(
    host: str,
    port: int,
    addresses: Sequence[Address],
    local: Sequence[Address] | None,
    on_step: Callable[[str, str], None],
) -> socket.socket:
    """Return a socket to the first address that answers; each next attempt starts after a failure or
    `ATTEMPT_DELAY`."""
    waiting = list(reversed(addresses))
    running: dict[asyncio.Task[socket.socket], Address] = {}
    attempts: list[tuple[str, str]] = []
    last_errno: int | None = None
    try:
        while waiting or running:
            if waiting:
                address = waiting.pop()
                on_step("address", f"{address[1][0]} port {port}")
                running[asyncio.ensure_future(_connect(address, local))] = address
            done, _ = await asyncio.wait(
                running, timeout=ATTEMPT_DELAY if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                address = running.pop(task)
                error = task.exception()
                if error is None:
                    on_step("TCP", f"{address[1][0]} port {port}")
                    return task.result()
                if not isinstance(error, OSError):
                    raise error
                last_errno = error.errno
                attempts.append((str(address[1][0]), os.strerror(error.errno) if error.errno else str(error)))
                on_step("failed", f"{attempts[-1][0]} port {port}: {attempts[-1][1]}")
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_close_late)
    tried = "; ".join(f"{address}: {outcome}" for address, outcome in attempts)
    failure = ConnectError(
        f"no connection to {host} port {port}",
        phase="connecting",
        received=tried or "no address",
        next_step="Check the address, the port and the network.",
    )
    failure.attempts = attempts
    failure.errno = last_errno
    raise failure


def _close_late(task: asyncio.Task[socket.socket]) -> None:
    """Close a socket that connected after another one."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect(address: Address, local: Sequence[Address] | None) -> socket.socket:
    family, target = address
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        if local is not None:
            source = next((own for own_family, own in local if own_family == family), None)
            if source is None:
                raise OSError(errno.EADDRNOTAVAIL, "no address of this family to connect from")
            connection.bind(source)
        await asyncio.get_running_loop().sock_connect(connection, target)
    except BaseException:
        with contextlib.suppress(OSError):
            connection.close()
        raise
    return connection
