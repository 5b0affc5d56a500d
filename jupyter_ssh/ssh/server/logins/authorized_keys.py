"""Which public keys may log in: the authorized_keys file (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.errors import ConfigError, SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.types.table import KEY_TYPES, parse_public_line
from jupyter_ssh.ssh.server.logins.file_memory import FileMemory
from jupyter_ssh.ssh.server.logins.file_modes import read_trusted
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions, parse_options

MAX_LINE = 64 * 1024
MAX_FILE = 4 << 20


@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """One line: a key, what it may be used for, and the number of the line (the first is 1)."""

    key: PublicKey
    options: KeyOptions
    comment: str
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that could not be parsed and so allows nobody to log in."""

    line: int
    why: str


class AuthorizedKeys:
    """The keys of one file.  Lines that cannot be parsed are ``problems``; they do not affect the others."""

    def __init__(self, entries: Iterable[AuthorizedKey] = (), problems: Iterable[Problem] = ()) -> None:
        self.entries = tuple(entries)
        self.problems = tuple(problems)

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        key: PublicKey | None = None,
        home: Path | None = None,
        strict_modes: bool = True,
        required_rsa_size: int | None = None,
        memory: FileMemory[bytes] | None = None,
    ) -> AuthorizedKeys:
        """Read a file; if ``key`` is given, only the lines with it.

        Raises `ConfigError` if it cannot be read or others may write it (see `read_trusted`).  ``required_rsa_size`` is
        the minimum size of RSA keys in bits, 2048 by default.
        """
        data = read_trusted(path, home=home, strict=strict_modes, limit=MAX_FILE, memory=memory)
        return cls._parsed(_lines(data) if key is None else _lines_with(data, key), required_rsa_size)

    @classmethod
    def parse(cls, text: str, required_rsa_size: int | None = None) -> AuthorizedKeys:
        """Parse the text of a file."""
        return cls._parsed(enumerate(text.split("\n"), 1), required_rsa_size)

    @classmethod
    def _parsed(cls, lines: Iterable[tuple[int, str]], required_rsa_size: int | None) -> AuthorizedKeys:
        entries: list[AuthorizedKey] = []
        problems: list[Problem] = []
        for number, raw in lines:
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            try:
                entries.append(_parse_line(line, number, required_rsa_size))
            except (ValueError, SSHError) as error:
                problems.append(Problem(number, str(error)))
        return cls(entries, problems)

    def find(self, key: PublicKey, address: str, now: float) -> AuthorizedKey | None:
        """Return the first line for ``key`` that admits a client at ``address``, at ``now`` in seconds since the
        epoch."""
        for entry in self.entries:
            if entry.key == key and not entry.options.cert_authority and entry.options.admits(address, now):
                return entry
        return None

    def authorities(self, key: PublicKey, address: str, now: float) -> list[AuthorizedKey]:
        """Return the lines that accept certificates signed by ``key``, under the same conditions."""
        return [
            entry
            for entry in self.entries
            if entry.key == key and entry.options.cert_authority and entry.options.admits(address, now)
        ]


def _lines(data: bytes) -> Iterable[tuple[int, str]]:
    return enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1)


def _lines_with(data: bytes, key: PublicKey) -> Iterator[tuple[int, str]]:
    """Yield the lines that contain ``key``, with their numbers, without parsing any.

    A key has only one encoding that is accepted, so that it can be looked for as text.
    """
    text = binascii.b2a_base64(key.blob, newline=False)
    end, number = 0, 1
    while (found := data.find(text, end)) >= 0:
        start = data.rfind(b"\n", 0, found) + 1
        number += data.count(b"\n", end, start)
        end = data.find(b"\n", found)
        end = len(data) if end < 0 else end
        yield number, data[start:end].decode("utf-8", "surrogateescape")


# A word that may contain quoted parts with blanks.
_FIRST_WORD = re.compile(r'((?:[^\s"]|"(?:\\"|[^"\\]|\\(?!"))*")+)[ \t]+(.*)', re.DOTALL)


def _parse_line(line: str, number: int, required_rsa_size: int | None) -> AuthorizedKey:
    if len(line) > MAX_LINE:
        raise ConfigError("line too long", expected=f"at most {MAX_LINE} characters")
    match = _FIRST_WORD.fullmatch(line)
    if match is None:
        raise ConfigError("neither a key nor options and a key")
    word, rest = match.groups()
    if word in KEY_TYPES:
        options, key_text = KeyOptions(), line
    elif rest.startswith("AAAA"):
        raise ConfigError(f"keys of type {word[:80]} are not supported")
    else:
        options, key_text = parse_options(word), rest.strip()
    key, comment = parse_public_line(key_text, required_rsa_size)
    return AuthorizedKey(key, options, comment, number)
