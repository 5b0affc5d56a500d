"""Messages on a stream: a uint32 length and that many bytes (draft-ietf-sshm-ssh-agent §3)."""

from __future__ import annotations

from jupyter_ssh.ssh.agent.numbers import MAX_MESSAGE
from jupyter_ssh.ssh.errors import AgentError
from jupyter_ssh.ssh.wire.types import string

LENGTH_SIZE = 4


def frame(message: bytes) -> bytes:
    """``message`` as it goes over the stream.  Raises `AgentError` for one that no agent takes."""
    check_length(len(message))
    return string(message)


def check_length(size: int) -> None:
    """Raises `AgentError` for a length that no message has."""
    if not 0 < size <= MAX_MESSAGE:
        raise AgentError(
            "agent message of an impossible length",
            phase="agent",
            expected=f"1 to {MAX_MESSAGE} bytes",
            received=f"{size} bytes",
        )


class FrameReader:
    """Cuts a stream into messages, each of at most `MAX_MESSAGE` bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with ``data``.  Raises `AgentError` as soon as a length cannot be."""
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
