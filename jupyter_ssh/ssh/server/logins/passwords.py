"""Passwords kept as argon2id hashes, and checked in the same time for a user who does not exist."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nacl import exceptions, pwhash


@dataclass(frozen=True, slots=True)
class NewPasswordNeeded:
    """Said of a right password that has to be changed, or of a new one that will not do (RFC 4252 §8)."""

    prompt: str = "Your password has expired."
    """Shown to the person."""


MAX_PASSWORD = 1024
"""Bytes; hashing takes time in proportion, so a stranger does not choose the length."""


def hash_password(password: str) -> str:
    """Return a salted argon2id hash in the usual text form (``$argon2id$…``)."""
    return pwhash.argon2id.str(
        password.encode("utf-8"),
        opslimit=pwhash.argon2id.OPSLIMIT_INTERACTIVE,
        memlimit=pwhash.argon2id.MEMLIMIT_INTERACTIVE,
    ).decode("ascii")


def verify_password(stored: str, password: str) -> bool:
    """Return whether ``password`` is the one behind ``stored`` (argon2i, argon2id or libsodium's scrypt text form).

    A malformed hash lets nobody in.  Takes tens of milliseconds on purpose: call it off the event loop.
    """
    secret = password.encode("utf-8", "surrogateescape")
    if len(secret) > MAX_PASSWORD:
        return False
    try:
        return bool(pwhash.verify(stored.encode("ascii"), secret))
    except (exceptions.CryptoError, exceptions.ValueError, UnicodeError, ValueError):
        return False


class PasswordTable:
    """User name to password hash; fits `listen`'s ``passwords``: called with a name and a password, says yes or no.

    An unknown name costs the same hash as a known one: otherwise the time of an answer would name the users.
    """

    def __init__(self, hashes: Mapping[str, str], *, expired: Collection[str] = ()) -> None:
        self._hashes = dict(hashes)
        self._expired = set(expired)
        """Users whose next login has to change the password, see `change`."""
        # With the costs of hash_password, and of a password nobody knows.
        self._nobody = hash_password(secrets.token_hex(16))

    @classmethod
    def from_passwords(cls, passwords: Mapping[str, str], *, expired: Collection[str] = ()) -> PasswordTable:
        """Return a table made of passwords in the clear, which are not kept; those of ``expired`` users have to be
        changed."""
        return cls({user: hash_password(password) for user, password in passwords.items()}, expired=expired)

    def __call__(self, user: str, password: str) -> bool | NewPasswordNeeded:
        if not self._matches(user, password):
            return False
        return NewPasswordNeeded() if user in self._expired else True

    def _matches(self, user: str, password: str) -> bool:
        stored = self._hashes.get(user)
        matched = verify_password(stored or self._nobody, password)
        return matched and stored is not None

    def change(self, user: str, old: str, new: str) -> bool | NewPasswordNeeded:
        """Put a new password in the place of ``old``; fits `listen`'s ``change_password``."""
        if not self._matches(user, old):
            return False
        if not new or new == old or len(new.encode("utf-8", "surrogateescape")) > MAX_PASSWORD:
            return NewPasswordNeeded(f"The new password must be another one, of at most {MAX_PASSWORD} bytes.")
        self._hashes[user] = hash_password(new)
        self._expired.discard(user)
        return True

    def __repr__(self) -> str:
        return f"<PasswordTable of {len(self._hashes)} users>"
