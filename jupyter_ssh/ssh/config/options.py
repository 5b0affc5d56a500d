"""`Options`: all that is decided about one connection before the first byte, and `resolve`, which decides it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_ssh.ssh.config import patterns
from jupyter_ssh.ssh.config.keywords import KEYWORDS, ROWS, Keyword
from jupyter_ssh.ssh.config.settings import Settings
from jupyter_ssh.ssh.config.ssh_config import ConfigFile, MatchContext, read_config
from jupyter_ssh.ssh.config.target import Target, check_host, parse_target
from jupyter_ssh.ssh.config.tokens import connection_hash, expand_home, expand_percent, expand_variables
from jupyter_ssh.ssh.config.values import AgentAddition, RekeyLimit

DEFAULT_SOURCE = "default"


@dataclass(frozen=True, slots=True)
class Options:
    """Resolved options; a field is a row of ``config.keywords`` under its snake_case name.

    Times are seconds, paths are absolute text with ``~`` and tokens expanded, lists of algorithms are OpenSSH's text
    (``None``: our own list), ``escape_char`` is one character.
    """

    host: str  # as typed: what known_hosts and Host blocks speak of
    host_name: str  # the name or address to connect to
    user: str
    port: int
    add_keys_to_agent: AgentAddition
    address_family: str  # any, inet or inet6
    batch_mode: bool
    bind_address: str | None
    bind_interface: str | None
    ca_signature_algorithms: str | None
    certificate_file: tuple[str, ...]
    ciphers: str | None
    compression: bool
    connection_attempts: int
    connect_timeout: float | None  # None: not given
    escape_char: str | None
    forward_agent: str  # yes, no, or the agent's socket or "$VARIABLE"
    global_known_hosts_file: tuple[str, ...]
    hash_known_hosts: bool
    host_key_algorithms: str | None
    host_key_alias: str | None
    identities_only: bool
    identity_agent: str | None  # a socket, none, SSH_AUTH_SOCK or "$VARIABLE"
    identity_file: tuple[str, ...]
    kbd_interactive_authentication: bool
    kex_algorithms: str | None
    legacy: bool  # algorithms of that grade are proposed too
    log_level: str
    macs: str | None
    number_of_password_prompts: int
    password_authentication: bool
    preferred_authentications: str | None
    proxy_command: str | None  # for the user's shell; it carries the connection's bytes
    proxy_jump: tuple[Target, ...]  # the hosts to pass, in that order
    pubkey_accepted_algorithms: str | None
    pubkey_authentication: str  # yes, no, unbound or host-bound
    rekey_limit: RekeyLimit
    remote_command: str | None
    request_tty: str  # auto, yes, no or force
    send_env: tuple[str, ...]
    server_alive_count_max: int
    server_alive_interval: float
    session_type: str  # default, none or subsystem
    set_env: Mapping[str, str] = field(repr=False)  # tokens and passwords travel here
    stdin_null: bool
    strict_host_key_checking: str  # yes, ask, accept-new or no
    tcp_keep_alive: bool
    user_known_hosts_file: tuple[str, ...]
    sources: Mapping[str, str] = field(repr=False)  # snake_case name -> where the value was given
    warnings: tuple[str, ...] = field(repr=False, default=())  # to be shown: options that were left out
    ignored: tuple[str, ...] = field(repr=False, default=())  # to be shown with -v
    _written: Mapping[str, object] = field(repr=False, compare=False, default_factory=dict)

    def given(self, name: str) -> bool:
        """Whether somebody gave the option with this snake_case name, here or in a file."""
        return name in self.sources

    def remote_environment(self, local: Mapping[str, str]) -> dict[str, str]:
        """The variables to ask the server for: those of ``local`` that SendEnv names, then SetEnv's."""
        sent = {
            name: value
            for name, value in local.items()
            if any(patterns.matches(name, pattern) for pattern in self.send_env)
        }
        return {**sent, **self.set_env}

    def lines(self) -> list[str]:
        """``keyword value`` lines in the form of ``ssh -G``, paths before their expansion."""
        result = [f"host {self.host}"]
        for row in ROWS:
            if not row.own:
                value = self._written.get(row.option, getattr(self, row.option))
                result += [f"{row.name.lower()} {text}" for text in row.kind.write(value)]
        return result


assert {row.option for row in ROWS} <= set(Options.__dataclass_fields__)


def resolve(
    target: str | Target,
    *,
    command_line: Sequence[str | tuple[str, str]] = (),
    keywords: Mapping[str, object] | None = None,
    files: Sequence[ConfigFile | str | os.PathLike[str]] = (),
    user_name: str,
    home: Path,
    environment: Mapping[str, str] | None = None,
    uid: int | None = None,
    local_host: str = "localhost",
) -> Options:
    """Decide every option for ``target``; of several values the first in this order counts.

    1. ``keywords``: Python values by snake_case name (``known_hosts`` stands for that file and no other),
    2. ``command_line``: text of ``-o`` (``"Port=22"``) or pairs of a keyword and its one argument,
    3. user and port in ``target``,
    4. ``files`` in their order (a plain path must exist),
    5. defaults.

    ``user_name``, ``home``, ``environment``, ``uid`` and ``local_host`` describe this side: they are what ``%u``,
    ``%d``, ``${NAME}``, ``%i`` and ``%l`` become.  Raises `ConfigError`.
    """
    destination = parse_target(target) if isinstance(target, str) else target
    local = _Local(user_name, home, environment or {}, uid, local_host)
    settings = Settings()
    settings.take_values(_with_known_hosts(keywords or {}), "argument")
    for option in command_line:
        if isinstance(option, str):
            settings.take_line(option, "command line")
        else:
            settings.take_pair(option[0], option[1], "command line")
    if destination.user is not None:
        settings.take_pair("User", destination.user, "destination")
    if destination.port is not None:
        settings.take_pair("Port", str(destination.port), "destination")
    _read_files([_as_file(file) for file in files], settings, destination, local)
    return _complete(settings, destination, local)


@dataclass(frozen=True, slots=True)
class _Local:
    user_name: str
    home: Path
    environment: Mapping[str, str]
    uid: int | None
    host: str


def _with_known_hosts(keywords: Mapping[str, object]) -> dict[str, object]:
    """``known_hosts=PATH`` as ssh_config says it: this file for the user and none for the system."""
    result = dict(keywords)
    path = result.pop("known_hosts", None)
    if path is not None:
        result = {"user_known_hosts_file": path, "global_known_hosts_file": "none", **result}
    return result


def _as_file(file: ConfigFile | str | os.PathLike[str]) -> ConfigFile:
    return file if isinstance(file, ConfigFile) else ConfigFile(Path(file), required=True)


def _read_files(files: Sequence[ConfigFile], settings: Settings, target: Target, local: _Local) -> None:
    context = MatchContext(
        original_host=target.host,
        host=lambda: _host_name(settings, target),
        user=lambda: str(settings.values.get("user", local.user_name)),
        local_user=local.user_name,
        home=local.home,
    )
    for file in files:
        read_config(file, settings, context)
    if context.final_requested:
        # The second round of ssh_config(5), Match final. What it would warn of was warned of in the first one.
        # The name is settled by then: a HostName line that counts only now comes too late, as in OpenSSH.
        context.final = True
        settings.values.setdefault("host_name", _host_name(settings, target).replace("%", "%%"))
        said = len(settings.warnings), len(settings.ignored)
        for file in files:
            read_config(file, settings, context)
        settings.warnings[:] = dict.fromkeys(settings.warnings)
        del settings.ignored[said[1] :]


def _host_name(settings: Settings, target: Target) -> str:
    given = settings.values.get("host_name")
    if given is None:
        name = target.host
    else:
        name = expand_percent(str(given), KEYWORDS["hostname"].tokens, {"h": target.host}, "HostName")
    # Names are compared in lower case everywhere; behind "%" stands an interface, whose name is not.
    address, percent, zone = name.partition("%")
    return address.lower() + percent + zone


def _complete(settings: Settings, target: Target, local: _Local) -> Options:
    """Fill in the defaults and expand what may be expanded."""
    written: dict[str, Any] = {row.option: settings.values.get(row.option, row.default) for row in ROWS}
    written["host_name"] = _host_name(settings, target)
    check_host(written["host_name"], written["host_name"])
    written["user"] = written["user"] or local.user_name
    written["connect_timeout"] = written["connect_timeout"] or None  # 0 is no limit of its own, as in OpenSSH
    tokens = _tokens(written, target, local)
    values = {row.option: _expanded(row, written[row.option], tokens, local) for row in ROWS}
    # "IdentityFile none" keeps the default files out and is no file itself.
    values["identity_file"] = tuple(path for path in values["identity_file"] if path.lower() != "none")
    values["set_env"] = MappingProxyType(dict(values["set_env"]))
    return Options(
        host=target.host,
        **values,
        sources=MappingProxyType(dict(settings.sources)),
        warnings=tuple(settings.warnings),
        ignored=tuple(settings.ignored),
        _written=MappingProxyType(written),
    )


def _tokens(written: Mapping[str, Any], target: Target, local: _Local) -> dict[str, str]:
    host, port, user = str(written["host_name"]), str(written["port"]), str(written["user"])
    return {
        "C": connection_hash(local.host, host, int(port), user),
        "d": str(local.home),
        "h": host,
        "i": "" if local.uid is None else str(local.uid),
        "j": "",
        "k": written["host_key_alias"] or target.host,
        "L": local.host.partition(".")[0],
        "l": local.host,
        "n": target.host,
        "p": port,
        "r": user,
        "u": local.user_name,
    }


def _expanded(row: Keyword, value: Any, tokens: Mapping[str, str], local: _Local) -> Any:
    if not row.tokens or row.option == "host_name" or value is None:
        return value

    def one(text: str) -> str:
        text = expand_percent(text, row.tokens, tokens, row.name)
        if not row.files:
            return text
        return expand_home(expand_variables(text, local.environment, row.name), local.home)

    def hop(target: Target) -> Target:
        return replace(target, host=one(target.host), user=one(target.user) if target.user else None)

    if isinstance(value, str):
        return one(value)
    return tuple(hop(word) if isinstance(word, Target) else one(word) for word in value)
