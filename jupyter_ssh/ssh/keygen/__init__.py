"""The operations of ssh-keygen(1), independent of terminal and notebook: `options.parse`, then `operations.run`."""

from __future__ import annotations

from jupyter_ssh.ssh.keygen.console import Console, Person, ShownKey
from jupyter_ssh.ssh.keygen.operations import run
from jupyter_ssh.ssh.keygen.options import Arguments, parse, usage

__all__ = ["Arguments", "Console", "Person", "ShownKey", "parse", "run", "usage"]
