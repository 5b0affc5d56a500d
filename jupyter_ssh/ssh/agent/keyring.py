"""The keys held by an agent, their constraints, and its lock.  Requests of clients are handled in `session`."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from jupyter_ssh.ssh.agent.constraints import NO_CONSTRAINTS, Constraints
from jupyter_ssh.ssh.agent.destinations import Destination
from jupyter_ssh.ssh.errors import AgentRefused
from jupyter_ssh.ssh.keys import PrivateKey

MAX_KEYS = 2048
"""The most keys it holds, more than anybody has; OpenSSH's clients do not accept a longer list."""
LOCK_ROUNDS = 50_000
"""Iterations of PBKDF2, which take about 20 ms."""
GUESS_SECONDS = 0.1
MAX_GUESS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Later:
    """The outcome of a request whose answer is that of ``then``, after ``seconds``."""

    seconds: float
    then: Callable[[], Outcome]


@dataclass(frozen=True, slots=True)
class Confirm:
    """The outcome of a request whose answer is that of ``then``, which gets the owner's answer to ``question``."""

    question: str
    then: Callable[[bool], Outcome]


Outcome = bytes | Later | Confirm
"""The outcome of a request: its answer, or what has to happen first."""


@dataclass(slots=True)
class HeldKey:
    """A key in the agent; its repr shows nothing secret, because a private key's does not."""

    key: PrivateKey
    comment: str
    constraints: Constraints = NO_CONSTRAINTS
    expires: float | None = None
    """The time at which it expires, by the keyring's clock."""

    @property
    def blob(self) -> bytes:
        """The blob by which clients identify the key: that of its certificate, if it has one."""
        return self.key.public.blob

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where the key may be used; anywhere if empty."""
        return self.constraints.destinations


@dataclass(slots=True)
class Keyring:
    """All keys of one agent, in the order in which they were added.

    ``clock`` is a monotonic clock in seconds, ``wall_clock`` gives seconds since the epoch (for host certificates).
    """

    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    random: Callable[[int], bytes] = os.urandom
    default_lifetime: int | None = None
    """The default lifetime of keys in seconds."""
    allows_provider: Callable[[str], bool] = field(default=lambda path: False, repr=False)
    """Whether the library at a path may be named for a security key."""
    _keys: dict[bytes, HeldKey] = field(default_factory=dict, repr=False)
    _lock: tuple[bytes, bytes] | None = field(default=None, repr=False)
    _wrong_guesses: int = 0
    _next_guess: float = 0.0

    # --- keys ---------------------------------------------------------------------------------------------------------

    def held(self) -> list[HeldKey]:
        """Return the keys that have not expired; none while locked."""
        self.expire()
        return [] if self.locked else list(self._keys.values())

    def find(self, blob: bytes) -> HeldKey | None:
        """Return the key with this blob, if any."""
        self.expire()
        return None if self.locked else self._keys.get(blob)

    def add(self, key: PrivateKey, comment: str = "", constraints: Constraints = NO_CONSTRAINTS) -> HeldKey:
        """Add a key, or update comment and constraints of one with the same blob.  Raises `AgentRefused`."""
        self.expire()
        if self.locked:
            raise AgentRefused("the agent is locked", phase="agent", next_step="Unlock it with ssh-add -X.")
        if key.needs_agent:
            raise AgentRefused(
                f"a {key.public.key_type} key can sign only in its device, which this agent does not support",
                phase="agent",
                next_step="Add it to OpenSSH's ssh-agent.",
            )
        blob = key.public.blob
        if blob not in self._keys and len(self._keys) >= MAX_KEYS:
            raise AgentRefused(f"the agent already has {MAX_KEYS} keys", phase="agent")
        lifetime = self.default_lifetime if constraints.lifetime is None else constraints.lifetime
        expires = None if not lifetime else self.clock() + lifetime
        held = HeldKey(key, comment or key.comment, constraints, expires)
        self._keys[blob] = held
        return held

    def remove(self, blob: bytes) -> bool:
        """Forget a key; return whether there was one."""
        return not self.locked and self._keys.pop(blob, None) is not None

    def remove_all(self) -> None:
        """Forget all keys."""
        self._keys.clear()

    def expire(self) -> None:
        """Forget the keys whose lifetime is over."""
        now = self.clock()
        for blob in [blob for blob, held in self._keys.items() if held.expires is not None and held.expires <= now]:
            del self._keys[blob]

    @property
    def next_expiry(self) -> float | None:
        """The time at which to call `expire` next, by the clock."""
        return min((held.expires for held in self._keys.values() if held.expires is not None), default=None)

    # --- the lock -----------------------------------------------------------------------------------------------------

    @property
    def locked(self) -> bool:
        """Whether nothing is allowed except unlocking."""
        return self._lock is not None

    def lock(self, passphrase: bytes) -> bool:
        """Lock; return False if it is already locked."""
        if self._lock is not None:
            return False
        salt = self.random(16)
        self._lock = salt, _hashed(passphrase, salt)
        return True

    def seconds_to_next_guess(self) -> float:
        """Return how long to wait before calling `unlock`, which grows with each wrong passphrase."""
        return max(0.0, self._next_guess - self.clock())

    def unlock(self, passphrase: bytes) -> bool:
        """Unlock; return False for a wrong passphrase, or if it is not locked."""
        if self._lock is None or self.seconds_to_next_guess() > 0:
            return False
        salt, expected = self._lock
        if hmac.compare_digest(_hashed(passphrase, salt), expected):
            self._lock = None
            self._wrong_guesses = 0
            return True
        self._wrong_guesses += 1
        self._next_guess = self.clock() + min(MAX_GUESS_SECONDS, GUESS_SECONDS * self._wrong_guesses)
        return False


def _hashed(passphrase: bytes, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase, salt, LOCK_ROUNDS)
