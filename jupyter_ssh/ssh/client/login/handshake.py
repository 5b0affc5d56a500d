"""The events of a session until the user is logged in: a queue with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.protocol.events import Banner, Closed, DebugMessage, Event, KeysRenewed
from jupyter_ssh.ssh.text import printable, shortened

E = TypeVar("E", bound=Event)

MAX_BANNER: Final = 1024 * 1024
"""Characters of all banners together that are shown, unless the prompts have a ``most_banner`` of their own."""

MAX_SAID: Final = 300
"""Characters of a banner that an error quotes."""


class Handshake:
    """The events of a session before the login is complete, taken one at a time."""

    def __init__(self, prompts: Prompts, seconds: float) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._prompts = prompts
        self._seconds = seconds
        self._banner_room: int = getattr(prompts, "most_banner", MAX_BANNER)
        self.messages: list[str] = []
        """What to tell the user afterwards, such as where a host key was written."""
        self.said = ""
        """The server's last message: printable, on one line."""

        self.on_event: Callable[[], None] = lambda: None
        """Called before an event is taken."""

    def heard(self, event: Event) -> None:
        """The session's callback."""
        if isinstance(event, Banner):
            room, self._banner_room = self._banner_room, max(0, self._banner_room - len(event.text))
            if room and event.text:
                self._prompts.show_banner(printable(shortened(event.text, room)))
                self._said(event.text[:room])
        elif isinstance(event, DebugMessage):
            self._said(event.text)
        elif not isinstance(event, KeysRenewed):
            self._events.put_nowait(event)

    def _said(self, text: str) -> None:
        # Before the login a server can send any number of these: only what is kept is made printable, which is slow.
        line = text.rstrip().rpartition("\n")[2].strip()[:MAX_SAID]
        if line:
            self.said = printable(line)

    async def next(self, phase: str) -> Event:
        """Return the next event; raise the error that ended the session, or `DeadlineExceeded` for ``phase``."""
        event = await within(self._events.get(), self._seconds, phase)
        self.on_event()
        if isinstance(event, Closed):
            raise event.error
        return event


def described(error: SSHError) -> str:
    """Return the text of an error for the outcome of one attempt."""
    return error.message if error.received is None else f"{error.message} ({error.received})"
