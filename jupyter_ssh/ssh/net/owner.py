"""The owner of this process: the name of the account, and the home folder.

Containers often run under a user id that has no account.  The number is then the name.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from jupyter_ssh.ssh.errors import ConfigError


def login_name() -> str:
    """Return the name that LOGNAME or USER gives, else the account's, else the number of the user id."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return _number()


def account_name() -> str:
    """Return the name of the account, whatever the environment says, or the number of the user id."""
    if sys.platform == "win32":
        return login_name()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return _number()


def home_folder() -> Path:
    """Return the home folder: that of HOME, else the account's.  Raises `ConfigError` if there is neither."""
    try:
        return Path.home()
    except (RuntimeError, KeyError):
        raise ConfigError(
            f"there is no home folder: user id {_number()} has no account, and HOME is not set",
            phase="options",
            next_step="Set HOME to a folder that belongs to you",
        ) from None


def _number() -> str:
    if sys.platform == "win32":
        return "user"
    return str(os.getuid())
