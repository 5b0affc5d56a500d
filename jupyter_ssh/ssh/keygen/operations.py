"""The operations of keygen, as a table of the letters that request them and the functions that perform them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.keygen.console import Console, Person
from jupyter_ssh.ssh.keygen.job import Job
from jupyter_ssh.ssh.keygen.options import Arguments


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of keygen.  The first row whose ``letters`` are all given applies."""

    letters: str
    module: str
    """The module in this package, imported when needed."""
    function: str
    operands: tuple[int, int | None] = (0, 0)
    """The minimum and maximum number of operands."""


OPERATIONS = (
    Operation("Y", "signing", "run", (0, None)),
    Operation("k", "revoking", "make", (0, None)),
    Operation("Q", "revoking", "ask", (0, None)),
    Operation("s", "certifying", "sign", (1, None)),
    Operation("L", "certifying", "show"),
    Operation("R", "hosts", "remove"),
    Operation("F", "hosts", "find"),
    Operation("H", "hosts", "hash_names"),
    Operation("l", "showing", "fingerprints"),
    Operation("B", "showing", "fingerprints"),
    Operation("p", "changing", "passphrase"),
    Operation("c", "changing", "comment"),
    Operation("e", "converting", "export_key"),
    Operation("i", "converting", "import_key"),
    Operation("y", "showing", "public_key"),
    Operation("r", "showing", "dns_records"),
    Operation("M", "moduli", "run", (0, 1)),
    Operation("A", "generation", "host_keys"),
    Operation("", "generation", "new_key"),
)
"""In ssh-keygen's order: if several are requested, the first is performed."""

CONFLICTS = (
    ("pc", "Can only have one of -p and -c."),
    ("lH", "Cannot use -l with -H or -R."),
    ("lR", "Cannot use -l with -H or -R."),
)


def run(arguments: Arguments, console: Console, person: Person, now: float) -> None:
    """Perform the operation that ``arguments`` request; ``now`` is in seconds since the epoch.

    Raises `KeygenError`, whose ``status`` is ssh-keygen's, `Usage`, and other errors of the stack.
    """
    operation = choose(arguments)
    module = import_module(f"{__package__}.{operation.module}")
    function: Callable[[Job], None] = getattr(module, operation.function)
    function(Job(arguments, console, person, now))


def choose(arguments: Arguments) -> Operation:
    """Return the requested operation.  Raises `Usage` for letters and operands that cannot be combined."""
    for letters, why in CONFLICTS:
        if all(map(arguments.has, letters)) and not (letters == "lH" and arguments.has("F")):
            raise Usage(why, phase="options")
    operation = next(row for row in OPERATIONS if all(map(arguments.has, row.letters)))
    least, most = operation.operands
    if len(arguments.operands) < least:
        raise Usage("Too few arguments.", phase="options")
    if most is not None and len(arguments.operands) > most:
        raise Usage("Too many arguments.", phase="options")
    return operation
