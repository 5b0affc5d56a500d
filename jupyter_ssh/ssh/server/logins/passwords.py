"""Passwords, stored as argon2id hashes, and checked in constant time whether or not the user exists."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from nacl import exceptions, pwhash


@dataclass(frozen=True, slots=True)
class NewPasswordNeeded:
    """The verdict on a correct password that has to be changed, or a new one that is rejected (RFC 4252 §8)."""

    prompt: str = "Your password has expired."
    """Shown to the user."""


MAX_PASSWORD = 1024
"""Maximum bytes, because hashing time is proportional and must not be chosen by a stranger."""


def hash_password(password: str) -> str:
    """Return a salted argon2id hash in the usual text form (``$argon2id$…``)."""
    return pwhash.argon2id.str(
        password.encode("utf-8"),
        opslimit=pwhash.argon2id.OPSLIMIT_INTERACTIVE,
        memlimit=pwhash.argon2id.MEMLIMIT_INTERACTIVE,
    ).decode("ascii")


def verify_password(stored: str, password: str) -> bool:
    """Return whether ``password`` matches the hash ``stored`` (argon2i, argon2id or libsodium's scrypt text form).

    A malformed hash matches nothing.  This takes tens of milliseconds by design; call it outside the event loop.
    """
    secret = password.encode("utf-8", "surrogateescape")
    if len(secret) > MAX_PASSWORD:
        return False
    try:
        return bool(pwhash.verify(stored.encode("ascii"), secret))
    except (exceptions.CryptoError, exceptions.ValueError, UnicodeError, ValueError):
        return False


@cache
def _hash_for_nobody() -> str:
    # Of a random password, with the cost of any other hash; made once, before the first login.
    return hash_password(secrets.token_hex(16))


class PasswordTable:
    """Password hashes by user name, for `listen`'s ``passwords``: call it with a name and a password.

    An unknown name takes as long as a known one, because the time would otherwise reveal which users exist.
    """

    def __init__(self, hashes: Mapping[str, str], *, expired: Collection[str] = ()) -> None:
        self._hashes = dict(hashes)
        _hash_for_nobody()
        self._expired = set(expired)
        """Users who have to change their password at the next login; see `change`."""

    @classmethod
    def from_passwords(cls, passwords: Mapping[str, str], *, expired: Collection[str] = ()) -> PasswordTable:
        """Make a table from clear-text passwords, which are not kept; ``expired`` users have to change theirs."""
        return cls({user: hash_password(password) for user, password in passwords.items()}, expired=expired)

    def __call__(self, user: str, password: str) -> bool | NewPasswordNeeded:
        if not self._matches(user, password):
            return False
        return NewPasswordNeeded() if user in self._expired else True

    def _matches(self, user: str, password: str) -> bool:
        stored = self._hashes.get(user)
        matched = verify_password(stored or _hash_for_nobody(), password)
        return matched and stored is not None

    def change(self, user: str, old: str, new: str) -> bool | NewPasswordNeeded:
        """Replace the password ``old``; for `listen`'s ``change_password``."""
        if not self._matches(user, old):
            return False
        if not new or new == old or len(new.encode("utf-8", "surrogateescape")) > MAX_PASSWORD:
            return NewPasswordNeeded(f"The new password must be a different one, of at most {MAX_PASSWORD} bytes.")
        self._hashes[user] = hash_password(new)
        self._expired.discard(user)
        return True

    def __repr__(self) -> str:
        return f"<PasswordTable of {len(self._hashes)} users>"
