"""`resolve`: every option of a connection, from all sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_ssh.ssh.config.canonical import Canonicalization, canonical_name
from jupyter_ssh.ssh.config.keywords import KEYWORDS, ROWS, Keyword
from jupyter_ssh.ssh.config.local_context import LocalContext, Names, NoNames
from jupyter_ssh.ssh.config.matching import MatchContext
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.settings import Settings
from jupyter_ssh.ssh.config.special_values import Endpoint, Forward
from jupyter_ssh.ssh.config.ssh_config import ConfigFile, read_config
from jupyter_ssh.ssh.config.target import Target, check_host, check_user, parse_target
from jupyter_ssh.ssh.config.tokens import connection_hash, expand_home, expand_percent, expand_variables
from jupyter_ssh.ssh.errors import ConfigError


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
    run: Callable[[str], int] | None = None,
    names: Names | None = None,
    addresses: Callable[[], Iterable[str]] | None = None,
    command: str | None = None,
) -> Options:
    """Resolve every option for ``target``; of several values the first in this order counts.

    1. ``keywords``: Python values by snake_case name (``known_hosts`` stands for that file alone),
    2. ``command_line``: texts of ``-o`` (``"Port=22"``) or pairs of a keyword and its argument,
    3. user and port in ``target``,
    4. ``files`` in order (a plain path must exist),
    5. defaults.

    ``user_name``, ``home``, ``environment``, ``uid`` and ``local_host`` describe the local side: they are the
    expansions of ``%u``, ``%d``, ``${NAME}``, ``%i`` and ``%l``.  A user name from 1, 2 or 3 is taken literally.
    ``run``, ``names``, ``addresses`` and ``command`` are for Match and CanonicalizeHostname, see `LocalContext`.
    Raises `ConfigError`.
    """
    destination = parse_target(target) if isinstance(target, str) else target
    settings = Settings(environment or {})
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
    _check_names(settings)
    user_is_literal = "user" in settings.values
    local = LocalContext(
        user_name=user_name,
        home=home,
        environment=environment or {},
        uid=uid,
        host=local_host,
        run=run,
        names=names or NoNames(),
        addresses=addresses,
        command=command or "",
        session=_session(settings, command),
    )
    _Reading(settings, destination, local).read([_as_file(file) for file in files])
    return _complete(settings, destination, local, user_is_literal)


def _with_known_hosts(keywords: Mapping[str, object]) -> dict[str, object]:
    """Translate ``known_hosts=PATH`` into ssh_config's keywords: this file for the user, and none for the system."""
    result = dict(keywords)
    path = result.pop("known_hosts", None)
    if path is not None:
        result = {"user_known_hosts_file": path, "global_known_hosts_file": "none", **result}
    return result


def _as_file(file: ConfigFile | str | os.PathLike[str]) -> ConfigFile:
    return file if isinstance(file, ConfigFile) else ConfigFile(Path(file), required=True)


def _session(settings: Settings, command: str | None) -> str:
    """Return what Match sessiontype compares with, which depends on the command line only."""
    kind = str(settings.values.get("session_type", "default"))
    return kind if kind != "default" else "exec" if command else "shell"


def _check_names(settings: Settings) -> None:
    """Check the names that the command line gives before a file can use them in a command (Match exec).

    These are HostName, the user, and the users in ProxyJump; files may name any user.
    """
    host = settings.values.get("host_name")
    if isinstance(host, str):
        check_host(host, host)
    user = settings.values.get("user")
    jumps = settings.values.get("proxy_jump")
    hops: Sequence[Target] = jumps if isinstance(jumps, tuple) else ()
    for name in (user, *(hop.user for hop in hops)):
        if isinstance(name, str):
            check_user(name)


class _Reading:
    """Reads the files, determines the host name, and reads them again if a canonical name or Match final requires it.

    As in OpenSSH, a HostName line that counts only in the second pass comes too late to change the name.
    """

    def __init__(self, settings: Settings, target: Target, local: LocalContext) -> None:
        self._settings = settings
        self._target = target
        self._local = local
        self._context = MatchContext(
            original_host=target.host,
            listed=target.host,
            host=lambda: _host_name(settings, target),
            user=lambda: str(settings.values.get("user", local.user_name)),
            tag=lambda: str(settings.values.get("tag", "")),
            tokens=lambda: _tokens(settings.values, target, local, _host_name(settings, target)),
            local=local,
            note=settings.notes.append,
        )

    def read(self, files: Sequence[ConfigFile]) -> None:
        settings = self._settings
        for file in files:
            read_config(file, settings, self._context)
        options = self._canonicalization()
        given = _host_name(settings, self._target)
        if self._context.final_requested:
            settings.notes.append("configuration requests final Match pass")
        name = canonical_name(given, options, self._local.names)
        if name != given.lower():
            settings.notes.append(f'Canonicalized hostname "{given}" => "{name}"')
        again = self._context.final_requested or options.when != "no"
        settings.values["host_name"] = name.replace("%", "%%")
        if not again:
            return
        settings.notes.append("re-parsing configuration")
        # These have already been used and must not change any more.
        for option in ("canonicalize_fallback_local", "canonicalize_hostname", "canonicalize_max_dots"):
            settings.values.setdefault(option, KEYWORDS[option.replace("_", "")].default)
        self._context.final = True
        self._context.listed = name
        # Its messages were given in the first pass.
        said = len(settings.ignored)
        for file in files:
            read_config(file, settings, self._context)
        settings.warnings[:] = dict.fromkeys(settings.warnings)
        settings.ignored[:] = dict.fromkeys(settings.ignored) if len(settings.ignored) > said else settings.ignored

    def _canonicalization(self) -> Canonicalization:
        value = _values(self._settings)
        return Canonicalization(
            when=value("CanonicalizeHostname"),
            domains=value("CanonicalDomains"),
            fallback_local=value("CanonicalizeFallbackLocal"),
            max_dots=value("CanonicalizeMaxDots"),
            permitted_cnames=value("CanonicalizePermittedCNAMEs"),
            family=value("AddressFamily"),
            direct=not value("ProxyJump") and value("ProxyCommand") is None and value("Proxy") is None,
        )


def _values(settings: Settings) -> Callable[[str], Any]:
    """Return a function from a keyword to its value so far, or its default."""

    def value(name: str) -> Any:
        row = KEYWORDS[name.lower()]
        return settings.values.get(row.option, row.default)

    return value


def _host_name(settings: Settings, target: Target) -> str:
    """Return the host name so far, in its original case."""
    given = settings.values.get("host_name")
    if given is None:
        return target.host
    return expand_percent(str(given), KEYWORDS["hostname"].tokens, {"h": target.host}, "HostName")


def _complete(settings: Settings, target: Target, local: LocalContext, user_is_literal: bool) -> Options:
    """Fill in the defaults and expand tokens, variables and ``~``."""
    written: dict[str, Any] = {row.option: settings.values.get(row.option, row.default) for row in ROWS}
    host_name = written["host_name"] = _host_name(settings, target)
    check_host(host_name, host_name)
    if written["connection_attempts"] <= 0:
        raise ConfigError("Invalid number of ConnectionAttempts", phase="options")
    if written["clear_all_forwardings"]:
        written.update(dynamic_forward=(), local_forward=(), remote_forward=())
    if written["update_host_keys"] == "ask" and written["log_level"] in ("QUIET", "FATAL", "ERROR"):
        written["update_host_keys"] = "no"  # nobody would see the question
    elif written["update_host_keys"] is None:
        # As OpenSSH: only the user's own file is updated, and not if DNS vouches for keys, where they are kept current.
        own_file = written["user_known_hosts_file"][:1] == KEYWORDS["userknownhostsfile"].default[:1]  # type: ignore[index]
        given = "user_known_hosts_file" in settings.values
        single = own_file and (not given or len(written["user_known_hosts_file"]) == 1)
        written["update_host_keys"] = "yes" if single and written["verify_host_key_dns"] == "no" else "no"
    tokens = _tokens(written, target, local, host_name)
    given_user = written["user"]
    if given_user is not None and not user_is_literal:
        written["user"] = _expanded(KEYWORDS["user"], given_user, tokens, local)
        if written["user"] != given_user:
            check_user(written["user"])
        tokens = _tokens(written, target, local, host_name)
    written["user"] = written["user"] or local.user_name
    values = {row.option: _expanded(row, written[row.option], tokens, local) for row in ROWS if row.option != "user"}
    values["user"] = written["user"]
    values["connect_timeout"] = values["connect_timeout"] or None  # 0 means no limit of its own, as in OpenSSH
    # "IdentityFile none" excludes the default files and is not a file itself.
    for name in ("identity_file", "certificate_file"):
        values[name] = tuple(path for path in values[name] if path.lower() != "none")
    values["set_env"] = MappingProxyType(dict(values["set_env"]))
    return Options(
        host=target.host,
        **values,
        sources=MappingProxyType(dict(settings.sources)),
        tokens=MappingProxyType(tokens),
        warnings=tuple(settings.warnings),
        ignored=tuple(settings.ignored),
        notes=tuple(dict.fromkeys(settings.notes)),
        _written=MappingProxyType({name: value for name, value in written.items() if value != values[name]}),
    )


def _tokens(values: Mapping[str, Any], target: Target, local: LocalContext, host: str) -> dict[str, str]:
    port, user = str(values.get("port") or 22), str(values.get("user") or local.user_name)
    jumps: tuple[Target, ...] = values.get("proxy_jump") or ()
    jump = jumps[-1].host if jumps else ""
    return {
        "C": connection_hash(local.host, host, int(port), user, jump),
        "d": str(local.home),
        "h": host,
        "i": "" if local.uid is None else str(local.uid),
        "j": jump,
        "k": values.get("host_key_alias") or target.host,
        "L": local.host.partition(".")[0],
        "l": local.host,
        "n": target.host,
        "p": port,
        "r": user,
        "T": "NONE",  # tunnel devices are never opened
        "u": local.user_name,
    }


def _expanded(row: Keyword, value: Any, tokens: Mapping[str, str], local: LocalContext) -> Any:
    if row.option == "host_name" or value is None or not (row.tokens or row.variables or row.home):
        return value

    def one(text: str) -> str:
        if row.home:
            text = expand_home(text, local.home)
        if row.tokens:
            text = expand_percent(text, row.tokens, tokens, row.name)
        return expand_variables(text, local.environment, row.name) if row.variables else text

    def kept(text: str) -> str:
        try:
            return one(text)
        except ConfigError:
            return text  # before OpenSSH 10 the value was sent unexpanded, so it may contain a literal "%"

    def end(endpoint: Endpoint | None) -> Endpoint | None:
        if endpoint is None or endpoint.path is None:
            return endpoint
        return replace(endpoint, path=one(endpoint.path))

    def item(word: Any) -> Any:
        if isinstance(word, Target):
            return replace(word, host=one(word.host), user=one(word.user) if word.user else None)
        if isinstance(word, Forward):
            return Forward(end(word.listen) or word.listen, end(word.connect))
        return one(word)

    if isinstance(value, str):
        return one(value)
    if isinstance(value, Mapping):
        return {name: kept(text) for name, text in value.items()}
    return tuple(item(word) for word in value)
