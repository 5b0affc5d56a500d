"""The private socket that a Jupyter server connects to, on the engine's loop."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import secrets
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jupyter_ssh.pages.close_codes import BAD_FRAME, SILENT
from jupyter_ssh.pages.connection import PageConnection
from jupyter_ssh.pages.frames import (
    CONTROL,
    DATA,
    Deframer,
    FrameError,
    decode_control,
    decode_data,
    encode_control,
    framed,
    framed_close,
    framed_data,
)
from jupyter_ssh.pages.limits import CONNECTIONS, UNREAD
from jupyter_ssh.pages.rendezvous import (
    GREETING_BYTES,
    LEASE,
    MAGIC,
    NONCE_BYTES,
    PROOF_BYTES,
    PROOF_SECONDS,
    RELAY,
    PlaceFile,
    is_magic,
    new_token,
    other_socket_path,
    private_folder,
    proof,
    publish,
    remove_socket,
    runtime_folder,
    same,
    socket_path,
    sweep,
    withdraw,
)
from jupyter_ssh.pages.transport import PageTransport

log = logging.getLogger(__name__)

HIGH_WATER: Final = 256 << 10
"""How much may wait in the socket's buffer before streams have to wait."""
GOODBYE_SECONDS: Final = 2.0
"""How long the other end of a closed connection may take to read what was sent to it."""
UNREAD_SECONDS: Final = 60.0
"""The same for one that is closed because it does not read.

By then the Jupyter server, which pings the page, has closed a WebSocket on which nothing moves; it would take an end
without a close frame for the end of the kernel.
"""


class Listener:
    """The listening socket, its place file, and the connections.

    ``connected`` is called with the transport of each page.
    """

    def __init__(
        self,
        connected: Callable[[PageTransport], PageConnection],
        folder: Path,
        file: PlaceFile,
        server: asyncio.AbstractServer,
    ) -> None:
        self.connected = connected
        self.folder = folder
        self.file = file
        self.server = server
        self.connections: set[SocketTransport] = set()
        self.leases = 0
        """The number of servers that only announce that they are there."""

    @classmethod
    async def start(
        cls, connected: Callable[[PageTransport], PageConnection], name: str, runtime: Path | None = None
    ) -> Listener:
        """Listen for pages of the place ``name``, and publish the place file.  Raises `OSError`."""
        folder = private_folder(runtime or runtime_folder())
        sweep(folder)
        token = new_token()
        made: list[Listener] = []

        def connection() -> SocketTransport:
            return SocketTransport(made[0])

        path, port = "", 0
        if sys.platform == "win32":
            listening = socket.create_server(("127.0.0.1", 0))
            port = listening.getsockname()[1]
        else:
            listening, path = _bound(folder, name)
        file = PlaceFile(name, path, port, os.getpid(), platform.node(), token)
        loop = asyncio.get_running_loop()
        try:
            if sys.platform == "win32":
                server: asyncio.AbstractServer = await loop.create_server(
                    connection, sock=listening, start_serving=False
                )
            else:
                server = await loop.create_unix_server(connection, sock=listening, start_serving=False)
            listener = cls(connected, folder, file, server)
            made.append(listener)
            await server.start_serving()
            publish(folder, file)
        except BaseException:
            for listener in made:
                listener.close()
            listening.close()
            withdraw(folder, file)
            raise
        return listener

    def close(self) -> None:
        """Stop listening, remove the socket and the place file, and close the connections."""
        self.server.close()
        withdraw(self.folder, self.file)
        for connection in list(self.connections):
            connection.close_soon()


def _bound(folder: Path, name: str) -> tuple[socket.socket, str]:
    """Return a Unix socket in the private folder, or in a temporary one if that is too deep or allows no sockets."""
    if sys.platform == "win32":
        raise OSError("Python has no Unix sockets on Windows")
    path = socket_path(folder, name)
    for other in (False, True):
        if other:
            path = other_socket_path()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(os.fspath(path))
            path.chmod(0o600)
            return listening, str(path)
        except OSError:
            listening.close()
            remove_socket(str(path))
            if other:
                raise
    raise AssertionError("unreachable")


class SocketTransport(asyncio.Protocol, PageTransport):
    """The connection of a Jupyter server: the two proofs, then the frames of one page."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._greeting = bytearray()
        self._nonce = secrets.token_bytes(NONCE_BYTES)
        self._magic = b""
        self._purpose: bytes | None = None
        self._proved = False
        self._deframer = Deframer()
        self._page: PageConnection | None = None
        self._open = True
        self._paused = False
        self._deadline: asyncio.TimerHandle | None = None

    # --- asyncio's side -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        listener = self._listener
        if len(listener.connections) >= 2 * CONNECTIONS or not _same_user(transport.get_extra_info("socket")):
            transport.abort()
            return
        listener.connections.add(self)
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self._deadline = asyncio.get_running_loop().call_later(PROOF_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        if not self._open:
            return
        if not self._proved:
            self._greeting += data
            self._greet()
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        page = self._page
        if page is None:
            return  # on a lease nothing is sent
        try:
            for kind, body in self._deframer.feed(data):
                if kind == CONTROL:
                    page.control(decode_control(body), len(body))
                elif kind == DATA:
                    page.data(decode_data(body))
                else:
                    raise FrameError("a frame of an unknown kind", phase="page frames")
        except FrameError as error:
            log.debug("a page violated the protocol: %s", error)
            page.close(BAD_FRAME, error.message)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._open = False
        if self._deadline is not None:
            self._deadline.cancel()
        listener = self._listener
        listener.connections.discard(self)
        if self._page is not None:
            self._page.gone()
        elif self._proved:
            listener.leases -= 1

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._page is not None and self._open:
            self._page.writable_again()

    # --- the proofs ---------------------------------------------------------------------------------------------------

    def _greet(self) -> None:
        transport, greeting = self._transport, self._greeting
        assert transport is not None
        if self._purpose is None and len(greeting) >= GREETING_BYTES:
            self._purpose = bytes(greeting[len(MAGIC) : len(MAGIC) + 1])
            self._magic = bytes(greeting[: len(MAGIC)])
            if not is_magic(self._magic) or self._purpose not in (RELAY, LEASE):
                transport.abort()
                return
            transport.write(self._nonce)
        if self._purpose is None or len(greeting) < GREETING_BYTES + PROOF_BYTES:
            return
        theirs = bytes(greeting[len(MAGIC) + 1 : GREETING_BYTES])
        given = bytes(greeting[GREETING_BYTES : GREETING_BYTES + PROOF_BYTES])
        token = self._listener.file.token
        if not same(given, proof(token, b"connects", self._purpose, theirs, self._nonce, self._magic)):
            transport.abort()
            return
        transport.write(proof(token, b"listens", self._purpose, theirs, self._nonce, self._magic))
        self._proved = True
        assert self._deadline is not None
        self._deadline.cancel()
        rest = bytes(greeting[GREETING_BYTES + PROOF_BYTES :])
        self._greeting = bytearray()
        if self._purpose == LEASE:
            self._listener.leases += 1
            return
        self._page = self._listener.connected(self)
        if rest:
            self._take(rest)

    # --- towards the page ---------------------------------------------------------------------------------------------

    @property
    def writable(self) -> bool:
        return self._open and not self._paused

    def control(self, message: dict[str, Any]) -> None:
        self._send(framed(CONTROL, encode_control(message)))

    def data(self, stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> None:
        self._send(framed_data(stream, offset, pieces, size))

    def _send(self, frame: bytes) -> None:
        transport = self._transport
        if not self._open or transport is None or transport.is_closing():
            return
        transport.write(frame)
        # A single screen may be larger than the limit; it is then the only frame that waits.
        if transport.get_write_buffer_size() > UNREAD + len(frame):
            log.debug("disconnecting a page that does not read")
            transport.write(framed_close(SILENT, "the page does not read what it is sent"))
            self.close_soon(UNREAD_SECONDS)
            if self._page is not None:  # what is being done for the page now need not expect that it is gone
                asyncio.get_running_loop().call_soon(self._page.gone)

    def close(self, code: int, reason: str) -> None:
        self._send(framed_close(code, reason))
        self.close_soon()

    def close_soon(self, seconds: float = GOODBYE_SECONDS) -> None:
        """Close the connection as soon as the other end has read what is waiting, or after this many seconds."""
        self._open = False
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.close()
            asyncio.get_running_loop().call_later(seconds, transport.abort)


def _same_user(peer: Any) -> bool:
    """Return whether the process on the other end belongs to the same user, if the system can tell; else true."""
    if sys.platform != "linux" or peer is None or peer.family != socket.AF_UNIX:
        return True
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(uid == os.getuid())
