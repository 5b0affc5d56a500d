"""Passwords of embedded servers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from jupyter_ssh.ssh.server import PasswordTable
from jupyter_ssh.ssh.server.logins.passwords import NewPasswordNeeded


def hashed_at_first_use(user: str, password: str) -> Callable[[str, str], bool | NewPasswordNeeded]:
    """A table with one password; hashing takes a tenth of a second, and most tests log in with keys."""
    table = cache(lambda: PasswordTable.from_passwords({user: password}))
    return lambda name, given: table()(name, given)
