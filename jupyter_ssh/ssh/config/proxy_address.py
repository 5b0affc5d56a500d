"""The address of a proxy: ``socks5://host:port``, ``http://user@host:port`` … (our own keyword ``Proxy``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from jupyter_ssh.ssh.config.values import Kind, parse_port

SCHEMES = {"http": 8080, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
"""The supported schemes with their default ports."""

FROM_ENVIRONMENT = "environment"
"""The value that stands for the environment variables that other programs use."""

_FORM = re.compile(r"(?P<scheme>[a-z0-9]+)://(?:(?P<login>.*)@)?(?P<place>[^@]*?)/?", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(r"(?:\[(?P<literal>[0-9a-f:.%]+)\]|(?P<name>[^:\[\]/?#\s]+))(?::(?P<port>\d+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """A proxy; its text never contains the password."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        if self.scheme == FROM_ENVIRONMENT:
            return FROM_ENVIRONMENT
        login = "" if self.user is None else f"{quote(self.user, safe='')}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{login}{host}:{self.port}"


def parse_proxy(text: str) -> ProxyAddress | None:
    """Parse ``scheme://[user[:password]@]host[:port]``, ``environment`` or ``none``.

    Raises ``ValueError``, whose text does not quote ``text``, which may contain a password.
    """
    word = text.strip()
    if word.lower() in ("none", ""):
        return None
    if word.lower() == FROM_ENVIRONMENT:
        return ProxyAddress(FROM_ENVIRONMENT, "", 0)
    match = _FORM.fullmatch(word)
    scheme = match["scheme"].lower() if match else ""
    place = _PLACE.fullmatch(match["place"]) if match else None
    if scheme not in SCHEMES or match is None or place is None:
        raise ValueError(
            f"Bad proxy, expected {', '.join(SCHEMES)} as in socks5://[user@]host:port, or {FROM_ENVIRONMENT}"
        )
    user, colon, password = (match["login"] or "").partition(":")
    return ProxyAddress(
        scheme,
        place["literal"] or place["name"],
        parse_port(place["port"]) if place["port"] else SCHEMES[scheme],
        unquote(user) or None,
        unquote(password) if colon else None,
    )


def _read(arguments: Sequence[str]) -> ProxyAddress | None:
    return parse_proxy(arguments[0])


PROXY = Kind(
    "scheme://[user@]host:port, environment or none", _read, lambda value: [] if value is None else [str(value)]
)
