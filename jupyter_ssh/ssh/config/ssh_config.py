"""Reader of ssh_config(5) files: Host and Match blocks, Include, and which of their lines count for a destination."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_ssh.ssh.config import patterns
from jupyter_ssh.ssh.config.settings import Settings, UnknownKeyword, arguments_of_line
from jupyter_ssh.ssh.config.tokens import expand_home
from jupyter_ssh.ssh.config.words import split_keyword
from jupyter_ssh.ssh.errors import ConfigError

DEEPEST_INCLUDE = 16
LARGEST_FILE = 4 << 20  # bytes: a bound for what is held in memory, far above any real file
_BYTE_ORDER_MARK = "\ufeff"
_SYSTEM_FOLDER = "/etc/ssh"

# Criteria that would run a command, look at the network or come from newer versions: their blocks are left out.
_LATER_CRITERIA = frozenset({"exec", "localnetwork", "tagged", "version", "sessiontype", "command"})


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file to read. ``required``: its absence is an error (``-F``). ``checked``: refused when others may write it.

    ``user``: ``~`` and relative names in Include belong to the user's ``~/.ssh``, else to ``/etc/ssh``.
    """

    path: Path
    required: bool = False
    checked: bool = False
    user: bool = True


@dataclass(slots=True)
class MatchContext:
    """What Host and Match compare with. ``host`` and ``user`` are asked when needed: earlier lines may change them."""

    original_host: str
    host: Callable[[], str]
    user: Callable[[], str]
    local_user: str
    home: Path
    final: bool = False
    final_requested: bool = field(default=False)


def default_files(home: Path, system: Path | None = Path(_SYSTEM_FOLDER, "ssh_config")) -> list[ConfigFile]:
    """The user's file and the system's, in OpenSSH's order; either may be absent."""
    files = [ConfigFile(home / ".ssh" / "config", checked=True)]
    if system is not None:
        files.append(ConfigFile(system, user=False))
    return files


def chosen_files(config: str | os.PathLike[str] | None, home: Path) -> list[ConfigFile]:
    """The files for ``-F config`` or ``config=``: the default ones for ``None``, none at all for ``"none"``."""
    if config is None:
        return default_files(home)
    if str(config).lower() == "none":
        return []
    return [ConfigFile(Path(expand_home(os.fspath(config), home)), required=True)]


def read_config(file: ConfigFile, settings: Settings, context: MatchContext) -> None:
    """Add to ``settings`` what ``file`` says for a destination.

    Raises `ConfigError` with the file and the line for what cannot be understood, for a required file that cannot be
    read and for a checked one that others may write.
    """
    _Reader(settings, context).read(file, depth=0, reachable=True)


def hosts(files: Sequence[ConfigFile], home: Path) -> list[str]:
    """The plain names of all Host lines, Include followed: for completion, so nothing in a file is an error."""
    names: dict[str, None] = {}
    seen: set[Path] = set()
    for file in files:
        _collect_hosts(file, home, names, seen)
    return list(names)


class _Reader:
    def __init__(self, settings: Settings, context: MatchContext) -> None:
        self._settings = settings
        self._context = context

    def read(self, file: ConfigFile, *, depth: int, reachable: bool) -> None:
        """One file. ``reachable`` is false below an Include in a block that does not match: only errors count then."""
        active = reachable
        unknown: list[UnknownKeyword] = []
        for number, line in enumerate(self._lines(file), 1):
            parts = split_keyword(line)
            if parts is None:
                continue
            where = f"{file.path} line {number}"
            name = parts[0].lower()
            if name == "host":
                active = self._host(parts[1], where) and reachable
            elif name == "match":
                active = self._match(parts[1], where, reachable)
            elif name == "include":
                self._include(file, parts[1], where, depth, active)
            else:
                try:
                    self._settings.take_line(line, where, active=active)
                except UnknownKeyword as error:
                    unknown.append(error)  # all of them are named, as OpenSSH does
        if unknown:
            text = "; ".join(error.message for error in unknown)
            raise ConfigError(text, phase="options", next_step=unknown[0].next_step or _UNKNOWN_STEP)

    def _lines(self, file: ConfigFile) -> list[str]:
        try:
            return _read_lines(file)
        except OSError as error:
            if file.required:
                text = f"Can't open user config file {file.path}: {error.strerror}"
                raise ConfigError(text, phase="options") from None
            if not isinstance(error, FileNotFoundError):
                self._settings.warnings.append(f"{file.path} is left out: {error.strerror}")
        return []

    def _host(self, rest: str, where: str) -> bool:
        arguments = arguments_of_line("Host", rest, where)
        # After Match final has asked for a second round, Host compares with the name that HostName gave.
        host = self._context.host() if self._context.final else self._context.original_host
        return patterns.matches_any(host, arguments)

    def _include(self, file: ConfigFile, rest: str, where: str, depth: int, active: bool) -> None:
        arguments = arguments_of_line("Include", rest, where)
        if depth >= DEEPEST_INCLUDE:
            raise ConfigError(f"{where}: Too many recursive configuration includes", phase="options")
        for argument in arguments:
            for path in _included(argument, file, self._context.home):
                included = ConfigFile(path, False, file.checked, file.user)
                self.read(included, depth=depth + 1, reachable=active)

    def _match(self, rest: str, where: str, reachable: bool) -> bool:
        """Whether all criteria of a Match line hold. One that is not evaluated yet makes the block one left out."""
        criteria = _criteria(arguments_of_line("Match", rest, where), where)
        result = True
        left_out: str | None = None
        for negated, name, value in criteria:
            if name in _LATER_CRITERIA:
                left_out = left_out or name
                continue
            if self._holds(name, value) == negated:
                result = False
        if left_out is None or not (result and reachable):
            return result and reachable and left_out is None
        self._settings.warnings.append(f"{where}: Match {left_out} is not supported yet: the block is left out")
        return False

    def _holds(self, name: str, value: str) -> bool:
        context = self._context
        if name in ("all", "canonical", "final"):
            # Names are never canonicalised here, so a canonical block never holds; final asks for a second round.
            context.final_requested |= name == "final"
            return name == "all" or (name == "final" and context.final)
        subjects: dict[str, Callable[[], str]] = {
            "host": context.host,
            "originalhost": lambda: context.original_host,
            "user": context.user,
            "localuser": lambda: context.local_user,
        }
        return patterns.matches_list(subjects[name](), value)


_UNKNOWN_STEP = "See ssh_config(5), or name it in IgnoreUnknown."
_WITHOUT_VALUE = frozenset({"all", "canonical", "final"})
_WITH_VALUE = frozenset({"host", "originalhost", "user", "localuser"}) | _LATER_CRITERIA


def _criteria(arguments: list[str], where: str) -> list[tuple[bool, str, str]]:
    """A Match line as (negated, criterion, value); values stand in the next argument or behind ``=``."""
    result: list[tuple[bool, str, str]] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        negated = name.startswith("!")
        name = name.removeprefix("!").lower()
        if any(earlier == "all" for _, earlier, _ in result):
            raise ConfigError(f"{where}: 'all' cannot be combined with other Match attributes", phase="options")
        if name in _WITHOUT_VALUE and not equals:
            result.append((negated, name, ""))
            continue
        if name not in _WITH_VALUE:
            raise ConfigError(f"{where}: Unsupported Match attribute {word}", phase="options")
        if not value and not equals:
            following = next(words, "")
            value = following.removeprefix("=") or next(words, "")
        if not value:
            raise ConfigError(f"{where}: missing argument for Match '{name}'", phase="options")
        result.append((negated, name, value))
    return result


def _included(argument: str, file: ConfigFile, home: Path) -> list[Path]:
    """The files an Include names; a pattern that matches nothing is no error."""
    if argument.startswith("~") and file.user:
        argument = expand_home(argument, home)
    folder = home / ".ssh" if file.user else Path(_SYSTEM_FOLDER)
    return [Path(path) for path in sorted(glob.glob(str(folder / argument)))]


def _read_lines(file: ConfigFile) -> list[str]:
    """The lines of a file; raises ``OSError``, and `ConfigError` when others may write it or it is too large."""
    try:
        with open(file.path, "rb") as stream:
            if file.checked:
                _check_owner(os.fstat(stream.fileno()), file.path)
            data = stream.read(LARGEST_FILE + 1)
    except IsADirectoryError:
        return []
    if len(data) > LARGEST_FILE:
        raise ConfigError(f"{file.path} is larger than {LARGEST_FILE} bytes", phase="options")
    return data.decode("utf-8", "surrogateescape").removeprefix(_BYTE_ORDER_MARK).split("\n")


def _check_owner(status: os.stat_result, path: Path) -> None:
    """Refuse a file that another user owns or may write: its lines decide where passwords go."""
    if os.name == "nt":
        return  # Windows has no such bits; its access lists are not looked at
    if status.st_uid not in (0, os.getuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"Bad owner or permissions on {path}",
            phase="options",
            expected="a file only its owner can write",
            received=f"mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid}",
            next_step=f"chmod go-w {path}",
        )


def _collect_hosts(file: ConfigFile, home: Path, names: dict[str, None], seen: set[Path]) -> None:
    if file.path in seen:
        return  # files that include each other
    seen.add(file.path)
    try:
        lines = _read_lines(file)
    except (OSError, ConfigError):
        return
    for line in lines:
        parts = split_keyword(line)
        if parts is None or parts[0].lower() not in ("host", "include"):
            continue
        try:
            arguments = arguments_of_line(parts[0], parts[1], "")
            if parts[0].lower() == "host":
                names.update(dict.fromkeys(filter(patterns.is_plain, arguments)))
                continue
            for argument in arguments:
                for path in _included(argument, file, home):
                    _collect_hosts(ConfigFile(path, False, file.checked, file.user), home, names, seen)
        except ConfigError:
            continue
