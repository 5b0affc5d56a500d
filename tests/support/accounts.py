"""A throw-away account for servers that ask the system who may log in.

The account has the uid of whoever runs the tests, and a password, home and login shell of its own.  Nothing of the
system is changed: nss_wrapper, preloaded into the server, answers its look-ups from files (password hashes included).
"""

from __future__ import annotations

import os
import pwd
import secrets
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from tests.support.peers import require_library

# Ten times faster than the default cost; nothing is protected with it.
BCRYPT_COST = 4


@dataclass(frozen=True)
class Account:
    """``env`` makes a program that is started with it see the account."""

    name: str
    password: str
    home: Path
    env: dict[str, str]

    @property
    def authorized_keys(self) -> Path:
        """The account's ~/.ssh/authorized_keys."""
        return self.home / ".ssh" / "authorized_keys"


def make_account(folder: Path, name: str | None = None, home: Path | None = None) -> Account:
    """An account below ``folder``; ``name`` is by default that of the user who runs the tests."""
    library = require_library("libnss_wrapper.so", "libnss-wrapper")
    real = pwd.getpwuid(os.getuid())
    name = name or real.pw_name
    password = secrets.token_urlsafe(12)
    home = home or folder / "home"
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    shell = next(path for path in ("/bin/bash", "/bin/sh") if os.access(path, os.X_OK))

    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_COST)).decode()
    others = [line for line in Path("/etc/passwd").read_text().splitlines() if line.split(":")[0] != name]
    passwd = [f"{name}:x:{real.pw_uid}:{real.pw_gid}::{home}:{shell}", *others]
    tables = {
        "NSS_WRAPPER_PASSWD": "\n".join(passwd) + "\n",
        "NSS_WRAPPER_SHADOW": f"{name}:{hashed}:20000:0:99999:7:::\n",
        "NSS_WRAPPER_GROUP": Path("/etc/group").read_text(),
    }
    env = {"LD_PRELOAD": library}
    for variable, text in tables.items():
        path = folder / variable.lower()
        path.write_text(text)
        path.chmod(0o600 if "SHADOW" in variable else 0o644)
        env[variable] = str(path)
    return Account(name, password, home, env)
