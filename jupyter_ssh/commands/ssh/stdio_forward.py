"""``-W host:port``: connect this process's standard input and output to a destination through the server (ssh(1))."""

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


async def forward_stdio(connection: Connection, endpoint: tuple[str, int], messages: Messages, to: Interrupts) -> int:
    """Copy bytes until the destination sends no more; return 0, or 255 if it cannot be reached or a signal arrived."""
    try:
        reader, writer = await connection.open_tcp(*endpoint)
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
    # If the destination no longer reads, or the terminal was hung up, the other direction reports that.
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
