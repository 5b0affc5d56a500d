"""The owner of this process, for ssh-keygen and ssh-add."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from pathlib import Path

from jupyter_ssh.ssh.keygen import Person


def current_person() -> Person:
    """Return the owner of the process; the name comes from the account, not from environment variables."""
    try:
        if sys.platform == "win32":
            user = getpass.getuser()
        else:
            import pwd

            user = pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError, ImportError):
        user = "user"
    return Person(Path.home(), user, platform.node() or "localhost")
