"""Expansion of ``%`` tokens, ``~`` and ``${NAME}`` in values (ssh_config(5), TOKENS)."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from jupyter_ssh.ssh.errors import ConfigError

ALL_TOKENS = "CdhijkLlnpru"
"""Letters after "%" that most keywords allow (ssh_config(5), TOKENS)."""

_TOKEN = re.compile(r"%(.?)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([^}]*)(\}?)")
_LONGEST = 16384


def connection_hash(local_host: str, host: str, port: int, user: str, jump: str = "") -> str:
    """Return ``%C``: 40 hexadecimal digits for a destination, short enough for a socket's name."""
    return hashlib.sha1(
        f"{local_host}{host}{port}{user}{jump}".encode("utf-8", "surrogateescape"), usedforsecurity=False
    ).hexdigest()


def expand_percent(text: str, letters: str, values: Mapping[str, str], keyword: str) -> str:
    """Replace ``%h`` and the like; ``letters`` are those the keyword allows, ``%%`` is a percent sign.

    Raises `ConfigError` for any other letter, and for a result longer than 16 KiB.
    """

    def value(match: re.Match[str]) -> str:
        letter = match[1]
        if letter == "%":
            return "%"
        if not letter or letter not in letters or letter not in values:
            raise ConfigError(
                f'unknown token "%{letter}" in {keyword}',
                phase="options",
                expected="one of " + ", ".join(f"%{one}" for one in ["%", *letters]),
                next_step="Write %% for a percent sign.",
            )
        return values[letter]

    return _bounded(_TOKEN.sub(value, text), keyword)


def expand_variables(text: str, environment: Mapping[str, str], keyword: str) -> str:
    """Replace ``${NAME}``; raises `ConfigError` for a variable that is not set."""

    def value(match: re.Match[str]) -> str:
        if not match[2] or not match[1]:
            raise ConfigError(f'"${{" without a name and "}}" in {keyword}', phase="options")
        if match[1] not in environment:
            raise ConfigError(f"environment variable {match[1]} in {keyword} is not set", phase="options")
        return environment[match[1]]

    return _bounded(_VARIABLE.sub(value, text), keyword)


def expand_home(path: str, home: Path) -> str:
    """Replace ``~`` and ``~/`` at the start by ``home``; ``~other`` is that user's folder.

    A folder alone gets a slash at its end, as from OpenSSH.
    """
    if path == "~":
        return f"{home}/"
    if path.startswith(("~/", "~\\")):
        return str(home) + path[1:]
    if path.startswith("~"):
        return _other_home(path)
    return path


def _other_home(path: str) -> str:
    name, _, rest = path[1:].partition("/")
    if sys.platform != "win32":
        import pwd

        try:
            return f"{pwd.getpwnam(name).pw_dir}/{rest}"
        except KeyError:
            pass
    raise ConfigError(f'"{path}" names the home of an unknown user', phase="options")


def _bounded(text: str, keyword: str) -> str:
    if len(text) > _LONGEST:
        raise ConfigError(f"{keyword} is longer than {_LONGEST} characters once expanded", phase="options")
    return text
