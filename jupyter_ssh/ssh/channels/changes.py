"""Changes of connections, processes, terminals and other long-lived things, told to listeners.

    opened -> state and counters, any number of times -> ended

`Changes` form a tree: a listener to a connection is also told about its processes.  This adds no work to receiving
data: counters are read by a timer, which runs only while there are listeners.

All of it must be used on the event loop of the thing.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from jupyter_ssh.ssh.errors import SSHError

log = logging.getLogger("jupyter_ssh.ssh")

PERIOD: Final = 0.25
"""Minimum seconds between two `Counted` of one thing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that changed."""

    kind: str
    """ "connection", "process", "terminal"."""
    number: int
    """Unique within this Python process."""
    name: str
    """For people: a host, a command."""
    parent: int | None = None
    """The number of its owner: a process belongs to a connection."""


@dataclass(frozen=True, slots=True)
class Opened:
    """It was opened."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Its state changed; ``state`` is a word, ``text`` a sentence for people."""

    subject: Subject
    state: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Counters:
    """Bytes received and sent (for a connection, of whole packets), and the number of its open channels."""

    received: int = 0
    sent: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """Its counters, at most every `PERIOD` seconds, and once more before it ends."""

    subject: Subject
    counters: Counters


@dataclass(frozen=True, slots=True)
class Ended:
    """It ended: ``text`` says why, ``error`` is set if something went wrong.  No further changes follow."""

    subject: Subject
    text: str
    error: SSHError | None = None


Change: TypeAlias = Opened | StateChanged | Counted | Ended
Listener: TypeAlias = Callable[[Change], None]


class Subscription:
    """The registration of a listener."""

    __slots__ = ("_changes", "_listener")

    def __init__(self, changes: Changes, listener: Listener) -> None:
        self._changes = changes
        self._listener: Listener | None = listener

    def remove(self) -> None:
        """Stop telling the listener, effective immediately; idempotent."""
        if self._listener is not None:
            self._listener = None
            self._changes.forget(self)

    def tell(self, change: Change) -> None:
        """Tell the listener.  Exceptions are logged and do not affect others."""
        if self._listener is None:
            return  # removed by another listener to the same change
        try:
            self._listener(change)
        except Exception:
            log.exception("a listener to the changes of %s %r failed", change.subject.kind, change.subject.name)


_numbers = itertools.count(1)


class Changes:
    """The changes of one thing, and of those that belong to it.

    ``count`` reads its counters, if it has any.  Its owner calls `opened`, `state_changed` and `ended`; nothing is told
    before the first and after the last.  One that is never opened can collect others: see `adopt`.
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
        """The open ones, in the order of opening."""
        self._listeners: tuple[Subscription, ...] = ()
        self._count = count
        self._told = Counters()
        self._state: StateChanged | None = None

    # --- for those who listen -----------------------------------------------------------------------------------------

    def listen(self, listener: Listener, *, present: bool = False) -> Subscription:
        """Call ``listener`` with each `Change` of this and of what belongs to it, until it is removed.

        With ``present`` it is first told what is already open.
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
        """Return this one and those that belong to it, if open, each before what belongs to it."""
        found = [self] if self.is_open else []
        for child in self._children:
            found += child.all_open()
        return found

    def present(self) -> list[Change]:
        """Return the changes to tell a listener that was added after the opening."""
        changes: list[Change] = [Opened(self.subject)]
        if self._state is not None:
            changes.append(self._state)
        if self._count is not None:
            changes.append(Counted(self.subject, self._count()))
        return changes

    # --- for the owner ------------------------------------------------------------------------------------------------

    def opened(self, name: str | None = None) -> None:
        """Tell that it was opened, and the ``name`` it is known by if that was not known before."""
        if self.is_open or self._over:
            return
        self.is_open = True
        if name is not None:
            self.subject = replace(self.subject, name=name)
        for parent in self._parents:
            parent.take(self)
        self._tell(Opened(self.subject))
        self.wake_meter()

    def state_changed(self, state: str, text: str = "") -> None:
        """Tell the new state, unless it is the same as before."""
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
        """Tell that it ended, with all that belongs to it; idempotent.  Afterwards it cannot be opened."""
        if not self.is_open:
            self._over = True
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
        """Also tell here what ``child`` tells, beginning with what is already open."""
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
        """Tell here that ``child`` has ended, although it may continue elsewhere, and no more about it."""
        if self not in child._parents:
            return
        child._parents = tuple(parent for parent in child._parents if parent is not self)
        for changes in reversed(child.all_open()):
            self._tell(Ended(changes.subject, text))
        self.leave(child)

    def take(self, child: Changes) -> None:
        """Add ``child``, which is now open."""
        self._children[child] = None

    def leave(self, child: Changes) -> None:
        """Remove ``child``, which is no longer open."""
        self._children.pop(child, None)

    def wake_meter(self) -> None:
        """Start counting, if there are listeners."""
        if self._listeners:
            _meter().add(self)
        for parent in self._parents:
            parent.wake_meter()


class _Meter:
    """Reads counters while there is something to count and a listener.  There is one per event loop."""

    def __init__(self) -> None:
        self._listened: set[Changes] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, changes: Changes) -> None:
        """Start reading the counters of ``changes``, which has listeners."""
        self._listened.add(changes)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._read)

    def remove(self, changes: Changes) -> None:
        """Stop reading the counters of ``changes``, which has no listeners."""
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
        for other in [other for other in _meters if other.is_closed()]:  # its timer would keep it alive
            del _meters[other]
        _meters[loop] = _Meter()
    return _meters[loop]
