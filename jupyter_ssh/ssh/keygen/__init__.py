"""What ssh-keygen(1) does, without a terminal or a notebook: `options.parse`, then `operations.run`."""

from __future__ import annotations

from .console import Console, Person, ShownKey
from .operations import run
from .options import Arguments, parse, usage

__all__ = ["Arguments", "Console", "Person", "ShownKey", "parse", "run", "usage"]
