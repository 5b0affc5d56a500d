"""The local side of a configuration: the user, and access to processes, names and interfaces, all passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol

VERSION: Final = "OpenSSH_10.2"
"""What ``Match version`` compares with: the version of OpenSSH whose keywords are supported here."""


class Names(Protocol):
    """A resolver of host names, for CanonicalizeHostname."""

    def address(self, name: str) -> str | None:
        """Return a numeric address in its usual form ("127.1" is 127.0.0.1); None for anything else."""

    def canonical(self, name: str, family: str) -> str | None:
        """Return a host's canonical name, following its aliases; None for a host without an address.

        ``family`` is as for AddressFamily in ssh_config(5).  Raises ``TimeoutError``.
        """


class NoNames:
    """A resolver that recognizes addresses but resolves no names."""

    def address(self, name: str) -> str | None:
        """See `Names`."""
        try:
            return str(ip_address(name))
        except ValueError:
            return None

    def canonical(self, name: str, family: str) -> str | None:
        """See `Names`."""
        return None


@dataclass(frozen=True, slots=True)
class LocalContext:
    """The local side of a connection.

    ``run`` executes the command of ``Match exec`` in the user's shell and returns its exit status, negative for a
    signal; it raises ``TimeoutError`` and ``OSError``.  ``addresses`` returns the addresses of the interfaces that are
    up.  If either is missing, a criterion that needs it is an error.  ``command`` and ``session`` (shell, exec,
    subsystem or none) are what Match command and Match sessiontype compare with.
    """

    user_name: str
    home: Path
    environment: Mapping[str, str] = field(repr=False, default_factory=dict)
    uid: int | None = None
    host: str = "localhost"
    run: Callable[[str], int] | None = None
    names: Names = field(default_factory=NoNames)
    addresses: Callable[[], Iterable[str]] | None = None
    command: str = ""
    session: str = "shell"
