"""Tab completion for ``%ssh_keygen``: its letters, and their values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from jupyter_ssh.magics.candidates import Candidate, files

OPERATIONS_WITH_FILES = ("-s", "-Y")
"""Letters of operations that take files as operands."""


def candidates_for(words: list[str], fragment: str) -> Iterable[Candidate]:
    """Return what could replace ``fragment`` after ``words``."""
    from jupyter_ssh.ssh.keygen.options import LETTERS

    value_of = ""
    given: dict[str, str] = {}
    for word in words:
        if value_of:
            given[value_of], value_of = word, ""
        elif word.startswith("-") and len(word) > 1:
            takes = next((letter for letter in word[1:] if letter in LETTERS and LETTERS[letter].value), None)
            value_of = f"-{takes}" if takes is not None and word.endswith(takes) else ""
            given.update((f"-{letter}", "") for letter in word[1:])
    if value_of:
        return _values(value_of, given, fragment)
    if fragment.startswith("-"):
        return [(f"-{row.letter}", row.meaning) for row in LETTERS.values() if row.refused is None]
    if words[-1:] == ["<"] or any(letter in given for letter in OPERATIONS_WITH_FILES):
        return files(fragment)
    return []


def _values(letter: str, given: dict[str, str], fragment: str) -> list[Candidate]:
    if letter in ("-F", "-R"):
        return [(name, "host") for name in _known_hosts(given.get("-f"))]
    values = _VALUES.get(letter)
    if values is not None:
        return values()
    return files(fragment) if letter in ("-f", "-s", "-r") else []


def _known_hosts(file: str | None) -> list[str]:
    """Return the names in the file; hashed ones are unknown."""
    from jupyter_ssh.ssh.trust.known_hosts import KnownHosts

    path = Path(os.path.expanduser(file or "~/.ssh/known_hosts"))
    return KnownHosts.load([path]).hosts()


def _types() -> list[Candidate]:
    from jupyter_ssh.ssh.keys.types.security_keys import SECURITY_KEYS
    from jupyter_ssh.ssh.keys.types.table import KEY_TYPES

    rows = (row for row in KEY_TYPES.values() if row not in SECURITY_KEYS)
    return [(name, "key type") for name in dict.fromkeys(row.keygen_name for row in rows)]


def _formats() -> list[Candidate]:
    from jupyter_ssh.ssh.keygen.options import FORMATS

    return [(name, "format") for name in FORMATS.values()]


def _ciphers() -> list[Candidate]:
    from jupyter_ssh.ssh.keys.files.openssh_ciphers import FILE_CIPHERS

    return [(name, "cipher") for name in FILE_CIPHERS]


def _operations() -> list[Candidate]:
    from jupyter_ssh.ssh.keygen.signing import OPERATIONS

    return [(name, "operation") for name in OPERATIONS]


_VALUES: dict[str, Callable[[], list[Candidate]]] = {
    "-t": _types,
    "-m": _formats,
    "-Z": _ciphers,
    "-Y": _operations,
    "-E": lambda: [(name, "hash") for name in ("sha256", "md5", "sha512")],
}
