"""A page service in one file, as a newcomer would add one: it echoes, in frames and in streams, and counts."""

from __future__ import annotations

from typing import Any

from jupyter_ssh.pages.frames import FrameError
from jupyter_ssh.pages.members import Members
from jupyter_ssh.pages.services import Page, Refusal, Service, Stream

LONGEST = 1000
BUG = b"bug"
"""What the service fails to handle."""


class EchoStream(Stream):
    """Sends back what comes, at the same offsets."""

    def __init__(self, page: Page, number: int) -> None:
        super().__init__(Echo.name)
        self._page = page
        self._number = number
        self._expected = 0
        self._held = bytearray()
        self._sent = 0
        self.over = False

    def receive(self, offset: int, payload: bytes) -> None:
        """Take what comes next."""
        if offset != self._expected:
            raise Refusal("bad-offset", "Something is missing before this.")
        if payload == BUG:
            raise KeyError("bug")
        if len(self._held) + len(payload) > LONGEST:
            raise FrameError("more than may be held", phase="page frames")
        self._expected += len(payload)
        self._held += payload
        self.writable_again()

    def writable_again(self) -> None:
        """Send what is held."""
        if self._held and self._page.transport.writable:
            data, self._held = bytes(self._held), bytearray()
            self._page.transport.data(self._number, self._sent, (memoryview(data),), len(data))
            self._sent += len(data)

    def closed(self) -> None:
        """The page is gone."""
        self.over = True


class Echo(Service):
    """The service."""

    name = "echo"
    large = frozenset({"shout"})
    references = ("word",)

    def __init__(self) -> None:
        super().__init__()
        self.verbs = {"say": self._say, "shout": self._say, "listen": self._listen}
        self.count = 0
        self.streams: list[EchoStream] = []
        self.left: list[Page] = []

    def announce(self, page: Page) -> dict[str, Any]:
        """How much was said."""
        return {"count": self.count}

    def gone(self, page: Page) -> None:
        """Note it."""
        self.left.append(page)

    def _say(self, page: Page, members: Members) -> None:
        word = members.text("word", 1 << 20)
        if word == "hush":
            raise Refusal("failed", "This is not echoed.", "Say something else.")
        if word == BUG.decode():
            raise KeyError("bug")
        self.count += 1
        page.send(self.name, "said", {"word": word})
        self.tell("counted", {"count": self.count})

    def _listen(self, page: Page, members: Members) -> None:
        number = members.stream()
        stream = EchoStream(page, number)
        page.open_stream(number, stream)
        self.streams.append(stream)
