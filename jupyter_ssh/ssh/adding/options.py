"""The option grammar shared by ``jupyter-ssh add`` and ``%ssh_add``: the letters of ssh-add(1), as a table."""

from __future__ import annotations

import getopt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.config.values import parse_time
from jupyter_ssh.ssh.errors import ConfigError

PROGRAM = "jupyter-ssh add"
HASHES = ("sha256", "md5")
MAX_LIFETIME = 0xFFFFFFFF
SK_PROVIDER = "SSH_SK_PROVIDER"
"""The environment variable that names the library for security keys, as ``-S`` does."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An option letter; ``value`` names its argument, ``refused`` says why it is not supported."""

    letter: str
    meaning: str
    value: str | None = None
    refused: str | None = None


_NO_PKCS11 = "PKCS#11 libraries are not supported: use ssh-add"
_NO_DEVICE = "security keys are not supported: use ssh-add -K on the machine with the device"

LETTERS: dict[str, Letter] = {
    row.letter: row
    for row in (
        Letter("C", "add or remove certificates only"),
        Letter("c", "require confirmation for each use of the key"),
        Letter("D", "remove all keys"),
        Letter("d", "remove keys"),
        Letter("E", "hash of fingerprints: sha256 or md5", "hash"),
        Letter("e", "remove a PKCS#11 library", "library", _NO_PKCS11),
        Letter("H", "known_hosts file for -h; may be repeated", "file"),
        Letter("h", "limit the key to [user@]host or host>[user@]host; may be repeated", "where"),
        Letter("K", "add the keys stored in a security key", refused=_NO_DEVICE),
        Letter("k", "skip certificates"),
        Letter("L", "list the public keys"),
        Letter("l", "list the fingerprints"),
        Letter("q", "quiet after success"),
        Letter("S", "library for a security key", "library"),
        Letter("s", "add the keys of a PKCS#11 library", "library", _NO_PKCS11),
        Letter("T", "test whether the agent can sign with these keys"),
        Letter("t", "lifetime of the key in the agent, such as 3600 or 8h", "time"),
        Letter("v", "verbose"),
        Letter("X", "unlock the agent"),
        Letter("x", "lock the agent with a password"),
    )
}

SYNOPSES = (
    "[-cCkqv] [-t time] [-h where] [-H known_hosts] [-S library] [file ... | -]",
    "-d [-Ckqv] [file ... | -]",
    "-D | -l [-E hash] | -L | -x | -X",
    "-T public_key_file ...",
)

ACTIONS = "DdlLTxX"
"""Letters that select what to do; without one, keys are added."""


@dataclass(slots=True)
class Arguments:
    """A parsed command line."""

    action: str = ""
    """One of `ACTIONS`, or empty to add keys."""
    given: frozenset[str] = frozenset()
    hash_name: str = "sha256"
    lifetime: int | None = None
    """Seconds."""
    destinations: list[str] = field(default_factory=list)
    known_hosts: list[str] = field(default_factory=list)
    sk_provider: str | None = None
    verbose: int = 0
    files: list[str] = field(default_factory=list)

    def has(self, letter: str) -> bool:
        """Return whether the letter was given."""
        return letter in self.given


def parse(argv: Sequence[str]) -> Arguments:
    """Parse the words of a command line, without the program's name.

    Raises `Usage`, and `ConfigError` for a letter of ssh-add that is not supported or an invalid value.
    """
    short = "".join(row.letter + (":" if row.value else "") for row in LETTERS.values())
    try:
        options, files = getopt.getopt(list(argv), short)
    except getopt.GetoptError as error:
        raise Usage(str(error.msg), phase="options") from None
    result = Arguments(files=files, given=frozenset(name[1:] for name, _ in options))
    for name, value in options:
        row = LETTERS[name[1:]]
        if row.refused is not None:
            raise ConfigError(f"{name}: {row.refused}", phase="options")
        if row.letter in ACTIONS:
            if result.action not in ("", row.letter):
                raise Usage(f"-{result.action} and {name} cannot both be done", phase="options")
            result.action = row.letter
        elif row.letter in _VALUES:
            _VALUES[row.letter](result, value)
        elif row.letter == "v":
            result.verbose += 1
    return result


def usage(program: str = PROGRAM) -> str:
    """Return the usage text: the forms, then a line for each letter."""
    lines = [f"{'usage:' if number == 0 else '      '} {program} {form}" for number, form in enumerate(SYNOPSES)]
    lines.append("")
    lines += [f"  -{row.letter} {row.value or '':<8} {row.meaning}" for row in LETTERS.values() if row.refused is None]
    return "\n".join(lines) + "\n"


def _hash(result: Arguments, value: str) -> None:
    if value.lower() not in HASHES:
        raise ConfigError(f'Invalid hash algorithm "{value}"', phase="options", expected=" or ".join(HASHES))
    result.hash_name = value.lower()


def _lifetime(result: Arguments, value: str) -> None:
    try:
        seconds = int(parse_time(value))
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MAX_LIFETIME:
        raise ConfigError(f"Invalid lifetime {value}", phase="options", expected="a time such as 3600, 90m or 8h")
    result.lifetime = seconds or None


def _provider(result: Arguments, value: str) -> None:
    result.sk_provider = value


_VALUES: dict[str, Callable[[Arguments, str], None]] = {
    "E": _hash,
    "H": lambda result, value: result.known_hosts.append(value),
    "h": lambda result, value: result.destinations.append(value),
    "S": _provider,
    "t": _lifetime,
}
