"""Frames between page and place: control (a JSON object) and data (bytes of a stream at an offset).

On the private socket each frame is ``uint32 length``, ``uint8 kind``, body; ``length`` counts kind and body.  A third
kind, close, exists on the private socket only: ``uint16 code``, then a reason in UTF-8, and the socket is closed.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, Final

from jupyter_ssh.pages.limits import DATA_BYTES, LARGE_CONTROL_BYTES
from jupyter_ssh.ssh.errors import SSHError

CONTROL: Final = 0x43
DATA: Final = 0x44
CLOSE: Final = 0x58

_HEAD: Final = struct.Struct(">IB")
_DATA_HEAD: Final = struct.Struct(">IQ")
_STREAM: Final = struct.Struct(">I")
_FRAMED_DATA_HEAD: Final = struct.Struct(">IBIQ")
_CODE: Final = struct.Struct(">H")
MOST_BYTES: Final = LARGE_CONTROL_BYTES + 1
LARGEST_STREAM: Final = (1 << 32) - 1


class FrameError(SSHError):
    """Bytes that are not a valid frame, or a frame where none is allowed.  Only the connection is closed.

    The error never holds the frame's content: it may be an answer to a question.
    """


@dataclass(frozen=True, slots=True)
class Data:
    """A data frame."""

    stream: int
    offset: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The other end of the private socket closes the connection; ``code`` is for the page's WebSocket."""

    code: int
    reason: str


def _bad(message: str, expected: str, received: str) -> FrameError:
    return FrameError(message, phase="page frames", expected=expected, received=received)


def service_frame(service: str, verb: str, members: dict[str, Any]) -> dict[str, Any]:
    """Return the control frame for ``verb`` of ``service``."""
    return {"type": f"{service}.{verb}", **members}


def encode_control(message: dict[str, Any]) -> bytes:
    """Return the body of a control frame."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def decode_control(body: bytes | str) -> dict[str, Any]:
    """Return the object of a control frame of any type.  Raises `FrameError`.

    The receiver knows which types may be large, and calls `check_size`.
    """
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad("a control frame is not JSON", "an object in UTF-8", "something else") from None
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str):
        raise _bad("a control frame without a type", "an object with a type", type(message).__name__)
    check_size(len(body), LARGE_CONTROL_BYTES)
    checked: dict[str, Any] = message
    return checked


def check_size(size: int, most: int) -> None:
    """Raise `FrameError` for a control frame of more than ``most`` bytes."""
    if size > most:
        raise _bad("a control frame is too long", f"at most {most} bytes", str(size))


def encode_data(stream: int, offset: int, payload: bytes | memoryview) -> bytes:
    """Return the body of a data frame."""
    return b"".join((_DATA_HEAD.pack(stream, offset), payload))


def is_data_of(stream: int, body: bytes) -> bool:
    """Return whether the body of a data frame belongs to this stream."""
    return body.startswith(_STREAM.pack(stream))


def decode_data(body: bytes | memoryview) -> Data:
    """Return the parts of a data frame; raises `FrameError`."""
    size = len(body) - _DATA_HEAD.size
    if not 1 <= size <= DATA_BYTES:
        raise _bad("a data frame of an impossible size", f"1 to {DATA_BYTES} bytes of data", str(size))
    stream, offset = _DATA_HEAD.unpack_from(body)
    if not stream:
        raise _bad("a data frame for no stream", f"a stream of 1 to {LARGEST_STREAM}", "0")
    return Data(stream, offset, bytes(body[_DATA_HEAD.size :]))


def framed(kind: int, body: bytes) -> bytes:
    """Return a frame for the private socket."""
    return _HEAD.pack(len(body) + 1, kind) + body


def framed_data(stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> bytes:
    """Return a data frame for the private socket, copying its ``pieces`` (``size`` bytes in all) only once."""
    head = _FRAMED_DATA_HEAD.pack(size + _DATA_HEAD.size + 1, DATA, stream, offset)
    return b"".join((head, *pieces))


def framed_close(code: int, reason: str) -> bytes:
    """Return the last frame for a private socket; a WebSocket allows 123 bytes for the reason (RFC 6455 §5.5)."""
    return framed(CLOSE, _CODE.pack(code) + reason.encode("utf-8", "replace")[:120])


def decode_close(body: bytes) -> Close:
    """Return the parts of a close frame; raises `FrameError`."""
    if len(body) < _CODE.size:
        raise _bad("a close frame is too short", "a code", f"{len(body)} bytes")
    (code,) = _CODE.unpack_from(body)
    return Close(code, body[_CODE.size :].decode("utf-8", "ignore"))


class Deframer:
    """A parser that splits the bytes of a private socket into frames (kind, body)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether part of a frame is waiting for the rest."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the frames that are complete now; raises `FrameError`."""
        buffer = self._buffer
        buffer += data
        frames: list[tuple[int, bytes]] = []
        start, end = 0, len(buffer)
        try:
            with memoryview(buffer) as view:
                while end - start >= _HEAD.size:
                    length, kind = _HEAD.unpack_from(view, start)
                    if not 1 <= length <= MOST_BYTES:
                        raise _bad("a frame of an impossible length", f"1 to {MOST_BYTES}", str(length))
                    if kind not in (CONTROL, DATA, CLOSE):
                        raise _bad("a frame of an unknown kind", "control, data or close", hex(kind))
                    stop = start + 4 + length
                    if stop > end:
                        break
                    frames.append((kind, bytes(view[start + _HEAD.size : stop])))
                    start = stop
        finally:
            if start:
                del buffer[:start]
        return frames
