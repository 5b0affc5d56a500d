"""The events of a session until somebody is logged in: a queue with a deadline, and the host key's part."""

from __future__ import annotations

import asyncio
from typing import Final, TypeVar

from ..config.options import Options
from ..errors import HostKeyError, KnownHostsError, PromptUnavailable, SSHError
from ..net.deadline import within
from ..protocol.events import Banner, Closed, DebugMessage, Event, HostKeyOffered, KeysRenewed
from ..protocol.session import ClientSession
from ..trust.policy import Accept, Ask, HostKeyPolicy
from .harmless import harmless
from .prompts import Prompts

E = TypeVar("E", bound=Event)

MAX_BANNER: Final = 64 * 1024
"""Characters of banner that are shown."""


class Handshake:
    """What a session tells before anybody is logged in, taken one event at a time."""

    def __init__(self, prompts: Prompts, seconds: float) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._prompts = prompts
        self._seconds = seconds
        self._banner_room = MAX_BANNER
        self.messages: list[str] = []
        """What to tell the person afterwards, such as where a host key was written."""

    def heard(self, event: Event) -> None:
        """The session's callback."""
        if isinstance(event, Banner):
            text = event.text[: self._banner_room]
            self._banner_room -= len(text)
            if text:
                self._prompts.show_banner(harmless(text))
        elif not isinstance(event, (KeysRenewed, DebugMessage)):
            self._events.put_nowait(event)

    async def next(self, phase: str) -> Event:
        """The next event; raises why the session ended, and `DeadlineExceeded` that names ``phase``."""
        event = await within(
            self._events.get(),
            self._seconds,
            phase,
            next_step="The server is too slow or stuck; try again, or give it longer with ConnectTimeout.",
        )
        if isinstance(event, Closed):
            raise event.error
        return event

    async def check_host_key(
        self, session: ClientSession, options: Options, policy: HostKeyPolicy, address: str
    ) -> bool:
        """Waits for the host key, has it judged and perhaps confirmed by a person.

        Returns whether secrets may be sent to this host.  Raises `HostKeyError`; the server is told then.
        """
        offered = await self.next("key exchange")
        assert isinstance(offered, HostKeyOffered)
        # A HostKeyAlias stands for host and port (ssh_config(5)).
        host, port = (options.host_key_alias, 22) if options.host_key_alias else (options.host_name, options.port)
        try:
            verdict = policy.judge(host, port, address, offered.key)
            if isinstance(verdict, Ask):
                await self._ask(policy, verdict, batch=options.batch_mode)
        except HostKeyError as error:
            session.reject_host_key(error)
            raise
        if not isinstance(verdict, Accept):
            self._remember(policy, host, port, offered)
        elif verdict.warning is not None:
            self.messages.append(f"WARNING: {verdict.warning}")
        session.accept_host_key()
        return not isinstance(verdict, Accept) or verdict.secrets_allowed

    async def _ask(self, policy: HostKeyPolicy, verdict: Ask, *, batch: bool) -> None:
        question = verdict.question
        if batch:
            raise policy.refused(question, asked=False)
        try:
            confirmed = await self._prompts.confirm_host_key(question)
        except PromptUnavailable as unavailable:
            error = policy.refused(question, asked=False)
            error.next_step = unavailable.next_step or error.next_step
            raise error from unavailable
        if not confirmed:
            raise policy.refused(question)

    def _remember(self, policy: HostKeyPolicy, host: str, port: int, offered: HostKeyOffered) -> None:
        try:
            message = policy.remember(host, port, offered.key)
        except KnownHostsError as error:
            message = f"The host key was not written: {error}"
        if message:
            self.messages.append(message)


def described(error: SSHError) -> str:
    """An error as the outcome of one attempt."""
    return error.message if error.received is None else f"{error.message} ({error.received})"
