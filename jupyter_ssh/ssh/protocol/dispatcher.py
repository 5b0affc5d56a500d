"""The phase of a session, and the handlers of the messages that GATE allows in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from jupyter_ssh.ssh.errors import UnexpectedMessage
from jupyter_ssh.ssh.protocol.gate import GATE, UNASSIGNED
from jupyter_ssh.ssh.protocol.layers import Handler, Handlers
from jupyter_ssh.ssh.protocol.packets.ring import UNNOTED
from jupyter_ssh.ssh.protocol.roles import REKEY_PHASES, Phase, Role
from jupyter_ssh.ssh.protocol.transitions import OF_LAYERS, RESUME, Trigger, next_phase
from jupyter_ssh.ssh.wire import numbers as n


class Dispatcher:
    """Knows the phase, and looks a handler up when its message comes in that phase for the first time.

    ``note`` gets every message before it is handled, except those of `UNNOTED`, of which there are many; ``ignore`` is
    the handler of messages that GATE ignores.
    """

    __slots__ = ("_ignore", "_interrupted", "_layers", "_note", "_noted", "handlers", "phase", "role")

    def __init__(self, role: Role, note: Callable[[bytes], None], ignore: Handler) -> None:
        self.role = role
        self.phase = Phase.VERSION
        self.handlers: dict[int, Handler] = {}
        """The handlers of the messages of `UNNOTED` already received in this phase; for others call `look_up`."""
        self._noted: dict[int, Handler] = {}
        """The handlers of other messages already received in this phase."""
        self._layers: tuple[Callable[[], Handlers], ...] = ()
        self._note = note
        self._ignore = ignore
        self._interrupted: Phase | None = None
        """The phase that a key re-exchange interrupted."""

    def register(self, layer: Callable[[], Handlers]) -> None:
        """Add a layer by what returns its handlers; it is called whenever one is needed."""
        self._layers = (layer, *self._layers)
        self._forget_handlers()

    def advance(self, trigger: Trigger) -> None:
        """Enter the phase that follows according to NEXT."""
        interrupted = self._interrupted
        if interrupted is not None and trigger in OF_LAYERS:
            self._interrupted = next_phase(self.role, interrupted, trigger)
            return
        following = next_phase(self.role, self.phase, trigger)
        if following is RESUME:
            assert interrupted is not None
            following, self._interrupted = interrupted, None
        elif following in REKEY_PHASES and interrupted is None:
            self._interrupted = self.phase
        self.phase = following
        self._forget_handlers()

    def _forget_handlers(self) -> None:
        self.handlers, self._noted = {}, {}

    def look_up(self, body: bytes) -> Handler:
        """Note a message that is not among `handlers` and return its handler.

        Raises `UnexpectedMessage` if GATE forbids it.
        """
        number = body[1]
        handler = self._noted.get(number)
        if handler is None:
            row = GATE[self.role, self.phase]
            if number in row.ignored:
                handler = self._ignore
            elif number in row.handled:
                handler = self._registered(number)
            if handler is None:
                self._refuse(number)
            (self.handlers if number in UNNOTED else self._noted)[number] = handler
        if number not in UNNOTED:
            self._note(body)
        return handler

    def _registered(self, number: int) -> Handler | None:
        for layer in self._layers:
            handler = layer().get(number)
            if handler is not None:
                return handler
        return None

    def _refuse(self, number: int) -> NoReturn:
        expected = sorted(GATE[self.role, self.phase].handled - UNASSIGNED)
        raise UnexpectedMessage(
            "the peer sent a message out of turn",
            phase=self.phase.value,
            expected=f"one of {', '.join(map(n.message_name, expected))}",
            received=n.message_name(number),
        )
