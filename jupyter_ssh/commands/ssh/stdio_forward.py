"""``-W host:port``: this process's standard input and output as a connection of the server's (ssh(1))."""

from __future__ import annotations

import asyncio
import contextlib

from jupyter_ssh.commands.interrupts import Interrupts
from jupyter_ssh.commands.messages import Messages
from jupyter_ssh.commands.streams import CHUNK, Sink, Source
from jupyter_ssh.ssh.client import Connection, Reader, Writer
from jupyter_ssh.ssh.errors import ChannelOpenError, SSHError

FAILURE = 255
STDIN, STDOUT = 0, 1


async def forward_stdio(connection: Connection, place: tuple[str, int], messages: Messages, to: Interrupts) -> int:
    """Carry bytes until the far end says that no more come; 0, or 255 where it cannot be reached or a signal came."""
    try:
        reader, writer = await connection.open_tcp(*place)
    except ChannelOpenError as error:
        messages.say(f"stdio forwarding failed: {error}", "FATAL")
        return FAILURE
    quit = asyncio.Event()
    to.watch(quit.set)
    sending = asyncio.ensure_future(_send(writer))
    receiving = asyncio.ensure_future(_receive(reader))
    leaving = asyncio.ensure_future(quit.wait())
    try:
        await asyncio.wait([receiving, leaving], return_when=asyncio.FIRST_COMPLETED)
        if receiving.done():
            receiving.result()
            return 0
        return FAILURE
    finally:
        for task in (sending, receiving, leaving):
            task.cancel()
        await asyncio.gather(sending, receiving, leaving, return_exceptions=True)


async def _send(writer: Writer) -> None:
    source = Source(STDIN)
    # What the far end no longer reads, and a terminal that was hung up, are told by the other direction.
    with contextlib.suppress(OSError, SSHError):
        while data := await source.read():
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(SSHError):
        writer.write_eof()


async def _receive(reader: Reader) -> None:
    sink = Sink(STDOUT)
    with contextlib.suppress(BrokenPipeError):
        while data := await reader.read(CHUNK):
            await sink.write(data)
