"""`resolve`: every option of a connection from all that speaks of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_ssh.ssh.config.canonical import Canonicalization, canonical_name
from jupyter_ssh.ssh.config.keywords import KEYWORDS, ROWS, Keyword
from jupyter_ssh.ssh.config.matching import MatchContext
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.settings import Settings
from jupyter_ssh.ssh.config.special_values import Forward, Place
from jupyter_ssh.ssh.config.ssh_config import ConfigFile, read_config
from jupyter_ssh.ssh.config.surroundings import Names, NoNames, Surroundings
from jupyter_ssh.ssh.config.target import Target, check_host, parse_target
from jupyter_ssh.ssh.config.tokens import connection_hash, expand_home, expand_percent, expand_variables
from jupyter_ssh.ssh.errors import ConfigError

# A user named on a command line may come from a link or a script; these characters could leave the place they are put
# into, such as ProxyCommand.
_NOT_IN_USER = re.compile(r"""^-|[\x00-\x1f\x7f'`"$\\;&<>|(){}]|\s-""")


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
    """Decide every option for ``target``; of several values the first in this order counts.

    1. ``keywords``: Python values by snake_case name (``known_hosts`` stands for that file and no other),
    2. ``command_line``: text of ``-o`` (``"Port=22"``) or pairs of a keyword and its one argument,
    3. user and port in ``target``,
    4. ``files`` in their order (a plain path must exist),
    5. defaults.

    ``user_name``, ``home``, ``environment``, ``uid`` and ``local_host`` describe this side: they are what ``%u``,
    ``%d``, ``${NAME}``, ``%i`` and ``%l`` become.  ``run``, ``names``, ``addresses`` and ``command`` serve Match and
    CanonicalizeHostname, see `Surroundings`.  Raises `ConfigError`.
    """
    destination = parse_target(target) if isinstance(target, str) else target
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
    _check_user(settings)
    around = Surroundings(
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
    _Reading(settings, destination, around).read([_as_file(file) for file in files])
    return _complete(settings, destination, around)


def _with_known_hosts(keywords: Mapping[str, object]) -> dict[str, object]:
    """``known_hosts=PATH`` as ssh_config says it: this file for the user and none for the system."""
    result = dict(keywords)
    path = result.pop("known_hosts", None)
    if path is not None:
        result = {"user_known_hosts_file": path, "global_known_hosts_file": "none", **result}
    return result


def _as_file(file: ConfigFile | str | os.PathLike[str]) -> ConfigFile:
    return file if isinstance(file, ConfigFile) else ConfigFile(Path(file), required=True)


def _session(settings: Settings, command: str | None) -> str:
    """Return what Match sessiontype compares with: known from the command line alone."""
    kind = str(settings.values.get("session_type", "default"))
    return kind if kind != "default" else "exec" if command else "shell"


def _check_user(settings: Settings) -> None:
    user = settings.values.get("user")
    if isinstance(user, str) and _NOT_IN_USER.search(user):
        raise ConfigError("remote username contains invalid characters", phase="options")


class _Reading:
    """Reads the files once, settles the name, and reads them again where a canonical name or Match final asks for it.

    A HostName line that counts only in the second round comes too late for the name, as in OpenSSH.
    """

    def __init__(self, settings: Settings, target: Target, around: Surroundings) -> None:
        self._settings = settings
        self._target = target
        self._around = around
        self._context = MatchContext(
            original_host=target.host,
            listed=target.host,
            host=lambda: _host_name(settings, target),
            user=lambda: str(settings.values.get("user", around.user_name)),
            tag=lambda: str(settings.values.get("tag", "")),
            tokens=lambda: _tokens(settings.values, target, around, _host_name(settings, target)),
            around=around,
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
        name = canonical_name(given, options, self._around.names)
        if name != given.lower():
            settings.notes.append(f'Canonicalized hostname "{given}" => "{name}"')
        again = self._context.final_requested or options.when != "no"
        settings.values["host_name"] = name.replace("%", "%%")
        if not again:
            return
        settings.notes.append("re-parsing configuration")
        # What has been decided by cannot be said any more.
        for option in ("canonicalize_fallback_local", "canonicalize_hostname", "canonicalize_max_dots"):
            settings.values.setdefault(option, KEYWORDS[option.replace("_", "")].default)
        self._context.final = True
        self._context.listed = name
        # What it would say was said in the first round.
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
    """Return what a keyword comes to so far, with its default."""

    def value(name: str) -> Any:
        row = KEYWORDS[name.lower()]
        return settings.values.get(row.option, row.default)

    return value


def _host_name(settings: Settings, target: Target) -> str:
    """Return the name so far, in the letters in which it was given."""
    given = settings.values.get("host_name")
    if given is None:
        return target.host
    return expand_percent(str(given), KEYWORDS["hostname"].tokens, {"h": target.host}, "HostName")


def _complete(settings: Settings, target: Target, around: Surroundings) -> Options:
    """Fill in the defaults and expand what may be expanded."""
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
        # As OpenSSH: only the person's own file, and keys vouched for by DNS are kept current there.
        own_file = written["user_known_hosts_file"][:1] == KEYWORDS["userknownhostsfile"].default[:1]  # type: ignore[index]
        given = "user_known_hosts_file" in settings.values
        single = own_file and (not given or len(written["user_known_hosts_file"]) == 1)
        written["update_host_keys"] = "yes" if single and written["verify_host_key_dns"] == "no" else "no"
    tokens = _tokens(written, target, around, host_name)
    if written["user"] is not None:
        user = KEYWORDS["user"]
        written["user"] = _expanded(user, written["user"], tokens, around)
        tokens = _tokens(written, target, around, host_name)
    written["user"] = written["user"] or around.user_name
    values = {row.option: _expanded(row, written[row.option], tokens, around) for row in ROWS if row.option != "user"}
    values["user"] = written["user"]
    values["connect_timeout"] = values["connect_timeout"] or None  # 0 is no limit of its own, as in OpenSSH
    # "IdentityFile none" keeps the default files out and is no file itself.
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


def _tokens(values: Mapping[str, Any], target: Target, around: Surroundings, host: str) -> dict[str, str]:
    port, user = str(values.get("port") or 22), str(values.get("user") or around.user_name)
    jumps: tuple[Target, ...] = values.get("proxy_jump") or ()
    jump = jumps[-1].host if jumps else ""
    return {
        "C": connection_hash(around.host, host, int(port), user, jump),
        "d": str(around.home),
        "h": host,
        "i": "" if around.uid is None else str(around.uid),
        "j": jump,
        "k": values.get("host_key_alias") or target.host,
        "L": around.host.partition(".")[0],
        "l": around.host,
        "n": target.host,
        "p": port,
        "r": user,
        "T": "NONE",  # no tunnel device is ever opened
        "u": around.user_name,
    }


def _expanded(row: Keyword, value: Any, tokens: Mapping[str, str], around: Surroundings) -> Any:
    if row.option == "host_name" or value is None or not (row.tokens or row.variables or row.home):
        return value

    def one(text: str) -> str:
        if row.home:
            text = expand_home(text, around.home)
        if row.tokens:
            text = expand_percent(text, row.tokens, tokens, row.name)
        return expand_variables(text, around.environment, row.name) if row.variables else text

    def kept(text: str) -> str:
        try:
            return one(text)
        except ConfigError:
            return text  # before OpenSSH 10 a value was sent as it stands, and may hold a "%" of its own

    def end(place: Place | None) -> Place | None:
        return replace(place, path=one(place.path)) if place is not None and place.path is not None else place

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
