"""Kinds of failures: what an error and what is known around it say about how a connection failed.

Each function below makes a test for one kind; `client.advice` has what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of one connection and what is known around it; ``phase`` is None before there was a session, and
    ``options`` where they are what is wrong."""

    error: SSHError
    options: Options | None
    phase: Phase | None = None

    def values(self) -> dict[str, object]:
        """What an advice may name."""
        error, options = self.error, self.options
        own = (error.next_step or "").rstrip(".") or "Look at what the error says"
        if options is None:
            return {"own": own}
        host = options.host or options.host_name
        return {
            "host": host,
            "host_name": options.host_name or host,
            "port": options.port,
            "user": options.user,
            "login": f"{options.user}@{host}",
            "own": own,
            "option": getattr(error, "option", "") or "...",
            "keyword": (getattr(error, "option", "") or "...").replace("=", " ", 1),
            "methods": ", ".join(getattr(error, "methods", ())) or "nothing",
            "via": error.via or "the proxy",
            "failures": getattr(error, "too_many", 0),
            "limit": int(options.connect_timeout or 30) * 4,
        }


Fits = Callable[[Failure], bool]


def of_kind(*kinds: type[SSHError]) -> Fits:
    """An error of one of these classes."""
    return lambda failure: isinstance(failure.error, kinds)


def system_error(*numbers: int) -> Fits:
    """A connection that the system refused with one of these numbers of `errno`."""
    return lambda failure: isinstance(failure.error, ConnectError) and failure.error.errno in numbers


def deadline_in(phase: str) -> Fits:
    """A deadline in a phase whose name begins so."""
    return lambda failure: isinstance(failure.error, DeadlineExceeded) and (failure.error.phase or "").startswith(phase)


def heard(*words: str) -> Fits:
    """No SSH server's first line, but one that gives away what it is."""

    def fits(failure: Failure) -> bool:
        received = failure.error.received or ""
        return isinstance(failure.error, VersionError) and any(word in received for word in words)

    return fits


def proxy_said(*reasons: str, jump: bool = False) -> Fits:
    """A proxy or, with ``jump``, a jump host that gave no connection for one of these reasons (`ProxyError`)."""

    def fits(failure: Failure) -> bool:
        error = failure.error
        is_jump = error.message.startswith("jump host ")
        return isinstance(error, ProxyError) and error.reason in reasons and is_jump is jump

    return fits


def closed_in(phases: frozenset[Phase]) -> Fits:
    """The other side ended the connection in one of these phases."""

    def fits(failure: Failure) -> bool:
        return isinstance(failure.error, (ConnectionLost, DisconnectedByPeer)) and failure.phase in phases

    return fits


def stream_refused(reason: int) -> Fits:
    """The server opens no stream to another place, for this reason (RFC 4254 §5.1)."""

    def fits(failure: Failure) -> bool:
        error = failure.error
        return isinstance(error, ChannelOpenError) and error.kind == "direct-tcpip" and error.reason == reason

    return fits


def nothing_common(kind: str) -> Fits:
    """Both sides have nothing of this kind in common, and we know something that the peer has."""
    return lambda failure: (
        isinstance(failure.error, NegotiationError) and failure.error.kind == kind and bool(failure.error.option)
    )


def login(test: Callable[[AuthenticationError], bool]) -> Fits:
    """Nobody was let in, and ``test`` holds."""
    return lambda failure: isinstance(failure.error, AuthenticationError) and test(failure.error)


def outcome(*words: str, method: str = "") -> Callable[[AuthenticationError], bool]:
    """Whether one of the attempts ended so."""
    return lambda error: any(
        (not method or name == method) and any(word in outcome for word in words) for name, _, outcome in error.attempts
    )


def nobody_asked(error: AuthenticationError) -> bool:
    """A question could not be asked; with BatchMode it is a refused key that matters, if there was one."""
    if outcome("must be asked for", "nobody can answer")(error):
        return True
    return outcome("nobody may be asked")(error) and not outcome("refused", method="publickey")(error)


def too_many(error: AuthenticationError) -> bool:
    """The server had enough of refusals."""
    return error.too_many > 0


def nothing_left(error: AuthenticationError) -> bool:
    """Nothing that the server takes was or may be tried."""
    return not any(name in error.methods and outcome == "refused" for name, _, outcome in error.attempts)
