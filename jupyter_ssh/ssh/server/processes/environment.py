"""The environment of a child: built from scratch, so that none of the server's own variables leak into it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence

from jupyter_ssh.ssh.config.patterns import matches_any
from jupyter_ssh.ssh.server.logins.accounts import Account

DEFAULT_ACCEPT_ENV = ("LANG", "LC_*", "TERM")
"""Variables a client may set with "env" requests (RFC 4254 §6.4); sshd_config's AcceptEnv."""

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

MAX_VARIABLES = 128
MAX_ENVIRONMENT = 12 * 1024
"""The limit in bytes of all variables of a client together; it also bounds what is passed to the trampoline."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# Without these, programs on Windows find neither their libraries nor a temporary folder.
_WINDOWS_ESSENTIALS = (
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "COMSPEC",
    "PATH",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "APPDATA",
)


class ClientEnvironment:
    """The variables that the client has set on one session channel, within AcceptEnv patterns and bounds."""

    def __init__(self, accept: Sequence[str] = DEFAULT_ACCEPT_ENV) -> None:
        self._accept = tuple(accept)
        self._size = 0
        self.variables: dict[str, str] = {}

    def set(self, name: str, value: str) -> bool:
        """Set one variable; false if it is not accepted, malformed or too large."""
        if not _NAME.match(name) or "\0" in value or not matches_any(name, self._accept):
            return False
        size = len(name) + len(value.encode("utf-8", "surrogateescape")) + 2
        if len(self.variables) >= MAX_VARIABLES or self._size + size > MAX_ENVIRONMENT:
            return False
        self._size += size
        self.variables[name] = value
        return True


def child_environment(
    account: Account,
    *,
    requested: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    client: tuple[str, int] | None = None,
    server: tuple[str, int] | None = None,
    tty: str | None = None,
    term: str | None = None,
    original_command: str | None = None,
) -> dict[str, str]:
    """Return the whole environment of a child, as OpenSSH's sshd(8) describes it under "LOGIN PROCESS".

    ``requested`` are the client's accepted variables, ``extra`` the server's own settings; neither can override what
    the server determines itself (HOME, USER, SSH_CONNECTION …).  ``original_command`` is the client's command if a
    forced command runs instead of it.
    """
    environment = {"PATH": DEFAULT_PATH}
    inherited = _WINDOWS_ESSENTIALS if sys.platform == "win32" else ("TZ",)
    environment.update({name: os.environ[name] for name in inherited if name in os.environ})
    environment.update(requested or {})
    environment.update(extra or {})
    environment.update(HOME=account.home, USER=account.name, LOGNAME=account.name, SHELL=account.shell)
    if client is not None and server is not None:
        environment["SSH_CLIENT"] = f"{client[0]} {client[1]} {server[1]}"
        environment["SSH_CONNECTION"] = f"{client[0]} {client[1]} {server[0]} {server[1]}"
    if original_command is not None:
        environment["SSH_ORIGINAL_COMMAND"] = original_command
    if tty is not None:
        environment["SSH_TTY"] = tty
    if term:
        environment["TERM"] = term
    return environment
