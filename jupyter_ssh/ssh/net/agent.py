"""Connections to agents: through a Unix socket, or on Windows a named pipe or Pageant's window."""

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
from jupyter_ssh.ssh.errors import AgentError, AgentUnavailable, DeadlineExceeded
from jupyter_ssh.ssh.keys import PrivateKey, PublicKey
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.protocol.session import ClientSession

log = logging.getLogger("jupyter_ssh.ssh")

T = TypeVar("T")

CHUNK: Final = 65536

CONNECT_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 15.0
"""Seconds an agent may take for requests that need no person."""
PERSON_SECONDS: Final = 120.0
"""Seconds an agent may take if it may have to ask its owner: to sign, or to add a key."""

PAGEANT: Final = "pageant"
"""The address that stands for PuTTY's agent on Windows if it has no named pipe."""
WINDOWS_PIPE: Final = r"\\.\pipe\openssh-ssh-agent"
"""The address of the agent of Windows' OpenSSH."""

_REASONS = {
    errno.ENOENT: "the socket does not exist",
    errno.ECONNREFUSED: "nothing listens on it any more",
    errno.EACCES: "permission denied",
    errno.ENOTSOCK: "it is not a socket",
}


class AgentTransport(Protocol):
    """A connection to an agent: sends a message and receives its answer, one at a time."""

    async def exchange(self, message: bytes) -> bytes:
        """Return the answer to ``message``.  Raises `AgentError`."""

    def close(self) -> None:
        """Close the connection."""

    async def wait_closed(self) -> None:
        """Wait, for a bounded time, until it is closed."""


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
    """Connect to the agent at ``address``.  Raises `AgentUnavailable`, `DeadlineExceeded`."""
    try:
        return await within(_open(address), seconds, "connecting to the agent")
    except DeadlineExceeded:  # also an OSError, but not one from the system
        raise
    except (OSError, ValueError, NotImplementedError) as error:
        number = error.errno if isinstance(error, OSError) else None
        raise AgentUnavailable(
            f"the agent at {address} cannot be reached",
            phase="agent",
            received=_REASONS.get(number or 0) or getattr(error, "strerror", None) or str(error),
            next_step="Start one, or set SSH_AUTH_SOCK or IdentityAgent to its address.",
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
    """Return the agent's address according to ``environment``: SSH_AUTH_SOCK, on Windows also the usual addresses."""
    address = environment.get("SSH_AUTH_SOCK") or None
    if sys.platform == "win32" and address is None:
        from jupyter_ssh.ssh.net.pageant import is_running

        address = WINDOWS_PIPE if os.path.exists(WINDOWS_PIPE) else PAGEANT if is_running() else None
    return address


class Agent:
    """An agent, which answers one request at a time; use `open_agent` to get one.

    Every method raises `AgentRefused` if the agent refuses, `AgentUnavailable` if it is gone, `DeadlineExceeded` if it
    does not answer, and `AgentError` for an invalid answer; after the last three it is closed.
    """

    def __init__(self, transport: AgentTransport, address: str) -> None:
        self._transport = transport
        self._turn = asyncio.Lock()
        self._broken = False
        self.address = address

    async def ask(self, message: bytes, seconds: float | None = ANSWER_SECONDS) -> bytes:
        """Send any message and return the agent's answer."""
        async with self._turn:
            if self._broken:
                raise AgentUnavailable("the connection to the agent is closed", phase="agent")
            try:
                return await within(
                    self._transport.exchange(message),
                    seconds,
                    "waiting for the agent",
                    next_step=f"The agent at {self.address} does not answer; to do without it, use IdentityAgent=none.",
                )
            except (AgentError, DeadlineExceeded, asyncio.CancelledError):
                self.close()  # a late answer would be taken for that to another request
                raise

    async def identities(self, required_rsa_size: int | None = None) -> list[AgentIdentity]:
        """List its keys, those of unknown types with `AgentIdentity.problem`."""
        return conversation.read_identities(await self.ask(conversation.request_identities()), required_rsa_size)

    async def sign(self, key: PublicKey, data: bytes, algorithm: str, seconds: float | None = PERSON_SECONDS) -> bytes:
        """Sign ``data`` and return the signature blob; ``algorithm`` may be that of a certificate."""
        flags = SIGN_FLAGS.get(plain_algorithm(algorithm), 0)
        answer = await self.ask(conversation.sign_request(key.blob, data, flags), seconds)
        return check_signature_name(conversation.read_signature(answer), algorithm)

    async def sign_blob(self, blob: bytes, data: bytes, flags: int) -> bytes:
        """Sign ``data`` with the key of a public key blob, as `agent.AgentKey` needs it; return the signature blob."""
        return conversation.read_signature(await self.ask(conversation.sign_request(blob, data, flags), PERSON_SECONDS))

    async def add(self, key: PrivateKey, comment: str = "", constraints: Constraints = NO_CONSTRAINTS) -> None:
        """Add a key."""
        message = conversation.add_identity(key, comment or key.comment, constraints)
        conversation.read_success(await self.ask(message, PERSON_SECONDS), "the key")

    async def remove(self, blob: bytes) -> None:
        """Remove a key."""
        conversation.read_success(await self.ask(conversation.remove_identity(blob)), "to remove the key")

    async def remove_all(self) -> None:
        """Remove all keys."""
        conversation.read_success(await self.ask(conversation.remove_all_identities()), "to remove all keys")

    async def lock(self, passphrase: str) -> None:
        """Lock it."""
        conversation.read_success(await self.ask(conversation.lock(passphrase)), "to be locked")

    async def unlock(self, passphrase: str) -> None:
        """Unlock it; the answer to a wrong passphrase is delayed."""
        answer = await self.ask(conversation.unlock(passphrase), PERSON_SECONDS)
        conversation.read_success(answer, "to be unlocked")

    async def bind(self, host_key: bytes, session_id: bytes, signature: bytes, *, forwarded: bool) -> None:
        """Bind the connection to a session; see `conversation.session_bind`."""
        message = conversation.session_bind(host_key, session_id, signature, forwarded=forwarded)
        conversation.read_success(await self.ask(message), "to be bound to the session")

    @property
    def closed(self) -> bool:
        """Whether it can no longer be asked."""
        return self._broken

    def close(self) -> None:
        """Close the connection."""
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
    """Connect to the agent at ``address``, the path of a socket.  Raises `AgentUnavailable`, `DeadlineExceeded`."""
    return Agent(await open_transport(address, seconds), address)


async def with_agent(address: str, work: Callable[[Agent], Awaitable[T]]) -> T:
    """Run ``work`` with a connection to an agent, close that, and return the value."""
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
        except AgentError as error:
            if agent.closed:
                raise
            # Few agents know the request, and some have their own way to say so.  OpenSSH goes on in any case.
            log.debug("the agent at %s does not bind keys to sessions: %s", address, error)
        except BaseException:
            agent.close()
            raise
    return agent
