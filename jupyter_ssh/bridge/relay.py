"""The server's end of a place's private socket."""

from __future__ import annotations

import asyncio
import platform
import secrets
import sys
from collections.abc import Callable
from typing import Final

from jupyter_ssh.pages.frames import CLOSE, Close, Deframer, FrameError, decode_close, framed
from jupyter_ssh.pages.limits import UNREAD
from jupyter_ssh.pages.rendezvous import (
    NONCE_BYTES,
    PROOF_BYTES,
    PROOF_SECONDS,
    PlaceFile,
    greeting,
    proof,
    same,
)
from jupyter_ssh.ssh.errors import ConnectError

OnFrame = Callable[[int, bytes], None]
OnEnd = Callable[[Close | None], None]

READ_BYTES: Final = 256 << 10


class PlaceConnection(asyncio.Protocol):
    """A connection to a place; once ``proved`` is done, the place has shown that it knows the token of its file."""

    def __init__(self, file: PlaceFile, purpose: bytes, on_frame: OnFrame, on_end: OnEnd) -> None:
        self._file = file
        self._purpose = purpose
        self._on_frame = on_frame
        self._on_end = on_end
        self._nonce = secrets.token_bytes(NONCE_BYTES)
        self._theirs = b""
        self._handshake = bytearray()
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None
        self._close: Close | None = None
        self._closed = False
        self.proved: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(greeting(self._purpose, self._nonce))

    def data_received(self, data: bytes) -> None:
        if not self.proved.done():
            self._handshake += data
            data = self._prove()
        if not data or self._closed or not self.proved.done():
            return
        try:
            for kind, body in self._deframer.feed(data):
                if kind == CLOSE:
                    self._close = decode_close(body)
                    self._drop()
                    return
                self._on_frame(kind, body)
        except FrameError:
            self._drop()

    def _prove(self) -> bytes:
        """Take the next steps of the proofs; return the data that follows them."""
        taken = self._handshake
        token = self._file.token
        transport = self._transport
        assert transport is not None
        if not self._theirs and len(taken) >= NONCE_BYTES:
            self._theirs = bytes(taken[:NONCE_BYTES])
            transport.write(proof(token, b"connects", self._purpose, self._nonce, self._theirs))
        if len(taken) < NONCE_BYTES + PROOF_BYTES:
            return b""
        given = bytes(taken[NONCE_BYTES : NONCE_BYTES + PROOF_BYTES])
        if not same(given, proof(token, b"listens", self._purpose, self._nonce, self._theirs)):
            self._refused("it does not have the token")
            transport.abort()
            return b""
        self.proved.set_result(None)
        return bytes(taken[NONCE_BYTES + PROOF_BYTES :])

    def _refused(self, why: str) -> None:
        if not self.proved.done():
            self.proved.set_exception(_unreachable(self._file, why))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.proved.done():
            self._refused("it closed the connection")
            return
        self._closed = True
        self._on_end(self._close)

    def _drop(self) -> None:
        self._closed = True
        assert self._transport is not None
        self._transport.abort()

    # --- for the caller -----------------------------------------------------------------------------------------------

    def send(self, kind: int, body: bytes) -> bool:
        """Send a frame; return False if too much is waiting for the place to read, which is then given up."""
        transport = self._transport
        if self._closed or transport is None or transport.is_closing():
            return True
        frame = framed(kind, body)
        transport.write(frame)
        if transport.get_write_buffer_size() > UNREAD + len(frame):
            self.abort()
            return False
        return True

    def pause(self, paused: bool) -> None:
        """Stop or resume reading from the place."""
        transport = self._transport
        if transport is None or self._closed:
            return
        if paused:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def close(self) -> None:
        """Close the connection after sending what is waiting; ``on_end`` is not called."""
        self._closed = True
        self._on_end = _nobody
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once; ``on_end`` is not called."""
        self._closed = True
        self._on_end = _nobody
        if self._transport is not None:
            self._transport.abort()


def _nobody(close: Close | None) -> None:
    """Do nothing: the caller ended the connection itself."""


def _unreachable(file: PlaceFile, why: str) -> ConnectError:
    return ConnectError(f"the terminals of {file.place} cannot be reached: {why}", phase="terminal")


def is_here(file: PlaceFile) -> bool:
    """Return whether the place is on this machine: its file may be in a folder that several machines share."""
    return file.node == platform.node()


async def connect_place(file: PlaceFile, purpose: bytes, on_frame: OnFrame, on_end: OnEnd) -> PlaceConnection:
    """Connect to a place, with a proof by each side.  Raises `OSError` and `ConnectError`.

    ``on_frame`` is called with the kind and body of each frame, ``on_end`` once the place has closed the connection.
    """
    if not is_here(file):
        raise _unreachable(file, "it is on another machine")
    loop = asyncio.get_running_loop()

    def connection() -> PlaceConnection:
        return PlaceConnection(file, purpose, on_frame, on_end)

    if file.path and sys.platform != "win32":
        opening = loop.create_unix_connection(connection, file.path)
    else:
        opening = loop.create_connection(connection, "127.0.0.1", file.port)
    try:
        _, made = await asyncio.wait_for(opening, PROOF_SECONDS)
    except asyncio.TimeoutError:
        raise _unreachable(file, "it does not answer") from None
    try:
        await asyncio.wait_for(asyncio.shield(made.proved), PROOF_SECONDS)
    except asyncio.TimeoutError:
        made.abort()
        raise _unreachable(file, "it does not answer") from None
    except BaseException:
        made.abort()
        raise
    return made
