"""Names and addresses of this machine's resolver and interfaces, for what a configuration asks of them."""

from __future__ import annotations

import socket
import threading
from typing import Final

FAMILIES: Final = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
"""AddressFamily of ssh_config(5)."""

LOOKUP_SECONDS: Final = 20.0
"""How long the system's resolver may take for one name."""


class SystemNames:
    """`config.local_context.Names` by the system's resolver; blocks, but never longer than ``seconds`` for a name."""

    def __init__(self, seconds: float = LOOKUP_SECONDS) -> None:
        self._seconds = seconds

    def address(self, name: str) -> str | None:
        """Return the usual form of a numeric address; no name server is asked."""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return socket.getnameinfo(found[0][4], socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]  # with its zone
        except (OSError, UnicodeError):
            return None

    def canonical(self, name: str, family: str) -> str | None:
        """Return the name that aliases lead to, None where nothing has an address.  Raises ``TimeoutError``."""
        answers: list[str | None] = []

        def ask() -> None:
            try:
                flags = socket.AI_CANONNAME
                found = socket.getaddrinfo(name, None, FAMILIES[family], socket.SOCK_STREAM, 0, flags)
                answers.append(found[0][3] or name)
            except (OSError, UnicodeError):
                answers.append(None)

        # A thread that is left behind ends with the resolver's own patience, and holds nothing up.
        asking = threading.Thread(target=ask, name="jupyter-ssh-name", daemon=True)
        asking.start()
        asking.join(self._seconds)
        if not answers:
            raise TimeoutError(f"no answer for {name!r} within {self._seconds:g} s")
        return answers[0]


def interface_addresses(name: str | None = None) -> list[str]:
    """Return the addresses of all interfaces that are up, or of one of them."""
    import psutil  # only where a file says Match localnetwork or BindInterface

    up = {each for each, state in psutil.net_if_stats().items() if state.isup and name in (None, each)}
    families = (socket.AF_INET, socket.AF_INET6)
    return [
        entry.address
        for each, entries in psutil.net_if_addrs().items()
        if each in up
        for entry in entries
        if entry.family in families
    ]
