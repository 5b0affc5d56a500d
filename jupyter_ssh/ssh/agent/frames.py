"""Framing of messages on a stream: a uint32 length and that many bytes (draft-ietf-sshm-ssh-agent §3)."""

from __future__ import annotations

from jupyter_ssh.ssh.agent.numbers import MAX_MESSAGE
from jupyter_ssh.ssh.errors import AgentError
from jupyter_ssh.ssh.wire.types import string

LENGTH_SIZE = 4


def frame(message: bytes) -> bytes:
    """Return ``message`` with its length.  Raises `AgentError` if it is empty or too long."""
    check_length(len(message))
    return string(message)


def check_length(size: int) -> None:
    """Raise `AgentError` for an invalid length of a message."""
    if not 0 < size <= MAX_MESSAGE:
        raise AgentError(
            "agent message of an invalid length",
            phase="agent",
            expected=f"1 to {MAX_MESSAGE} bytes",
            received=f"{size} bytes",
        )


class FrameReader:
    """A parser that splits a stream into messages, each of at most `MAX_MESSAGE` bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a message is incomplete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that ``data`` completes.  Raises `AgentError` as soon as a length is invalid."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= LENGTH_SIZE:
            size = int.from_bytes(self._buffer[:LENGTH_SIZE], "big")
            check_length(size)
            end = LENGTH_SIZE + size
            if len(self._buffer) < end:
                break
            messages.append(bytes(self._buffer[LENGTH_SIZE:end]))
            del self._buffer[:end]
        return messages
