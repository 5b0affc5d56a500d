"""Read sshd_config(5): the lines of ``-o``, and a file of ``-f`` with what it includes."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_ssh.commands.sshd.keywords import (
    ACTED_ON,
    ALIASES,
    NOTED_REASONS,
    REFUSED,
    STRUCTURE,
    Refusal,
    Row,
    ServerConfig,
)
from jupyter_ssh.commands.sshd.matching import GLOBAL_ONLY, MatchAccount, match_holds
from jupyter_ssh.ssh.config.settings import arguments_of_line, shown
from jupyter_ssh.ssh.config.tokens import expand_home, expand_percent
from jupyter_ssh.ssh.config.words import split_keyword
from jupyter_ssh.ssh.errors import ConfigError

LARGEST_FILE = 1 << 20
DEEPEST_INCLUDE = 16
MOST_FILES = 256
INCLUDE_FOLDER = Path("/etc/ssh")
"""Where Include looks for relative names, as in sshd_config(5)."""


class ServerConfigReader:
    """Reads lines into a `ServerConfig`; the first value of a keyword counts, so ``-o`` is read before the file.

    What a Match block says about the account precedes what is said outside, ``-o`` included, as in OpenSSH.
    """

    def __init__(self, account: MatchAccount | None = None) -> None:
        self._account = MatchAccount() if account is None else account
        self.ignored: list[str] = []
        self._given: dict[str, Any] = {}
        self._given_in_match: dict[str, Any] = {}
        self._refusals_passed: set[tuple[str, bool]] = set()
        self._in_match = False
        self._active = True
        self._file_active = True
        """Whether the line that includes the present file applies: if not, no block in the file does."""
        self._files = 0

    @property
    def config(self) -> ServerConfig:
        """The configuration as read so far."""
        config = ServerConfig()
        for name, row in ACTED_ON.items():
            found = [given[name] for given in (self._given_in_match, self._given) if name in given]
            if not found:
                continue
            value = found[0]
            if len(found) == 2 and isinstance(value, Mapping) and row.gathers:
                value = {**found[1], **value}
            if row.put is not None:
                row.put(config, value)
            elif row.option is not None:
                config.options[row.option] = value
        return config

    def take_line(self, line: str, where: str) -> None:
        """Read the line ``Keyword value`` of an option.  Raises `ConfigError` with ``where``, also for Match and
        Include: what a Match of the command line began would go on through the file."""
        parts = split_keyword(line)
        if parts is None:
            return
        if parts[0].lower() in STRUCTURE:
            raise ConfigError(
                f"{where}: {parts[0]} directive not supported as a command-line option",
                phase="options",
                next_step="Write it into a file, and give that with -f.",
            )
        self._take(*parts, where, depth=0)

    def read(self, path: Path) -> None:
        """Read a file of such lines.  Raises `ConfigError`."""
        self._read(path, depth=0)

    def _read(self, path: Path, *, depth: int) -> None:
        self._files += 1
        if self._files > MOST_FILES:
            raise ConfigError(
                f"{path}: more than {MOST_FILES} files are included",
                phase="options",
                next_step="Look for files that include each other.",
            )
        try:
            with open(path, "rb") as stream:
                data = stream.read(LARGEST_FILE + 1)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}", phase="options") from None
        if len(data) > LARGEST_FILE:
            raise ConfigError(f"{path} is larger than {LARGEST_FILE} bytes", phase="options")
        outside = self._in_match, self._active, self._file_active
        self._file_active = self._active
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
            parts = split_keyword(line)
            if parts is not None:
                self._take(*parts, f"{path} line {number}", depth)
        # A Match block ends with its file.
        self._in_match, self._active, self._file_active = outside

    def _take(self, name: str, rest: str, where: str, depth: int) -> None:
        key = ALIASES.get(name.lower(), name.lower())
        if key in STRUCTURE:
            self._take_structure(key, rest, where, depth)
            return
        row, refusal, noted = ACTED_ON.get(key), REFUSED.get(key), NOTED_REASONS.get(key)
        if row is None and refusal is None and noted is None:
            raise ConfigError(
                f"{where}: Bad configuration option: {shown(name)}", phase="options", next_step=_near(name)
            )
        if self._in_match and key in GLOBAL_ONLY:
            raise ConfigError(f"{where}: Directive '{name}' is not allowed within a Match block", phase="options")
        if noted is not None:
            self.ignored.append(f"{where}: {name} has no effect here: {noted}")
            return
        if row is not None and row.kind.raw:
            arguments = [rest.lstrip(" \t=")]
        else:
            arguments = arguments_of_line(name, rest, where)
        if not arguments[0]:
            raise ConfigError(f'{where}: no argument after keyword "{name}"', phase="options")
        if refusal is not None:
            self._check(refusal, name, arguments, where)
        elif row is not None:
            self._take_value(row, name, arguments, where)

    def _take_value(self, row: Row, name: str, arguments: Sequence[str], where: str) -> None:
        if row.kind.most is not None and len(arguments) > row.kind.most:
            raise ConfigError(f"{where}: keyword {name} extra arguments at end of line", phase="options")
        try:
            value = row.change(row.kind.read(arguments))
        except ValueError as error:
            raise ConfigError(f"{where}: {error}", phase="options") from None
        if not self._active:
            return
        given, key = self._given_in_match if self._in_match else self._given, row.name.lower()
        if key not in given:
            given[key] = value
        elif row.gathers and isinstance(value, Mapping):
            # As in OpenSSH since 9.5: before, it refused to start.
            self.ignored += [f"{where}: {row.name} {again!a} already defined" for again in value if again in given[key]]
            given[key] = {**value, **given[key]}
        elif row.gathers:
            given[key] = (*given[key], *value)

    def _check(self, refusal: Refusal, name: str, arguments: Sequence[str], where: str) -> None:
        """Refuse a value that cannot be acted on, unless an earlier line decided."""
        key = (refusal.name, self._in_match)
        if not self._active or key in self._refusals_passed:
            return
        if len(arguments) > 1 or arguments[0].lower() not in refusal.fitting:
            fitting = refusal.fitting[0]
            step = f"Write {refusal.name} {fitting}"
            if not self._in_match:
                step += f", or start it with -o {refusal.name}={fitting}, which precedes the file"
            raise ConfigError(
                f"{where}: {name} {shown(' '.join(arguments))} is not supported: {refusal.why}",
                phase="options",
                next_step=f"{step}, if that is enough.",
            )
        self._refusals_passed.add(key)

    # --- which lines are read -----------------------------------------------------------------------------------------

    def _take_structure(self, key: str, rest: str, where: str, depth: int) -> None:
        if key == "match":
            arguments = arguments_of_line("Match", rest, where)
            self._active = match_holds(arguments, where, self._account if self._file_active else None)
            self._in_match = True
        else:
            self._include(arguments_of_line("Include", rest, where), where, depth)

    def _include(self, patterns: Sequence[str], where: str, depth: int) -> None:
        if depth >= DEEPEST_INCLUDE:
            raise ConfigError(
                f"{where}: Too many recursive configuration includes",
                phase="options",
                next_step="Look for files that include each other.",
            )
        for pattern in patterns:
            for path in sorted(glob.glob(str(INCLUDE_FOLDER / pattern))):
                self._read(Path(path), depth=depth + 1)


def _near(name: str) -> str | None:
    """Return a question with the keyword that was probably meant."""
    import difflib  # only for an error's text

    close = difflib.get_close_matches(name.lower(), [*ACTED_ON, *REFUSED, *NOTED_REASONS], n=1, cutoff=0.75)
    if not close:
        return "See sshd_config(5)."
    row = ACTED_ON.get(close[0]) or REFUSED.get(close[0])
    return f"Did you mean {row.name if row is not None else close[0]}?"


def authorized_keys_files(names: Sequence[str], user: str, home: Path) -> list[Path]:
    """Return the files of AuthorizedKeysFile: ``%h``, ``%u``, ``%U`` and ``~`` are expanded, relative names are below
    ``home``."""
    tokens = {"h": str(home), "u": user, "U": "0"}
    if sys.platform != "win32":
        tokens["U"] = str(os.getuid())
    return [home / expand_home(expand_percent(name, "huU", tokens, "AuthorizedKeysFile"), home) for name in names]
