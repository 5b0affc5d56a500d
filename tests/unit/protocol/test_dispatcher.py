"""The dispatcher: a handler is reached if GATE allows its message now, and only then."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.errors import UnexpectedMessage
from jupyter_ssh.ssh.protocol.dispatcher import Dispatcher
from jupyter_ssh.ssh.protocol.gate import GATE
from jupyter_ssh.ssh.protocol.layers import Handler
from jupyter_ssh.ssh.protocol.packets.ring import UNNOTED
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.transitions import Trigger
from jupyter_ssh.ssh.wire import numbers as n

TO_SERVICE = (Trigger.VERSION, Trigger.AGREEMENT, Trigger.SECRET, Trigger.NEWKEYS)
TO_AUTH = (*TO_SERVICE, Trigger.SERVICE)
TO_OPEN = (*TO_AUTH, Trigger.LOGIN)
TO_REKEY = (Trigger.AGREEMENT, Trigger.SECRET)


class Heard:
    """A dispatcher with a handler for every number."""

    def __init__(self, role: Role = Role.SERVER, *triggers: Trigger) -> None:
        self.noted: list[bytes] = []
        self.handled: list[bytes] = []
        self.ignored: list[bytes] = []
        self.dispatcher = Dispatcher(role, self.noted.append, self.ignored.append)
        handlers: dict[int, Handler] = dict.fromkeys(range(256), self.handled.append)
        self.dispatcher.register(lambda: handlers)
        for trigger in triggers:
            self.dispatcher.advance(trigger)

    def say(self, number: int) -> None:
        """What the receiver does with a packet."""
        body = bytes((4, number, 0, 0, 0, 0))
        (self.dispatcher.handlers.get(number) or self.dispatcher.look_up(body))(body)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("triggers", [(), TO_SERVICE, TO_OPEN, (*TO_OPEN, *TO_REKEY)])
def test_gate_decides(role: Role, triggers: tuple[Trigger, ...]) -> None:
    allowed, ignored = GATE[role, Heard(role, *triggers).dispatcher.phase]
    for number in range(256):
        heard = Heard(role, *triggers)
        if number in allowed:
            heard.say(number)
            heard.say(number)
            assert [body[1] for body in heard.handled] == [number, number]
            assert heard.noted == ([] if number in UNNOTED else heard.handled)
        elif number in ignored:
            heard.say(number)
            heard.say(number)
            assert [body[1] for body in heard.ignored] == [number, number]
            assert heard.noted == heard.ignored
            assert heard.handled == []
        else:
            with pytest.raises(UnexpectedMessage, match="out of turn"):
                heard.say(number)
            assert heard.handled == heard.noted == []


def test_another_phase_forgets_what_was_allowed() -> None:
    heard = Heard(Role.SERVER, *TO_OPEN)
    heard.say(n.SSH_MSG_CHANNEL_DATA)
    heard.dispatcher.advance(Trigger.AGREEMENT)
    with pytest.raises(UnexpectedMessage):
        heard.say(n.SSH_MSG_CHANNEL_DATA)


def test_a_message_without_a_handler_is_refused() -> None:
    dispatcher = Dispatcher(Role.SERVER, lambda body: None, lambda body: None)
    dispatcher.register(dict)
    dispatcher.advance(Trigger.VERSION)
    with pytest.raises(UnexpectedMessage):
        dispatcher.look_up(bytes((4, n.SSH_MSG_KEXINIT, 0, 0, 0, 0)))


def test_the_layer_registered_last_comes_first() -> None:
    heard = Heard(Role.SERVER, *TO_OPEN)
    heard.say(n.SSH2_MSG_PING)
    mine: list[bytes] = []
    heard.dispatcher.register(lambda: {n.SSH2_MSG_PING: mine.append})
    heard.say(n.SSH2_MSG_PING)
    assert (len(heard.handled), len(mine)) == (1, 1)


def test_data_is_looked_up_once_and_never_noted() -> None:
    heard = Heard(Role.SERVER, *TO_OPEN)
    assert heard.dispatcher.handlers == {}
    for number in (n.SSH_MSG_CHANNEL_DATA, n.SSH_MSG_CHANNEL_REQUEST, n.SSH_MSG_CHANNEL_DATA):
        heard.say(number)
    assert list(heard.dispatcher.handlers) == [n.SSH_MSG_CHANNEL_DATA]
    assert [body[1] for body in heard.noted] == [n.SSH_MSG_CHANNEL_REQUEST]


@pytest.mark.parametrize(
    ("before", "interrupted"), [(TO_SERVICE, Phase.SERVICE), (TO_AUTH, Phase.AUTH), (TO_OPEN, Phase.OPEN)]
)
def test_a_rekey_comes_back_to_where_it_began(before: tuple[Trigger, ...], interrupted: Phase) -> None:
    dispatcher = Heard(Role.CLIENT, *before, *TO_REKEY).dispatcher
    assert dispatcher.phase is Phase.REKEY_NEWKEYS
    dispatcher.advance(Trigger.NEWKEYS)
    assert dispatcher.phase is interrupted


@pytest.mark.parametrize("begun", range(3))
def test_a_login_during_a_rekey(begun: int) -> None:
    """Whenever the server makes up its mind, the session goes on after it."""
    dispatcher = Heard(Role.SERVER, *TO_AUTH, Trigger.WRONG_GUESS, *TO_REKEY[:begun]).dispatcher
    phase = dispatcher.phase
    dispatcher.advance(Trigger.LOGIN)
    assert dispatcher.phase is phase
    for trigger in (*TO_REKEY[begun:], Trigger.NEWKEYS):
        dispatcher.advance(trigger)
    assert dispatcher.phase is Phase.OPEN
    with pytest.raises(RuntimeError):
        dispatcher.advance(Trigger.LOGIN)


def test_a_second_rekey_has_forgotten_the_first() -> None:
    dispatcher = Heard(Role.SERVER, *TO_AUTH, *TO_REKEY, Trigger.LOGIN, Trigger.NEWKEYS, *TO_REKEY).dispatcher
    dispatcher.advance(Trigger.NEWKEYS)
    assert dispatcher.phase is Phase.OPEN
