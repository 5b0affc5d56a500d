"""AuthorizedPrincipalsFile: the principals of which a certificate must have one (sshd_config(5))."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.server.logins.authorized_keys import MAX_FILE, Problem
from jupyter_ssh.ssh.server.logins.file_memory import FileMemory
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
    def load(
        cls,
        path: Path,
        *,
        names: Collection[str] | None = None,
        home: Path | None = None,
        strict_modes: bool = True,
        memory: FileMemory[bytes] | None = None,
    ) -> Principals:
        """Read a file; with ``names``, only their lines.  Raises `ConfigError` as `AuthorizedKeys.load` does."""
        data = read_trusted(path, home=home, strict=strict_modes, limit=MAX_FILE, memory=memory)
        return cls.parse(data.decode("utf-8", "surrogateescape"), names)

    @classmethod
    def parse(cls, text: str, names: Collection[str] | None = None) -> Principals:
        """Parse the text of a file: the last word of a line is the principal, preceded by options.

        If ``names`` are given, lines of others are passed over without parsing their options.
        """
        entries: list[Principal] = []
        problems: list[Problem] = []
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.partition("#")[0].strip()
            if not line:
                continue
            options, _, name = (" " + line.replace("\t", " ")).rpartition(" ")
            if names is not None and name not in names:
                continue
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
