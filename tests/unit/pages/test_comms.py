"""The end of a connection on the fallback transport: what waits is sent first, at the pace that is allowed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_ssh.pages import comms as comms_module
from jupyter_ssh.pages.close_codes import KERNEL_ENDED, NO_SERVICE
from jupyter_ssh.pages.comms import MESSAGE_TYPE, Comms
from jupyter_ssh.pages.connection import PageConnection
from jupyter_ssh.pages.limits import VERSION
from jupyter_ssh.pages.place import Place

TEXT = "x" * (256 << 10)
COUNT = 20
"""Frames with that text: more than may be sent at once, and more than may be unacknowledged."""


class Kernel(SimpleNamespace):
    """What a page sends to an ipykernel, and is sent by it."""

    def __init__(self) -> None:
        super().__init__(control_handlers={}, iopub_socket=None, session=SimpleNamespace(send=self.publish))
        self.frames: list[dict[str, Any]] = []
        self.close: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.sent = 0
        self.acknowledges = True

    def publish(self, socket: object, kind: str, content: dict[str, Any], *others: object, **more: object) -> None:
        if kind != "comm_msg":
            return  # the reply to the first message
        data = content["data"]
        self.frames += data["frames"]
        if "close" in data:
            self.close.set_result(data["close"])
        elif self.acknowledges and data["seq"]:
            self.say(data["seq"])

    def say(self, ack: int, *frames: dict[str, Any]) -> None:
        """A message of the page."""
        self.sent += 1
        content = {"connection": "c", "seq": self.sent, "ack": ack, "frames": list(frames)}
        self.control_handlers[MESSAGE_TYPE](None, [], {"content": content})


async def connected(kernel: Kernel) -> PageConnection:
    """The connection of a page that has said hello."""
    place = Place("kernel-1")
    place.comms = Comms(place.connected, kernel)
    kernel.say(0, {"type": "hello", "version": VERSION, "client": "test", "services": []})
    while not kernel.frames:
        await asyncio.sleep(0)
    [connection] = place.connections
    return connection


async def test_what_waits_is_sent_before_the_end() -> None:
    kernel = Kernel()
    connection = await connected(kernel)
    for _ in range(COUNT):
        connection.transport.control({"type": "x", "text": TEXT})
    connection.close(KERNEL_ENDED, "ended")
    connection.transport.control({"type": "late"})
    assert await asyncio.wait_for(kernel.close, 60) == KERNEL_ENDED
    assert [frame["type"] for frame in kernel.frames] == ["welcome", *["x"] * COUNT]


async def test_a_page_that_does_not_take_what_waits_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comms_module, "GOODBYE_SECONDS", 0.0)
    kernel = Kernel()
    connection = await connected(kernel)
    kernel.acknowledges = False
    for _ in range(COUNT):
        connection.transport.control({"type": "x", "text": TEXT})
    connection.close(KERNEL_ENDED, "ended")
    while not kernel.close.done():
        kernel.say(0)
        await asyncio.sleep(0)
    assert kernel.close.result() == NO_SERVICE
    assert len(kernel.frames) < COUNT
