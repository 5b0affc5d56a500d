"""A page that keeps all that it is sent, and knows no service."""

from __future__ import annotations

import json
from typing import Any

from jupyter_ssh.pages.connection import PageConnection
from jupyter_ssh.pages.frames import decode_control, encode_control
from jupyter_ssh.pages.limits import VERSION
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.transport import PageTransport


class PlainPage(PageTransport):
    """One connection; with members of `hello` it says that first."""

    def __init__(self, place: Place, **hello: Any) -> None:
        self.frames: list[dict[str, Any]] = []
        self.output: list[tuple[int, int, bytes]] = []
        self.accepts = True
        self.closed: int | None = None
        self.connection: PageConnection = place.connected(self)
        if hello:
            self.send("hello", version=VERSION, client="test", **hello)

    @property
    def writable(self) -> bool:
        return self.accepts

    def control(self, message: dict[str, Any]) -> None:
        self.frames.append(decode_control(encode_control(message)))

    def data(self, stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> None:
        self.output.append((stream, offset, b"".join(pieces)))

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def send(self, kind: str, /, **members: Any) -> None:
        """A control frame."""
        body = json.dumps({"type": kind, **members})
        self.connection.control(decode_control(body), len(body))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The frames of a type that came, without it."""
        return [
            {name: value for name, value in frame.items() if name != "type"}
            for frame in self.frames
            if frame["type"] == kind
        ]
