"""The owner of this process, for ssh-keygen and ssh-add."""

from __future__ import annotations

import platform
from pathlib import Path

from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keygen import Person
from jupyter_ssh.ssh.net.owner import account_name, home_folder


def current_person() -> Person:
    """Return the owner of the process; the name comes from the account, not from environment variables."""
    home: Path | None
    try:
        home = home_folder()
    except ConfigError:
        home = None  # an operation on named files does not need it
    return Person(home, account_name(), platform.node() or "localhost")
