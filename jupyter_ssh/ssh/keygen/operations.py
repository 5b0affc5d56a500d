"""What keygen can do, as a table: which letter asks for it, and which function does it."""

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
    """One thing that keygen does.  The first row whose ``letters`` are all given is the one that is meant."""

    letters: str
    module: str
    """In this package, imported when it is needed."""
    function: str
    operands: tuple[int, int | None] = (0, 0)
    """How many words may follow the options, at least and at most."""


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
    Operation("A", "generation", "host_keys"),
    Operation("", "generation", "new_key"),
)
"""In ssh-keygen's order: where several are asked for, the first of them is done."""

CONFLICTS = (
    ("pc", "Can only have one of -p and -c."),
    ("lH", "Cannot use -l with -H or -R."),
    ("lR", "Cannot use -l with -H or -R."),
)


def run(arguments: Arguments, console: Console, person: Person, now: float) -> None:
    """Do what ``arguments`` ask for; ``now`` is in seconds since the epoch.

    Raises `KeygenError`, whose ``status`` is ssh-keygen's, `Usage`, and other errors of the stack.
    """
    operation = choose(arguments)
    module = import_module(f"{__package__}.{operation.module}")
    function: Callable[[Job], None] = getattr(module, operation.function)
    function(Job(arguments, console, person, now))


def choose(arguments: Arguments) -> Operation:
    """Return the row of what is asked for.  Raises `Usage` for letters and operands that do not go together."""
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
