"""An agent on a socket: its clients, the expiry of its keys, and the confirmations of its owner."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, cast

from jupyter_ssh.ssh.agent import AgentSession, Confirm, Keyring, Later, Outcome
from jupyter_ssh.ssh.agent.frames import FrameReader, frame
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.private_socket import PrivateFolder, bind_private, is_owner

log = logging.getLogger(__name__)

CHUNK: Final = 65536
MAX_CLIENTS: Final = 256
CONFIRM_SECONDS: Final = 60.0
"""Seconds after which an unanswered confirmation is a refusal."""
WRITE_SECONDS: Final = 30.0
"""Seconds a client may take to read an answer."""

Confirmation = Callable[[str], Awaitable[bool]]
"""Asks the owner of the keys; raises `SSHError` if nobody can answer, which means no."""


class _Closable(Protocol):
    """An asyncio server, on a socket or a pipe."""

    def close(self) -> None:
        """Stop accepting connections."""


async def nobody(question: str) -> bool:
    """Answer no, because there is nobody to ask."""
    return False


class AgentServer:
    """A keyring, served at ``path`` to programs of this user; see `serve_agent`."""

    def __init__(self, keyring: Keyring, confirm: Confirmation = nobody) -> None:
        self.keyring = keyring
        self.confirm = confirm
        self.path = ""
        self._folder: PrivateFolder | None = None
        self._server: _Closable | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, path: str | None = None, listening: socket.socket | None = None) -> None:
        """Listen at ``path``, by default in a new private folder, or on the listening socket ``listening``.

        Raises OSError.
        """
        if sys.platform == "win32":
            await self._start_pipe(path)
            return
        if path is None:
            self._folder = PrivateFolder("jupyter-ssh-")
            path = str(self._folder.path / f"agent.{os.getpid()}")
        try:
            self._server = await asyncio.start_unix_server(self._connected, sock=listening or bind_private(path))
        except BaseException:
            if self._folder is not None:
                self._folder.remove()
            raise
        self.path = path

    async def _start_pipe(self, path: str | None) -> None:
        """Listen on Windows.  There others may read from a new pipe, but only its owner may write requests to it."""
        if sys.platform == "win32":
            loop = cast(asyncio.ProactorEventLoop, asyncio.get_running_loop())
            self.path = path or rf"\\.\pipe\jupyter-ssh-agent-{secrets.token_hex(16)}"

            def make() -> asyncio.StreamReaderProtocol:
                return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._connected)

            self._server = (await loop.start_serving_pipe(make, self.path))[0]

    async def close(self) -> None:
        """Stop the agent and forget its keys; idempotent."""
        self.keyring.remove_all()
        if self._timer is not None:
            self._timer.cancel()
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self._remove_socket()
        for task in list(self._clients):
            task.cancel()
        if self._clients:
            await asyncio.wait(list(self._clients))

    def _remove_socket(self) -> None:
        """Remove the socket, and its folder if that is ours."""
        if self.path and sys.platform != "win32":
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        if self._folder is not None:
            self._folder.remove()

    # --- clients ------------------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connected = writer.get_extra_info("socket")
        allowed = sys.platform == "win32" or is_owner(connected)
        if not allowed or len(self._clients) >= MAX_CLIENTS:
            log.warning("a connection to the agent was refused: %s", "too many" if allowed else "another user's")
            writer.close()
            return
        self._clients[task] = writer
        try:
            await self._serve(reader, writer)
        except (SSHError, OSError, asyncio.TimeoutError) as error:
            log.info("a client of the agent was disconnected: %s", error)
        except asyncio.CancelledError:
            pass  # the agent is being stopped
        finally:
            del self._clients[task]
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session, frames = AgentSession(self.keyring), FrameReader()
        while data := await reader.read(CHUNK):
            for message in frames.feed(data):
                answer = await self._settled(session.handle(message))
                self._watch_expiry()
                writer.write(frame(answer))
                await asyncio.wait_for(writer.drain(), WRITE_SECONDS)

    async def _settled(self, outcome: Outcome) -> bytes:
        """Return the answer that an outcome leads to, waiting or asking as necessary."""
        while not isinstance(outcome, bytes):
            if isinstance(outcome, Later):
                await asyncio.sleep(outcome.seconds)
                outcome = outcome.then()
            elif isinstance(outcome, Confirm):
                outcome = outcome.then(await self._confirmed(outcome.question))
        return outcome

    async def _confirmed(self, question: str) -> bool:
        try:
            return await asyncio.wait_for(self.confirm(question), CONFIRM_SECONDS)
        except (SSHError, OSError, asyncio.TimeoutError) as error:
            log.warning("the use of a key was refused because its owner did not answer: %s", error or "too late")
            return False

    # --- time ---------------------------------------------------------------------------------------------------------

    def _watch_expiry(self) -> None:
        """Schedule the removal of keys that expire, so that they leave memory on time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.keyring.next_expiry
        if due is not None:
            seconds = max(0.0, due - self.keyring.clock())
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.keyring.expire()
        self._watch_expiry()


async def serve_agent(keyring: Keyring, confirm: Confirmation = nobody, path: str | None = None) -> AgentServer:
    """Start an agent that serves ``keyring``; see `AgentServer`.  Raises OSError."""
    server = AgentServer(keyring, confirm)
    await server.start(path)
    return server
