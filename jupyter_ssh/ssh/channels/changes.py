"""What connections, processes, terminals and whatever else lives a while tell of themselves, to those who listen.

    opened -> state and counters, any number of times -> ended

`Changes` stand in a tree: who listens to a connection hears of its processes too.  Nothing is counted for it where data
is received: counters are read by a timer, which runs only while somebody listens.

All of it belongs to the event loop in which the thing lives.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from jupyter_ssh.ssh.errors import SSHError

log = logging.getLogger("jupyter_ssh.ssh")

PERIOD: Final = 0.25
"""Seconds between two counters of one thing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change is about."""

    kind: str
    """ "connection", "process", "terminal"."""
    number: int
    """No other thing of this Python process has it."""
    name: str
    """For people: a host, a command."""
    parent: int | None = None
    """The number of what it belongs to: a process to a connection."""


@dataclass(frozen=True, slots=True)
class Opened:
    """It is there."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Something about it is different; ``state`` is a word, ``text`` a sentence for people."""

    subject: Subject
    state: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Counters:
    """Bytes received and sent; for a connection packets with all that is around them, and the channels open on it."""

    received: int = 0
    sent: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """How much went over it until now: at most every `PERIOD` seconds, and once more before it has ended."""

    subject: Subject
    counters: Counters


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over, and why: ``text`` for people, ``error`` where something went wrong.  Nothing of it follows."""

    subject: Subject
    text: str
    error: SSHError | None = None


Change: TypeAlias = Opened | StateChanged | Counted | Ended
Listener: TypeAlias = Callable[[Change], None]


class Subscription:
    """A listener's place among those who are told."""

    __slots__ = ("_changes", "_listener")

    def __init__(self, changes: Changes, listener: Listener) -> None:
        self._changes = changes
        self._listener: Listener | None = listener

    def remove(self) -> None:
        """Tell the listener nothing more, from this moment on; idempotent."""
        if self._listener is not None:
            self._listener = None
            self._changes.forget(self)

    def tell(self, change: Change) -> None:
        """Tell the listener.  What it raises is logged and hurts nobody else."""
        if self._listener is None:
            return  # removed by another one that heard of the same change
        try:
            self._listener(change)
        except Exception:
            log.exception("a listener to the changes of %s %r failed", change.subject.kind, change.subject.name)


_numbers = itertools.count(1)


class Changes:
    """The changes of one thing, and of what belongs to it.

    ``count`` reads its counters; without it there are none.  Whoever owns the thing says `opened`, `state_changed` and
    `ended`; before the first and after the last nothing is told.  One that is never opened gathers others: see `adopt`.
    """

    __slots__ = (
        "_children",
        "_count",
        "_listeners",
        "_over",
        "_parents",
        "_state",
        "_told",
        "is_open",
        "subject",
    )
    subject: Subject

    def __init__(
        self, kind: str, name: str, *, parent: Changes | None = None, count: Callable[[], Counters] | None = None
    ) -> None:
        self.subject = Subject(kind, next(_numbers), name, None if parent is None else parent.subject.number)
        self.is_open = False
        self._over = False
        self._parents: tuple[Changes, ...] = () if parent is None else (parent,)
        self._children: dict[Changes, None] = {}
        """Those that are open, in the order of opening."""
        self._listeners: tuple[Subscription, ...] = ()
        self._count = count
        self._told = Counters()
        self._state: StateChanged | None = None

    # --- for those who listen -----------------------------------------------------------------------------------------

    def listen(self, listener: Listener, *, present: bool = False) -> Subscription:
        """Have ``listener`` called with each `Change` of this and of what belongs to it, until it is removed.

        With ``present`` it is first told what is open already.
        """
        subscription = Subscription(self, listener)
        self._listeners = (*self._listeners, subscription)
        if present:
            for changes in self.all_open():
                for change in changes.present():
                    subscription.tell(change)
        _meter().add(self)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """See `Subscription.remove`."""
        self._listeners = tuple(other for other in self._listeners if other is not subscription)
        if not self._listeners:
            _meter().remove(self)

    def all_open(self) -> list[Changes]:
        """Return this one and all that belong to it, as far as they are open, each before what belongs to it."""
        found = [self] if self.is_open else []
        for child in self._children:
            found += child.all_open()
        return found

    def present(self) -> list[Change]:
        """Return what is to be told of this one to somebody who comes late."""
        changes: list[Change] = [Opened(self.subject)]
        if self._state is not None:
            changes.append(self._state)
        if self._count is not None:
            changes.append(Counted(self.subject, self._count()))
        return changes

    # --- for the owner ------------------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Say that it is there."""
        if self.is_open or self._over:
            return
        self.is_open = True
        for parent in self._parents:
            parent.take(self)
        self._tell(Opened(self.subject))
        self.wake_meter()

    def state_changed(self, state: str, text: str = "") -> None:
        """Say what is different; nothing is told where nothing is."""
        change = StateChanged(self.subject, state, text)
        if self.is_open and change != self._state:
            self._state = change
            self._tell(change)

    def counted(self) -> None:
        """Tell the counters if they have changed."""
        if self.is_open and self._count is not None and (counters := self._count()) != self._told:
            self._told = counters
            self._tell(Counted(self.subject, counters))

    def ended(self, text: str, error: SSHError | None = None) -> None:
        """Say that it is over, with all that belongs to it; idempotent."""
        if not self.is_open:
            return
        for child in reversed(list(self._children)):
            child.ended(text, error)
        if self._count is not None:
            self._tell(Counted(self.subject, self._count()))
        self.is_open, self._over = False, True
        self._tell(Ended(self.subject, text, error))
        for parent in self._parents:
            parent.leave(self)

    def _tell(self, change: Change) -> None:
        for subscription in self._listeners:
            subscription.tell(change)
        for parent in self._parents:
            parent._tell(change)

    # --- the tree -----------------------------------------------------------------------------------------------------

    def adopt(self, child: Changes) -> None:
        """Tell here what ``child`` tells too, beginning with what is open already."""
        if self in child._parents:
            return
        child._parents = (*child._parents, self)
        if child.is_open:
            self.take(child)
            for changes in child.all_open():
                for change in changes.present():
                    self._tell(change)
            child.wake_meter()

    def release(self, child: Changes, text: str) -> None:
        """Tell here that ``child`` has ended, though it may go on elsewhere, and nothing of it any more."""
        if self not in child._parents:
            return
        child._parents = tuple(parent for parent in child._parents if parent is not self)
        for changes in reversed(child.all_open()):
            self._tell(Ended(changes.subject, text))
        self.leave(child)

    def take(self, child: Changes) -> None:
        """``child`` is open from now on."""
        self._children[child] = None

    def leave(self, child: Changes) -> None:
        """``child`` is open no more."""
        self._children.pop(child, None)

    def wake_meter(self) -> None:
        """There is something to count, if anybody listens."""
        if self._listeners:
            _meter().add(self)
        for parent in self._parents:
            parent.wake_meter()


class _Meter:
    """Reads counters while there is something to count and somebody who listens.  One for each event loop."""

    def __init__(self) -> None:
        self._listened: set[Changes] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, changes: Changes) -> None:
        """Somebody listens to ``changes``."""
        self._listened.add(changes)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._read)

    def remove(self, changes: Changes) -> None:
        """Nobody listens to ``changes`` any more."""
        self._listened.discard(changes)
        if not self._listened and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read(self) -> None:
        self._timer = None
        found = dict.fromkeys(each for changes in self._listened for each in changes.all_open())
        if found and self._listened:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._read)
        for each in found:
            each.counted()


_meters: WeakKeyDictionary[asyncio.AbstractEventLoop, _Meter] = WeakKeyDictionary()


def _meter() -> _Meter:
    loop = asyncio.get_running_loop()
    if loop not in _meters:
        for other in [other for other in _meters if other.is_closed()]:  # its timer would keep it
            del _meters[other]
        _meters[loop] = _Meter()
    return _meters[loop]
