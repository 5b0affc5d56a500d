"""AuthorizedPrincipalsFile: the principals of which a certificate must have one (sshd_config(5))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.server.logins.authorized_keys import MAX_FILE, Problem
from jupyter_ssh.ssh.server.logins.file_modes import read_trusted
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions, parse_options


@dataclass(frozen=True, slots=True)
class Principal:
    """One line: a principal, and what a certificate with it may be used for."""

    name: str
    options: KeyOptions
    line: int


class Principals:
    """The principals of one file; lines that cannot be parsed are ``problems``."""

    def __init__(self, entries: Iterable[Principal] = (), problems: Iterable[Problem] = ()) -> None:
        self.entries = tuple(entries)
        self.problems = tuple(problems)

    @classmethod
    def load(cls, path: Path, *, home: Path | None = None, strict_modes: bool = True) -> Principals:
        """Read a file.  Raises `ConfigError` as `AuthorizedKeys.load` does."""
        data = read_trusted(path, home=home, strict=strict_modes, limit=MAX_FILE)
        return cls.parse(data.decode("utf-8", "surrogateescape"))

    @classmethod
    def parse(cls, text: str) -> Principals:
        """Parse the text of a file: the last word of a line is the principal, preceded by options."""
        entries: list[Principal] = []
        problems: list[Problem] = []
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.partition("#")[0].strip()
            if not line:
                continue
            options, _, name = (" " + line.replace("\t", " ")).rpartition(" ")
            try:
                parsed = parse_options(options.strip()) if options.strip() else KeyOptions()
            except ValueError as error:
                problems.append(Problem(number, str(error)))
                continue
            entries.append(Principal(name, parsed, number))
        return cls(entries, problems)

    def find(self, names: Iterable[str], address: str, now: float) -> Principal | None:
        """Return the first line with one of ``names`` that admits a client at ``address`` at ``now``."""
        wanted = set(names)
        for entry in self.entries:
            if entry.name in wanted and entry.options.admits(address, now):
                return entry
        return None
