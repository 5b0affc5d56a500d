"""Destination constraints: through which hosts, to which hosts and as which user a key may be used (PROTOCOL.agent).

The agent knows the route of a request from `session-bind@openssh.com`: each host on the route has signed the identifier
of its own session with its host key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_ssh.ssh.errors import SSHError, WireError
from jupyter_ssh.ssh.keys import Certificate, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import parse_key_or_certificate
from jupyter_ssh.ssh.keys.certificates.check import check_host_certificate
from jupyter_ssh.ssh.keys.patterns import matches_pattern
from jupyter_ssh.ssh.wire.types import Reader, boolean, string

MAX_DESTINATIONS = 1024
"""The most destination constraints of a key; OpenSSH's limit."""
MAX_HOP_KEYS = 1024
MAX_NAME = 1024
REQUIRED_RSA_SIZE = 1024
"""Minimum bits of RSA keys here; whether a host key is acceptable is decided elsewhere."""


@dataclass(frozen=True, slots=True)
class HopKey:
    """A host key of a hop or, with ``authority``, a key that certifies host keys."""

    key: PublicKey
    authority: bool = False


@dataclass(frozen=True, slots=True)
class Hop:
    """A host on a route; without a name and keys it is the machine of the agent."""

    host: str = ""
    user: str = ""
    keys: tuple[HopKey, ...] = ()

    def is_shown_by(self, key: PublicKey, now: float) -> bool:
        """Return whether ``key``, a host key or a host certificate, belongs to this host."""
        return any(_matches(candidate, key, self.host, now) for candidate in self.keys)

    def encode(self) -> bytes:
        """Return the hop as in PROTOCOL.agent: user, host, reserved, keys."""
        keys = b"".join(string(item.key.blob) + boolean(item.authority) for item in self.keys)
        return string(self.user) + string(self.host) + string(b"") + keys

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" if self.user else self.host or "(origin)"


@dataclass(frozen=True, slots=True)
class Destination:
    """Permission to use a key from ``origin`` to ``target``; an origin without a name is the agent's own machine."""

    origin: Hop
    target: Hop

    def encode(self) -> bytes:
        """Return the constraint as in PROTOCOL.agent: from, to, reserved."""
        return string(self.origin.encode()) + string(self.target.encode()) + string(b"")

    def __str__(self) -> str:
        return f"{self.origin}>{self.target}" if self.origin.host else str(self.target)


@dataclass(frozen=True, slots=True)
class Binding:
    """A session-bind: a session with the host that has ``key``, to which the agent is ``forwarded`` or not."""

    key: PublicKey
    session_id: bytes
    forwarded: bool


def permitted(destinations: Sequence[Destination], bindings: Sequence[Binding], user: str | None, now: float) -> bool:
    """Return whether a key with ``destinations`` may be used on a connection with ``bindings``, for a login as
    ``user``.

    ``user`` is None where the key is only listed or removed.
    """
    if not destinations or not bindings:
        return True
    before: PublicKey | None = None
    for number, binding in enumerate(bindings):
        last = number == len(bindings) - 1
        # Only the last session may be that of the login, and the agent is not forwarded to it.
        if binding.forwarded if last and user is not None else not (last or binding.forwarded):
            return False
        if not _allowed(destinations, before, binding.key, user if last else None, now):
            return False
        before = binding.key
    # A key for logging in to a host is not listed on that host, unless it may be used from there too.
    onward = bindings[-1].forwarded and user is None
    return not onward or _allowed(destinations, bindings[-1].key, None, None, now)


def _allowed(
    destinations: Sequence[Destination],
    origin: PublicKey | None,
    target: PublicKey | None,
    user: str | None,
    now: float,
) -> bool:
    """Return whether a constraint allows the step from ``origin`` (None: the agent) to ``target`` (None: anywhere)."""
    for destination in destinations:
        hop = destination.origin
        if bool(hop.host) if origin is None else not hop.is_shown_by(origin, now):
            continue
        if target is not None and not destination.target.is_shown_by(target, now):
            continue
        if user is None or not destination.target.user or matches_pattern(user, destination.target.user):
            return True
    return False


def _matches(candidate: HopKey, key: PublicKey, host: str, now: float) -> bool:
    if not candidate.authority:
        return candidate.key == key
    if not isinstance(key, Certificate):
        return False
    try:
        check_host_certificate(key, host.lower(), authorities=(candidate.key,), now=now)
    except SSHError:
        return False
    return True


def decode_destinations(data: bytes) -> tuple[Destination, ...]:
    """Decode the constraints from the extension's string.  Raises `WireError`, `KeyFormatError`."""
    packed = Reader(data)
    found: list[Destination] = []
    while packed.remaining:
        if len(found) >= MAX_DESTINATIONS:
            raise WireError("too many destination constraints", expected=f"at most {MAX_DESTINATIONS}")
        fields = Reader(packed.string())
        origin, target = _decode_hop(fields.string()), _decode_hop(fields.string())
        fields.string()
        fields.finish()
        # Only the first hop starts at the agent's machine, and each has a target (as OpenSSH's agent requires).
        if bool(origin.host) != bool(origin.keys) or not target.host or not target.keys:
            raise WireError("a destination constraint lacks a host name or its keys")
        if origin.user:
            raise WireError("a destination constraint names a user at its origin")
        found.append(Destination(origin, target))
    return tuple(found)


def encode_destinations(destinations: Sequence[Destination]) -> bytes:
    """Return the extension's string, without its length."""
    return b"".join(string(destination.encode()) for destination in destinations)


def _decode_hop(data: bytes) -> Hop:
    fields = Reader(data)
    user, host = fields.text(MAX_NAME), fields.text(MAX_NAME)
    fields.string()
    keys: list[HopKey] = []
    while fields.remaining:
        if len(keys) >= MAX_HOP_KEYS:
            raise WireError("too many keys in a destination constraint", expected=f"at most {MAX_HOP_KEYS}")
        blob = fields.string()
        keys.append(HopKey(parse_key_or_certificate(blob, REQUIRED_RSA_SIZE), fields.boolean()))
    return Hop(host, user, tuple(keys))
