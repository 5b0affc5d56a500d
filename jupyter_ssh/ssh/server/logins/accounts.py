"""The operating system account that the server runs as, the only one it can offer."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """The account of child processes: login name, home folder and login shell (absolute paths)."""

    name: str
    home: str
    shell: str
    root: bool = False
    """Whether whoever logs in is the superuser, under whatever name."""


def current_account() -> Account:
    """Return the account of this process.

    Containers often run under a user ID without an entry in the password database; then USER, HOME and /bin/sh are
    used.
    """
    if sys.platform == "win32":
        name = os.environ.get("USERNAME", "user")
        return Account(name, str(Path.home()), os.environ.get("COMSPEC", r"C:\Windows\System32\cmd.exe"))
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        name = os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.getuid())
        return Account(name, os.environ.get("HOME", "/"), "/bin/sh", _is_root())
    # An empty shell field means /bin/sh (passwd(5)).
    return Account(entry.pw_name, entry.pw_dir or "/", entry.pw_shell or "/bin/sh", _is_root())


def group_names(account: Account) -> frozenset[str]:
    """Return the names of an account's groups; for one without an entry in the database, those of this process."""
    if sys.platform == "win32":
        return frozenset()
    import grp
    import pwd

    try:
        numbers = os.getgrouplist(account.name, pwd.getpwnam(account.name).pw_gid)
    except (KeyError, OSError):
        numbers = [os.getgid(), *os.getgroups()]
    names = set()
    for number in numbers:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue  # a group without a name cannot be listed
    return frozenset(names)


def _is_root() -> bool:
    return sys.platform != "win32" and 0 in (os.getuid(), os.geteuid())
