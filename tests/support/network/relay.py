"""A relay on loopback whose line can be cut, or go silent as one does that drops packets; and servers that are none."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.processes import HOST

PIECE = 1 << 16


class Relay:
    """Hands bytes on between those who connect to ``port`` and the server at ``to_port``, until it is told not to."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.connections = 0
        """How many there were."""
        self.silent = False
        """Whether all that comes is dropped, both ways, as on a dead link."""
        self._to_port = to_port
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        there, back = await asyncio.open_connection(HOST, self._to_port)
        self.connections += 1
        self._writers += [writer, back]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Cuts every connection: both sides get a reset."""
        for writer in self._writers:
            reset(writer)
        self._writers.clear()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a TCP connection with a reset."""
    connected = writer.get_extra_info("socket")
    if connected is not None and connected.fileno() >= 0:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def relay(to_port: int) -> AsyncIterator[Relay]:
    """A relay in the running loop."""
    self = Relay(to_port)
    server = await asyncio.start_server(self.serve, HOST, 0)
    self.port = server.sockets[0].getsockname()[1]
    try:
        yield self
    finally:
        server.close()
        self.cut()


@asynccontextmanager
async def pretender(say: bytes, end: str = "eof") -> AsyncIterator[int]:
    """A server that says ``say`` to whoever connects; then it closes ("eof"), resets ("reset") or waits ("hang")."""
    leave = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(say)
        if end == "reset":
            reset(writer)
        elif end == "hang":
            await leave.wait()
        else:
            with contextlib.suppress(OSError):
                writer.write_eof()
                await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        leave.set()
        server.close()
