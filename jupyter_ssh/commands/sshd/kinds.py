"""How the values of sshd_config's keywords are read, where ssh_config has no keyword like them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from jupyter_ssh.ssh.config import values
from jupyter_ssh.ssh.config.values import Kind


def _read_address(arguments: Sequence[str]) -> tuple[str, int | None]:
    """Parse ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
    text = arguments[0]
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]") and colon:
        return host[1:-1], values.parse_port(port)
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1], None
    if colon and ":" not in host:
        return host, values.parse_port(port)
    return text, None


def _read_startups(arguments: Sequence[str]) -> tuple[int, int, int]:
    numbers = [values.parse_integer(part) for part in arguments[0].split(":")]
    if len(numbers) == 1 and numbers[0] > 0:
        return numbers[0], 100, numbers[0]
    if len(numbers) != 3 or not (0 < numbers[0] <= numbers[2] and 1 <= numbers[1] <= 100):
        raise ValueError(f"invalid MaxStartups: {arguments[0]}")
    return numbers[0], numbers[1], numbers[2]


def _read_subsystem(arguments: Sequence[str]) -> dict[str, str]:
    if len(arguments) < 2:
        raise ValueError("a subsystem needs a name and a command")
    return {arguments[0]: _assembled(arguments[1:])}


def _assembled(arguments: Sequence[str]) -> str:
    """Return a command line of arguments: as in OpenSSH, one with blanks is put in double quotes for the shell.

    Between them a single quote needs no backslash, which the shell would keep.
    """
    words = []
    for argument in arguments:
        if " " in argument or "\t" in argument:
            words.append('"' + re.sub(r"""([\\"])""", r"\\\1", argument) + '"')
        else:
            words.append(re.sub(r"""([\\'"])""", r"\\\1", argument))
    return " ".join(words)


def _read_methods(arguments: Sequence[str]) -> list[list[str]] | None:
    _check_alone("any", arguments)
    return None if arguments[0] == "any" else [word.split(",") for word in arguments]


_PLACE = re.compile(r"(\[[^\]]+\]|[^:/\[\]]+):([^:]+)")


def _read_places(arguments: Sequence[str]) -> tuple[str, ...] | None:
    _check_alone("any", arguments)
    _check_alone("none", arguments)
    if arguments[0] in ("any", "none"):
        return None if arguments[0] == "any" else ()
    return tuple(_read_place(word) for word in arguments)


def _read_place(text: str) -> str:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ValueError(f"HOST:PORT is expected, not {text!a}")
    host, port = match.groups()
    return f"{host}:{port if port == '*' else values.parse_port(port)}"


def _check_alone(word: str, arguments: Sequence[str]) -> None:
    if word in arguments and len(arguments) > 1:
        raise ValueError(f'"{word}" must appear alone')


def _read_names(arguments: Sequence[str]) -> tuple[str, ...]:
    if not all(arguments):
        raise ValueError("empty name")
    return tuple(arguments)


def _read_auth_options(arguments: Sequence[str]) -> tuple[str, ...]:
    words = tuple(word.lower() for word in arguments)
    unknown = [word for word in words if word not in ("touch-required", "verify-required", "none")]
    if unknown:
        raise ValueError(f"unsupported PubkeyAuthOptions: {unknown[0]}")
    return tuple(word for word in words if word != "none")


def _shown(value: object) -> list[str]:
    return [str(value)]


ADDRESS = Kind("host[:port]", _read_address, _shown)
STARTUPS = Kind("start:rate:full", _read_startups, _shown)
SUBSYSTEM = Kind("name command", _read_subsystem, _shown, most=None)
METHODS = Kind("lists of methods", _read_methods, _shown, most=None)
PLACES = Kind("host:port …", _read_places, _shown, most=None)
NAMES = Kind("patterns", _read_names, _shown, most=None)
AUTH_OPTIONS = Kind("touch-required, verify-required or none", _read_auth_options, _shown, most=None)
# Unlike in ssh_config, "none" is no time.
SECONDS = Kind("time", lambda arguments: values.parse_time(arguments[0]), _shown)
FAMILY = values.one_of("any", "inet", "inet6")
FORWARDING = values.one_of("yes", "no", all="yes", local="yes", remote="no")
COMPRESSION = values.one_of("yes", "no", delayed="yes")
ROOT_LOGIN = values.one_of("yes", "no", "prohibit-password", "without-password", "forced-commands-only")
LEVEL = values.one_of(
    "QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1", "DEBUG2", "DEBUG3", debug="DEBUG1", silent="QUIET"
)


def read_root_login(word: str) -> str:
    """Return the present word for PermitRootLogin's value."""
    return "prohibit-password" if word == "without-password" else word


def read_banner(path: str | None) -> str | Path:
    """Return the file of the banner, which need not exist yet."""
    return "" if path is None else Path(path)


def expanded(path: str | None) -> str | None:
    """Expand ``~`` at the start of a path."""
    return None if path is None else os.path.expanduser(path)


def read_permission(text: str) -> bool | tuple[str, ...]:
    """Parse PermitUserEnvironment: yes, no, or patterns."""
    return {"yes": True, "no": False}.get(text.lower(), tuple(text.split(",")))
