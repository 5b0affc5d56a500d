"""Connections to agents: a Unix socket, or on Windows a named pipe or Pageant's window."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Protocol, TypeVar

from jupyter_ssh.ssh.agent import AgentIdentity, Constraints, Conversation, conversation
from jupyter_ssh.ssh.agent.constraints import NO_CONSTRAINTS
from jupyter_ssh.ssh.agent.identities import SIGN_FLAGS, check_signature_name, plain_algorithm
from jupyter_ssh.ssh.errors import AgentError, AgentRefused, AgentUnavailable, DeadlineExceeded
from jupyter_ssh.ssh.keys import PrivateKey, PublicKey
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.protocol.session import ClientSession

log = logging.getLogger("jupyter_ssh.ssh")

T = TypeVar("T")

CHUNK: Final = 65536

CONNECT_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 15.0
"""How long an agent may take for what needs no person."""
PERSON_SECONDS: Final = 120.0
"""How long it may take where it may have to ask: for a signature, or to take in a key."""

PAGEANT: Final = "pageant"
"""The name for the agent of PuTTY on Windows, where it has no pipe of its own."""
WINDOWS_PIPE: Final = r"\\.\pipe\openssh-ssh-agent"
"""Where Windows' own OpenSSH has its agent."""

_REASONS = {
    errno.ENOENT: "there is no such socket",
    errno.ECONNREFUSED: "nobody listens there any more",
    errno.EACCES: "this user may not use it",
    errno.ENOTSOCK: "it is no socket",
}


class AgentTransport(Protocol):
    """A way to an agent: a message out, its answer back; one at a time."""

    async def exchange(self, message: bytes) -> bytes:
        """Return the answer to ``message``.  Raises `AgentError`."""

    def close(self) -> None:
        """Let go of the agent."""

    async def wait_closed(self) -> None:
        """Waits, a bounded time, until that is done."""


class StreamTransport:
    """An agent at the other end of a stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._conversation = Conversation()

    async def exchange(self, message: bytes) -> bytes:
        """See `AgentTransport`."""
        try:
            self._writer.write(self._conversation.ask(message))
            await self._writer.drain()
            while data := await self._reader.read(CHUNK):
                answer = self._conversation.feed(data)
                if answer is not None:
                    return answer
        except OSError:
            pass
        raise self._conversation.ended()

    def close(self) -> None:
        """See `AgentTransport`."""
        self._writer.close()

    async def wait_closed(self) -> None:
        """See `AgentTransport`."""
        with contextlib.suppress(OSError, DeadlineExceeded):
            await within(self._writer.wait_closed(), CLOSE_SECONDS, "closing the connection to the agent")


async def open_transport(address: str, seconds: float = CONNECT_SECONDS) -> AgentTransport:
    """Return a way to the agent at ``address``.  Raises `AgentUnavailable`, `DeadlineExceeded`."""
    try:
        return await within(_open(address), seconds, "connecting to the agent")
    except DeadlineExceeded:  # an OSError too, but not one of the system
        raise
    except (OSError, ValueError, NotImplementedError) as error:
        number = error.errno if isinstance(error, OSError) else None
        raise AgentUnavailable(
            f"the agent at {address} cannot be reached",
            phase="agent",
            received=_REASONS.get(number or 0) or getattr(error, "strerror", None) or str(error),
            next_step="Start one, or set SSH_AUTH_SOCK or IdentityAgent to where it is.",
        ) from None


async def _open(address: str) -> AgentTransport:
    if sys.platform == "win32":
        if address.lower() == PAGEANT:
            from jupyter_ssh.ssh.net.pageant import PageantTransport

            return PageantTransport()
        loop = asyncio.get_running_loop()
        if not isinstance(loop, asyncio.ProactorEventLoop):
            raise NotImplementedError("named pipes need asyncio's proactor loop")
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        pipe, _ = await loop.create_pipe_connection(lambda: protocol, address)
        return StreamTransport(reader, asyncio.StreamWriter(pipe, protocol, reader, loop))
    reader, writer = await asyncio.open_unix_connection(address)
    return StreamTransport(reader, writer)


def default_address(environment: Mapping[str, str]) -> str | None:
    """Return where the agent is that ``environment`` speaks of: SSH_AUTH_SOCK, on Windows also the usual places."""
    address = environment.get("SSH_AUTH_SOCK") or None
    if sys.platform == "win32" and address is None:
        from jupyter_ssh.ssh.net.pageant import is_running

        address = WINDOWS_PIPE if os.path.exists(WINDOWS_PIPE) else PAGEANT if is_running() else None
    return address


class Agent:
    """An agent, asked one thing after another; use `open_agent` to get one.

    Every method raises `AgentRefused` when the agent says no, `AgentUnavailable` when it is gone, `DeadlineExceeded`
    when it is silent, and `AgentError` for nonsense; after the last three it is closed.
    """

    def __init__(self, transport: AgentTransport, address: str) -> None:
        self._transport = transport
        self._turn = asyncio.Lock()
        self._broken = False
        self.address = address

    async def ask(self, message: bytes, seconds: float | None = ANSWER_SECONDS) -> bytes:
        """Return the agent's answer to any message."""
        async with self._turn:
            if self._broken:
                raise AgentUnavailable("the connection to the agent is closed", phase="agent")
            try:
                return await within(
                    self._transport.exchange(message),
                    seconds,
                    "waiting for the agent",
                    next_step=f"The agent at {self.address} does not answer; IdentityAgent=none goes without it.",
                )
            except (AgentError, DeadlineExceeded, asyncio.CancelledError):
                self.close()  # what comes now would be taken for the answer to another question
                raise

    async def identities(self, required_rsa_size: int | None = None) -> list[AgentIdentity]:
        """Return the keys it has, those of unknown types with `AgentIdentity.problem`."""
        return conversation.read_identities(await self.ask(conversation.request_identities()), required_rsa_size)

    async def sign(self, key: PublicKey, data: bytes, algorithm: str, seconds: float | None = PERSON_SECONDS) -> bytes:
        """Return the signature blob over ``data``; ``algorithm`` may be that of a certificate."""
        flags = SIGN_FLAGS.get(plain_algorithm(algorithm), 0)
        answer = await self.ask(conversation.sign_request(key.blob, data, flags), seconds)
        return check_signature_name(conversation.read_signature(answer), algorithm)

    async def sign_blob(self, blob: bytes, data: bytes, flags: int) -> bytes:
        """Return the signature blob over ``data``, as `agent.AgentKey` asks for it."""
        return conversation.read_signature(await self.ask(conversation.sign_request(blob, data, flags), PERSON_SECONDS))

    async def add(self, key: PrivateKey, comment: str = "", constraints: Constraints = NO_CONSTRAINTS) -> None:
        """Hand it a key."""
        message = conversation.add_identity(key, comment or key.comment, constraints)
        conversation.read_success(await self.ask(message, PERSON_SECONDS), "the key")

    async def remove(self, blob: bytes) -> None:
        """Take a key out of it."""
        conversation.read_success(await self.ask(conversation.remove_identity(blob)), "to remove the key")

    async def remove_all(self) -> None:
        """Take all keys out of it."""
        conversation.read_success(await self.ask(conversation.remove_all_identities()), "to remove all keys")

    async def lock(self, passphrase: str) -> None:
        """Lock it."""
        conversation.read_success(await self.ask(conversation.lock(passphrase)), "to be locked")

    async def unlock(self, passphrase: str) -> None:
        """Unlock it; it answers a wrong passphrase late."""
        answer = await self.ask(conversation.unlock(passphrase), PERSON_SECONDS)
        conversation.read_success(answer, "to be unlocked")

    async def bind(self, host_key: bytes, session_id: bytes, signature: bytes, *, forwarded: bool) -> None:
        """Tell it for which session it is used; see `conversation.session_bind`."""
        message = conversation.session_bind(host_key, session_id, signature, forwarded=forwarded)
        conversation.read_success(await self.ask(message), "to be bound to the session")

    def close(self) -> None:
        """Let go of it."""
        self._broken = True
        self._transport.close()

    async def __aenter__(self) -> Agent:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        await self._transport.wait_closed()


async def open_agent(address: str, seconds: float = CONNECT_SECONDS) -> Agent:
    """Return the agent at ``address``, a socket's path.  Raises `AgentUnavailable`, `DeadlineExceeded`."""
    return Agent(await open_transport(address, seconds), address)


async def with_agent(address: str, work: Callable[[Agent], Awaitable[T]]) -> T:
    """Return the value of ``work`` with an agent that is let go of afterwards."""
    async with await open_agent(address) as agent:
        return await work(agent)


async def open_bound(address: str, session: ClientSession, *, forwarded: bool) -> Agent:
    """Connect to the agent at ``address`` and bind it to the session, so that keys limited to destinations are usable.

    Raises `AgentUnavailable`, `AgentError`, `DeadlineExceeded`.
    """
    agent = await open_agent(address)
    transport = session.transport
    if transport.host_key is not None:
        try:
            await agent.bind(
                transport.host_key.blob, transport.session_id, transport.host_key_signature, forwarded=forwarded
            )
        except AgentRefused:
            log.debug("the agent at %s does not bind keys to sessions", address)  # few do
        except BaseException:
            agent.close()
            raise
    return agent
