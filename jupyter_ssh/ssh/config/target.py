"""A destination as typed: ``host``, ``user@host`` or ``ssh://user@host:port``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from jupyter_ssh.ssh.config.values import parse_port
from jupyter_ssh.ssh.errors import ConfigError

_SCHEME = "ssh://"
_FORMS = "host, user@host or ssh://user@host:port"
# A host name cannot contain these; they could break out of a command line or an address it is inserted into.
_NOT_IN_HOST = re.compile(r"""[\s\x00-\x1f\x7f'`"$\\;&<>|(){},@*?]""")
# A user name on a command line may come from a link or a script; these could break out of where it is inserted, such as
# ProxyCommand.  OpenSSH 10.5 allows "$", 10.6 does not; it refuses the backslash too, but that is in "DOMAIN\user".
_NOT_IN_USER = re.compile(r"""^-|[\x00-\x1f\x7f'`"$;&<>|(){}]|\s-|\\\Z""")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<literal>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[^:]*))?")


@dataclass(frozen=True, slots=True)
class Target:
    """A destination as typed; missing parts are ``None``."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        """Return ``[user@]host[:port]``, with an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host or self.host.replace(".", "").isdigit() else self.host
        return f"{self.user + '@' if self.user else ''}{host}{f':{self.port}' if self.port else ''}"


def parse_target(text: str) -> Target:
    """Parse ``[user@]host`` or ``ssh://[user@]host[:port][/]``; raises `ConfigError` for anything else.

    As in OpenSSH, ``host:22`` is not split (an IPv6 address has colons too), and ``[::1]`` loses its brackets.  A user
    name may contain ``@``; the last one separates.
    """
    if text[: len(_SCHEME)].lower() == _SCHEME:
        return _parse_uri(text)
    user, at, host = text.rpartition("@")
    if at and not user:
        raise _bad(text, "an empty user name")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    check_host(host, text)
    return Target(host, user or None)


def _parse_uri(text: str) -> Target:
    """Parse a URI (draft-ietf-secsh-scp-sftp-ssh-uri, RFC 3986 §3.2), without a password and a path."""
    authority = text[len(_SCHEME) :]
    if authority.endswith("/"):
        authority = authority[:-1]
    user, at, place = authority.rpartition("@")
    user = unquote(user.partition(";")[0], errors="surrogateescape")
    if at and not user:
        raise _bad(text, "an empty user name")
    match = _HOST_AND_PORT.fullmatch(place)
    if match is None or "/" in place:
        raise _bad(text, f'"{place}" where host[:port] should be')
    port = None
    if match["port"]:
        try:
            port = parse_port(match["port"])
        except ValueError as error:
            raise _bad(text, str(error)) from None
    host = match["literal"] or unquote(match["name"])
    check_host(host, text)
    return Target(host, user or None, port)


def parse_jumps(text: str) -> tuple[Target, ...]:
    """Return the jump hosts of ``ProxyJump``, in order; empty for ``none``.

    They are ``[user@]host[:port]`` or ``ssh://...``, separated by commas (ssh_config(5)).  Raises ``ValueError``.
    """
    text = text.partition("#")[0].rstrip()  # the only keyword with a raw value that may be followed by a comment
    if text.lower() == "none":
        return ()
    try:
        return tuple(map(_parse_jump, text.split(",")))
    except (ConfigError, ValueError):
        raise ValueError(f'Invalid ProxyJump "{text}"') from None


def _parse_jump(hop: str) -> Target:
    if hop[: len(_SCHEME)].lower() == _SCHEME:
        return _parse_uri(hop)
    user, at, place = hop.rpartition("@")
    match = _HOST_AND_PORT.fullmatch(place)
    if (at and not user) or match is None:
        raise ValueError("no user or no host")
    host = match["literal"] or match["name"]
    check_host(host.replace("%", "p"), hop)  # a token's expansion is checked later
    return Target(host, user or None, parse_port(match["port"]) if match["port"] else None)


def check_host(host: str, text: str) -> None:
    """Raise `ConfigError` for a host name that is empty, looks like an option or contains invalid characters."""
    if not host:
        raise _bad(text, "no host name")
    if host.startswith("-") or _NOT_IN_HOST.search(host):
        raise _bad(text, "a host name with invalid characters")
    name, colon, port = host.rpartition(":")
    if colon and ":" not in name and port.isdigit():
        raise ConfigError(
            f'"{text}" is not a destination',
            phase="options",
            expected=_FORMS,
            received="host:port",
            next_step=f"Give the port with -p {port} (port={port} in Python), or write ssh://{name}:{port}.",
        )


def check_user(user: str) -> None:
    """Raise `ConfigError` for a user name that must not come from a command line or an expansion."""
    if _NOT_IN_USER.search(user):
        raise ConfigError(
            "remote username contains invalid characters",
            phase="options",
            next_step="If it is the right name, write it literally after User in your ssh_config.",
        )


def _bad(text: str, received: str) -> ConfigError:
    return ConfigError(f'"{text}" is not a destination', phase="options", expected=_FORMS, received=received)
