"""Reader of ssh_config(5) files: Host and Match blocks, Include, and which lines apply to a destination."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.config import patterns
from jupyter_ssh.ssh.config.matching import MatchContext, match_holds
from jupyter_ssh.ssh.config.settings import Settings, UnknownKeyword, arguments_of_line
from jupyter_ssh.ssh.config.tokens import ALL_TOKENS, expand_home, expand_percent, expand_variables
from jupyter_ssh.ssh.config.words import split_keyword
from jupyter_ssh.ssh.errors import ConfigError

DEEPEST_INCLUDE = 16
MOST_FILES = 2000  # files read for one connection
LARGEST_FILE = 4 << 20  # bytes; far above any real file, to bound the memory used
MOST_PROBLEMS = 20  # errors reported for one file
_BYTE_ORDER_MARK = "\ufeff"
_SYSTEM_FOLDER = "/etc/ssh"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file to read.

    ``required``: its absence is an error (``-F``).  ``checked``: it is refused if others may write it.  ``user``:
    relative names in Include are relative to the user's ``~/.ssh`` (and ``~`` is allowed), else to ``/etc/ssh``.
    ``named_at`` is the position of the Include that names it.
    """

    path: Path
    required: bool = False
    checked: bool = False
    user: bool = True
    named_at: str | None = None


def default_files(home: Path, system: Path | None = Path(_SYSTEM_FOLDER, "ssh_config")) -> list[ConfigFile]:
    """Return the user's and the system's file, in OpenSSH's order; either may be absent."""
    files = [ConfigFile(home / ".ssh" / "config", checked=True)]
    if system is not None:
        files.append(ConfigFile(system, user=False))
    return files


def chosen_files(config: str | os.PathLike[str] | None, home: Path) -> list[ConfigFile]:
    """Return the files for ``-F config`` or ``config=``: the default files for ``None``, no files for ``"none"``."""
    if config is None:
        return default_files(home)
    if str(config).lower() == "none":
        return []
    return [ConfigFile(Path(expand_home(os.fspath(config), home)), required=True)]


def read_config(file: ConfigFile, settings: Settings, context: MatchContext) -> None:
    """Add to ``settings`` what ``file`` configures for a destination.

    Raises `ConfigError`, with file and line, for an invalid line, a required file that cannot be read, and a checked
    file that others may write.
    """
    _Reader(settings, context).read(file, depth=0, reachable=True)


def hosts(files: Sequence[ConfigFile], home: Path) -> list[str]:
    """Return the plain names in all Host lines, following Include.  For completion, so errors in files are ignored."""
    names: dict[str, None] = {}
    seen: set[Path] = set()
    for file in files:
        _collect_hosts(file, home, names, seen)
    return list(names)


class _Reader:
    def __init__(self, settings: Settings, context: MatchContext) -> None:
        self._settings = settings
        self._context = context
        self._files = 0

    def read(self, file: ConfigFile, *, depth: int, reachable: bool) -> None:
        """Read one file.  If not ``reachable``, because of an Include in a block that does not match, only check it."""
        self._count(file)
        active = reachable
        problems: list[ConfigError] = []
        for number, line in enumerate(self._lines(file), 1):
            parts = split_keyword(line)
            if parts is None:
                continue
            where = f"{file.path} line {number}"
            name = parts[0].lower()
            try:
                if name == "host":
                    active = self._host(parts[1], where) and reachable
                elif name == "match":
                    arguments = arguments_of_line("Match", parts[1], where)
                    active = match_holds(arguments, where, self._context, reachable=reachable)
                elif name == "include":
                    self._include(file, parts[1], where, depth, active)
                else:
                    self._settings.take_parts(*parts, where, active=active)
            except _InFile:
                raise
            except ConfigError as error:
                problems.append(error)  # report several at once, as OpenSSH does
                if len(problems) == MOST_PROBLEMS:
                    break
        if problems:
            text = "; ".join(error.message for error in problems)
            first = problems[0]
            step = first.next_step or (_UNKNOWN_STEP if isinstance(first, UnknownKeyword) else None)
            raise _InFile(text, phase="options", expected=first.expected, received=first.received, next_step=step)

    def _count(self, file: ConfigFile) -> None:
        """Limit the number of files: some that include each other many times would take for ever without being deep."""
        self._files += 1
        if self._files > MOST_FILES:
            raise _InFile(
                f"{file.named_at or file.path}: more than {MOST_FILES} files are included",
                phase="options",
                next_step="Look for files that include each other.",
            )

    def _lines(self, file: ConfigFile) -> list[str]:
        try:
            lines = _read_lines(file)
            self._settings.notes.append(f"Reading configuration data {file.path}")
            return lines
        except OSError as error:
            if file.named_at is not None and not isinstance(error, FileNotFoundError):
                text = f"{file.named_at}: Can't open user config file {file.path}: {error.strerror}"
                raise ConfigError(text, phase="options") from None
            if file.required:
                text = f"Can't open user config file {file.path}: {error.strerror}"
                raise ConfigError(text, phase="options") from None
            if not isinstance(error, FileNotFoundError):
                self._settings.warnings.append(f"{file.path} is ignored: {error.strerror}")
        return []

    def _host(self, rest: str, where: str) -> bool:
        arguments = arguments_of_line("Host", rest, where)
        holds = patterns.matches_any(self._context.listed, arguments)
        if holds:
            self._settings.notes.append(f"{where}: Applying options for {' '.join(arguments)}")
        return holds

    def _include(self, file: ConfigFile, rest: str, where: str, depth: int, active: bool) -> None:
        arguments = arguments_of_line("Include", rest, where)
        if depth >= DEEPEST_INCLUDE:
            text = f"{where}: Too many recursive configuration includes"
            raise ConfigError(text, phase="options", next_step="Look for files that include each other.")
        for argument in arguments:
            if not argument:
                raise ConfigError(f"{where}: keyword Include empty argument", phase="options")
            if argument.startswith("~") and not file.user:
                raise ConfigError(f"{where}: bad include path {argument}.", phase="options")
            included = _included(self._expanded(argument, where), file, self._context.local.home)
            if not included:
                self._settings.notes.append(f"{where}: include {argument} matched no files")
            for path in included:
                # Included files must not be writable by others, even if the including file was named with -F.
                found = ConfigFile(path, required=False, checked=True, user=file.user, named_at=where)
                self.read(found, depth=depth + 1, reachable=active)

    def _expanded(self, argument: str, where: str) -> str:
        """Expand ``${NAME}`` and tokens, as OpenSSH does since 9.9."""
        if "%" not in argument and "${" not in argument:
            return argument
        try:
            argument = expand_percent(argument, ALL_TOKENS, self._context.tokens(), "Include")
            return expand_variables(argument, self._context.local.environment, "Include")
        except ConfigError as error:
            raise ConfigError(f"{where}: {error.message}", phase="options", next_step=error.next_step) from None


_UNKNOWN_STEP = "See ssh_config(5), or add it to IgnoreUnknown."


class _InFile(ConfigError):
    """The combined errors of one file; the files that include it add nothing."""


def _included(argument: str, file: ConfigFile, home: Path) -> list[Path]:
    """Return the files that an Include names; a pattern that matches nothing is not an error."""
    if argument.startswith("~") and file.user:
        argument = expand_home(argument, home)
    folder = home / ".ssh" if file.user else Path(_SYSTEM_FOLDER)
    return [Path(path) for path in sorted(glob.glob(str(folder / argument)))]


def _read_lines(file: ConfigFile) -> list[str]:
    """Return the lines of a file.  Raises ``OSError``, and `ConfigError` if others may write it or it is too large."""
    try:
        with open(file.path, "rb") as stream:
            if file.checked:
                _check_owner(os.fstat(stream.fileno()), file.path)
            data = stream.read(LARGEST_FILE + 1)
    except IsADirectoryError:
        return []
    if len(data) > LARGEST_FILE:
        raise ConfigError(f"{file.path} is larger than {LARGEST_FILE} bytes", phase="options")
    lines = data.decode("utf-8", "surrogateescape").removeprefix(_BYTE_ORDER_MARK).split("\n")
    return [line.partition("\0")[0] for line in lines] if b"\0" in data else lines


def _check_owner(status: os.stat_result, path: Path) -> None:
    """Refuse a file that another user owns or may write: its lines decide where passwords are sent."""
    if sys.platform == "win32":
        return  # Windows has no such bits; its access control lists are not checked
    others = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and not _is_own_group(status))
    foreign = status.st_uid not in (0, os.getuid())
    if foreign or others:
        commands = [f"chown {os.getuid()} {path}"] * foreign + [f"chmod go-w {path}"] * bool(others)
        raise ConfigError(
            f"Bad owner or permissions on {path}",
            phase="options",
            expected="a file that only its owner can write",
            received=f"mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid}",
            next_step=f"Run: {' && '.join(commands)}",
        )


def _is_own_group(status: os.stat_result) -> bool:
    """Return whether a file's group contains nobody but its owner.

    Where each user has a group of their own, and therefore a umask of 002, files are usually group-writable; Debian's
    OpenSSH accepts them.
    """
    if sys.platform == "win32":
        return False
    import grp
    import pwd

    try:
        group, owner = grp.getgrgid(status.st_gid), pwd.getpwuid(status.st_uid)
    except KeyError:
        return False
    of_group = {account.pw_uid for account in pwd.getpwall() if account.pw_gid == status.st_gid}
    listed = {*group.gr_mem}
    return bool(of_group or listed) and of_group <= {status.st_uid} and listed <= {owner.pw_name}


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
                    _collect_hosts(ConfigFile(path, checked=file.checked, user=file.user), home, names, seen)
        except ConfigError:
            continue
