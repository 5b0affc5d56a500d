"""Kinds of failure: predicates on an error and its circumstances, and the rows of the table of advice.

Each function below returns a predicate for one kind; `advice` says what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from jupyter_ssh.ssh.client.report.surfaces import surface
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import (
    AuthenticationError,
    ChannelOpenError,
    ConnectError,
    ConnectionLost,
    DeadlineExceeded,
    DisconnectedByPeer,
    NegotiationError,
    ProxyError,
    SSHError,
    VersionError,
)
from jupyter_ssh.ssh.protocol.roles import Phase

# Only a key makes a login without a question possible.
UNASKED: Final = (
    "To log in without being asked, add a key that the server knows to an agent (`{add}`), or use one without a "
    "passphrase; otherwise "
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of one connection with its circumstances.

    ``phase`` is None if the connection failed before there was a session, ``options`` if they themselves are invalid.
    """

    error: SSHError
    options: Options | None
    phase: Phase | None = None

    def values(self) -> dict[str, object]:
        """Return the fields that an advice may name."""
        error, options = self.error, self.options
        own = (error.next_step or "").rstrip(".")
        if options is None:
            return {"own": own}
        host = options.host or options.host_name
        words = surface()
        methods = getattr(error, "methods", ())
        return {
            "host": host,
            "host_name": options.host_name or host,
            "port": options.port,
            "user": options.user,
            "login": f"{options.user}@{host}",
            "own": own,
            "option": getattr(error, "option", "") or "...",
            "keyword": (getattr(error, "option", "") or "...").replace("=", " ", 1),
            "methods": ", ".join(methods) or "nothing",
            "unasked": UNASKED.format(add=words.add) if "publickey" in methods else "To log in, ",
            "asked": "connect without BatchMode" if options.batch_mode else "connect where questions can be answered",
            "via": error.via or "the proxy",
            "failures": getattr(error, "too_many", 0),
            "limit": int(options.connect_timeout or 30) * 4,
            "add": words.add,
            "keygen": words.keygen,
            "fresh": words.fresh.replace("HOST", host),
            "reconnect": words.reconnect.replace("HOST", host),
        }


Fits = Callable[[Failure], bool]
_OWN: Final = "{own}."


@dataclass(frozen=True, slots=True)
class Advice:
    """One way a connection can fail.

    ``title`` and ``shows`` are for the document: its heading, and how the error message begins.  ``text`` is the advice
    itself, with the fields of `Failure.values` in braces.  It is true wherever the error is shown, in a cell, on a
    shell or by a program, and wherever an option came from: a file, a command line or an argument.
    """

    name: str
    chapter: str
    title: str
    shows: str
    fits: Fits = field(repr=False)
    text: str

    def said(self, values: Mapping[str, object]) -> str | None:
        """Return the text with ``values``; without what the lower layers say (``own``) if they say nothing."""
        text = self.text if values["own"] else self.text.removeprefix(_OWN).lstrip(" ")
        return text.format_map(values) or None


def of_kind(*kinds: type[SSHError]) -> Fits:
    """Match an error of one of these classes."""
    return lambda failure: isinstance(failure.error, kinds)


def system_error(*numbers: int) -> Fits:
    """Match a failure that the system reported with one of these numbers of `errno`."""
    return lambda failure: isinstance(failure.error, ConnectError) and failure.error.errno in numbers


def from_an_address(test: Fits) -> Fits:
    """Match what ``test`` matches, if the address to connect from was chosen."""

    def fits(failure: Failure) -> bool:
        options = failure.options
        return options is not None and bool(options.bind_address or options.bind_interface) and test(failure)

    return fits


def deadline_in(phase: str) -> Fits:
    """Match a deadline in a phase whose name begins with ``phase``."""
    return lambda failure: isinstance(failure.error, DeadlineExceeded) and (failure.error.phase or "").startswith(phase)


def heard(*words: str) -> Fits:
    """Match a server that is not an SSH server and whose first line gives away what it is."""

    def fits(failure: Failure) -> bool:
        received = failure.error.received or ""
        return isinstance(failure.error, VersionError) and any(word in received for word in words)

    return fits


def proxy_said(*reasons: str, jump: bool = False) -> Fits:
    """Match a proxy (with ``jump``: a jump host) that failed for one of these reasons (`ProxyError`)."""

    def fits(failure: Failure) -> bool:
        error = failure.error
        is_jump = error.message.startswith("jump host ")
        return isinstance(error, ProxyError) and error.reason in reasons and is_jump is jump

    return fits


def closed_in(phases: frozenset[Phase]) -> Fits:
    """Match a connection that the peer ended in one of these phases."""

    def fits(failure: Failure) -> bool:
        return isinstance(failure.error, (ConnectionLost, DisconnectedByPeer)) and failure.phase in phases

    return fits


def stream_refused(reason: int) -> Fits:
    """Match a direct-tcpip channel that the server refused for this reason (RFC 4254 §5.1)."""

    def fits(failure: Failure) -> bool:
        error = failure.error
        return isinstance(error, ChannelOpenError) and error.kind == "direct-tcpip" and error.reason == reason

    return fits


def nothing_common(kind: str) -> Fits:
    """Match a negotiation without a common algorithm of this kind, where we support one of the peer's."""
    return lambda failure: (
        isinstance(failure.error, NegotiationError) and failure.error.kind == kind and bool(failure.error.option)
    )


def login(test: Callable[[AuthenticationError], bool]) -> Fits:
    """Match a failed login for which ``test`` holds."""
    return lambda failure: isinstance(failure.error, AuthenticationError) and test(failure.error)


def outcome(*words: str, method: str = "") -> Callable[[AuthenticationError], bool]:
    """Return a test for whether the outcome of an attempt (with ``method``) contains one of ``words``."""
    return lambda error: any(
        (not method or name == method) and any(word in outcome for word in words) for name, _, outcome in error.attempts
    )


def nobody_asked(error: AuthenticationError) -> bool:
    """Return whether a question could not be asked.

    That BatchMode leaves a method out is said for each server that offers it, so a refused key matters more, and so
    does what is wrong with a key unless BatchMode also keeps one locked.
    """
    if outcome("must be asked for", "nobody can answer")(error):
        return True
    if outcome("refused", method="publickey")(error):
        return False
    locked = outcome("you may not be asked", method="publickey")(error)
    return locked or (outcome("you may not be asked")(error) and not error.next_step)


def too_many(error: AuthenticationError) -> bool:
    """Return whether the server ended the connection after too many failures."""
    return error.too_many > 0


def too_many_with_keys(error: AuthenticationError) -> bool:
    """Return whether keys were among too many failures."""
    ended = ("refused", "the server ended the connection")
    return too_many(error) and any(name == "publickey" and text in ended for name, _, text in error.attempts)


def nothing_left(error: AuthenticationError) -> bool:
    """Return whether nothing that the server accepts could be tried."""
    return not any(name in error.methods and outcome == "refused" for name, _, outcome in error.attempts)
