"""Names from this machine's resolver and addresses of its interfaces, as needed by configuration files."""

from __future__ import annotations

import socket
import threading
from typing import Final

FAMILIES: Final = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
"""The values of AddressFamily (ssh_config(5))."""

LOOKUP_SECONDS: Final = 20.0
"""Seconds the system's resolver may take for a name."""


class SystemNames:
    """`config.local_context.Names` with the system's resolver; blocks for at most ``seconds`` per name."""

    def __init__(self, seconds: float = LOOKUP_SECONDS) -> None:
        self._seconds = seconds

    def address(self, name: str) -> str | None:
        """Return the usual form of a numeric address without asking a name server."""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return socket.getnameinfo(found[0][4], socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]  # with its zone
        except (OSError, UnicodeError):
            return None

    def canonical(self, name: str, family: str) -> str | None:
        """Return the canonical name; None if it has no address.  Raises ``TimeoutError``."""
        answers: list[str | None] = []

        def ask() -> None:
            try:
                flags = socket.AI_CANONNAME
                found = socket.getaddrinfo(name, None, FAMILIES[family], socket.SOCK_STREAM, 0, flags)
                answers.append(found[0][3] or name)
            except (OSError, UnicodeError):
                answers.append(None)

        # An abandoned thread ends at the resolver's own timeout and blocks nothing.
        asking = threading.Thread(target=ask, name="jupyter-ssh-name", daemon=True)
        asking.start()
        asking.join(self._seconds)
        if not answers:
            raise TimeoutError(f"no answer for {name!r} within {self._seconds:g} s")
        return answers[0]


def interface_addresses(name: str | None = None) -> list[str]:
    """Return the addresses of all interfaces that are up, or of one of them."""
    import psutil  # needed only for Match localnetwork and BindInterface

    up = {each for each, state in psutil.net_if_stats().items() if state.isup and name in (None, each)}
    families = (socket.AF_INET, socket.AF_INET6)
    return [
        entry.address
        for each, entries in psutil.net_if_addrs().items()
        if each in up
        for entry in entries
        if entry.family in families
    ]
