"""``keygen -M``: make numbers for Diffie-Hellman group exchange (moduli(5)): candidates by a sieve, then tests.

A group is a safe prime p = 2q + 1, q being a prime too, with a generator.  The lines are those of ssh-keygen.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.crypto.key_agreement.primes import odd_primes, seems_prime
from jupyter_ssh.ssh.errors import KeyFileError, KeygenError
from jupyter_ssh.ssh.keygen.job import Job, read_text
from jupyter_ssh.ssh.keys.files.saving import write_file

SAFE, SOPHIE_GERMAIN = 2, 4
"""The number of a line is p, or q."""
COMPOSITE, SIEVED, MILLER_RABIN = 1, 2, 4
"""Bits of a line: how its number was tested."""

LEAST_BITS: Final = 512
MOST_BITS: Final = 32768
DEFAULT_BITS: Final = 2048
DEFAULT_ROUNDS: Final = 100
LEAST_ROUNDS: Final = 4
DEFAULT_MEGABYTES: Final = 8
MOST_MEGABYTES: Final = 127
"""Each byte stands for a number, so that many are searched at once."""
LARGEST_SMALL_PRIME: Final = 1 << 20
"""Candidates have no smaller factor; to search for larger ones takes longer than to test what remains."""
LONGEST_LINE: Final = MOST_BITS // 4 + 100
REPORT_SECONDS: Final = 60.0
"""How often progress is told, and saved with a checkpoint."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of moduli(5); ``size`` is the number of bits less one."""

    kind: int
    tests: int
    tries: int
    size: int
    generator: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Line | None:
        """Return None for what is no such line."""
        words = text.split()
        if len(words) != 7 or not all(word.isascii() and word.isdigit() and len(word) < 15 for word in words[:6]):
            return None
        if len(words[6]) > MOST_BITS // 4:
            return None
        kind, tests, tries, size, generator = map(int, words[1:6])
        try:
            return cls(kind, tests, tries, size, generator, int(words[6], 16))
        except ValueError:
            return None

    def text(self, now: float) -> str:
        """Return the line, made at ``now`` in seconds since the epoch."""
        made = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        return f"{made} {self.kind} {self.tests} {self.tries} {self.size} {self.generator} {self.number:X}\n"


def run(job: Job) -> None:
    """``keygen -M generate|screen [-f input] [-O option] output``."""
    arguments = job.arguments
    operation = _OPERATIONS.get(arguments.text("M") or "")
    if operation is None:
        raise KeygenError(f"Unsupported moduli operation: {arguments.text('M')}", expected="generate or screen")
    if not arguments.operands:
        raise Usage("Too few arguments.", phase="options")
    operation(job, _options(arguments.options), job.person.path(arguments.operands[0]))


# --- options ----------------------------------------------------------------------------------------------------------


def _number(least: int, most: int, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise ValueError(f"{least} to {most}")
    return int(text)


def _hexadecimal(text: str) -> int:
    if not text or len(text) > MOST_BITS // 4 or not set(text.lower()) <= set("0123456789abcdef"):
        raise ValueError("a hexadecimal number")
    return int(text, 16)


_LINES = partial(_number, 1, (1 << 32) - 1)
_READERS: Mapping[str, Callable[[str], int | str]] = {
    "bits": partial(_number, LEAST_BITS, MOST_BITS),
    "memory": partial(_number, 1, MOST_MEGABYTES),
    "start": _hexadecimal,
    "prime-tests": partial(_number, LEAST_ROUNDS, 10_000),
    "generator": partial(_number, 2, (1 << 32) - 1),
    "lines": _LINES,
    "start-line": _LINES,
    "checkpoint": str,
}


def _options(given: Iterable[str]) -> dict[str, int | str]:
    """Read the values of ``-O``.  Raises `KeygenError`."""
    options: dict[str, int | str] = {}
    for option in given:
        name, equals, value = option.partition("=")
        read = _READERS.get(name.lower())
        if read is None or not equals:
            raise KeygenError(
                f'Option "{option}" is unsupported for moduli', phase="options", expected=", ".join(_READERS)
            )
        try:
            options[name.lower()] = read(value)
        except ValueError as error:
            raise KeygenError(f"Invalid {name.lower()}: {value}", phase="options", expected=str(error)) from None
    return options


# --- candidates -------------------------------------------------------------------------------------------------------


def _generate(job: Job, options: Mapping[str, int | str], path: Path) -> None:
    bits = int(options.get("bits", DEFAULT_BITS))
    size = int(options.get("memory", DEFAULT_MEGABYTES)) << 20
    start = options.get("start")
    first = secrets.randbits(bits - 1) | 1 << bits - 2 if start is None else int(start)
    if first.bit_length() != bits - 1:
        raise KeygenError(f"Invalid start: it has {first.bit_length()} bits", expected=f"{bits - 1} bits")
    first |= 1
    if not job.arguments.quiet:
        job.console.say(f"Looking for candidates among {size} numbers of {bits - 1} bits")
    count, candidates = _candidates(first, size)
    lines = [
        Line(SOPHIE_GERMAIN, SIEVED, count, bits - 2, 0, number).text(job.now)
        for number in candidates
        if number.bit_length() == bits - 1
    ]
    write_file(path, "".join(lines).encode("ascii"), 0o644)
    if not job.arguments.quiet:
        job.console.say(f"Found {len(lines)} candidates")


def _candidates(first: int, size: int) -> tuple[int, Iterator[int]]:
    """Return the number of small primes used, and the odd q from ``first`` on so that none divides q or 2q + 1."""
    composite = bytearray(size)  # of first + 2i
    count = 0
    for prime in odd_primes(min(LARGEST_SMALL_PRIME, 2 * size)):
        count += 1
        half = (prime + 1) // 2  # the inverse of 2
        rest = first % prime
        # q = 0 modulo the prime, or 2q + 1 = 0: q = (prime - 1) / 2.
        for residue in (0, prime // 2):
            index = (residue - rest) * half % prime
            if index < size:
                composite[index::prime] = b"\1" * len(range(index, size, prime))
    return count, (first + 2 * index for index in range(size) if not composite[index])


# --- tests ------------------------------------------------------------------------------------------------------------


def _screen(job: Job, options: Mapping[str, int | str], path: Path) -> None:
    start = int(options.get("start-line", 1))
    most = int(options["lines"]) if "lines" in options else None
    checkpoint = job.person.path(str(options["checkpoint"])) if "checkpoint" in options else None
    done = max(start - 1, _resumed(checkpoint))
    candidates = found = 0
    saved = time.monotonic()
    with _input(job) as stream, _Groups(path, stream) as groups:
        end = None if most is None else start - 1 + most
        for number, text in islice(enumerate(_lines(stream), 1), done, end):
            candidate = _candidate(text, options)
            if candidate is not None:
                candidates += 1
                if _is_safe_prime(candidate.number, _rounds(options)):
                    found += 1
                    groups.add(candidate.text(job.now))
                    _save(checkpoint, number)
            if time.monotonic() - saved > REPORT_SECONDS:
                saved = time.monotonic()
                _save(checkpoint, number)
                if not job.arguments.quiet:
                    job.console.say(f"Tested {candidates} candidates: {found} safe primes")
    if checkpoint is not None:
        with contextlib.suppress(OSError):
            checkpoint.unlink()
    if not job.arguments.quiet:
        job.console.say(f"Found {found} safe primes among {candidates} candidates")


class _Groups:
    """The file of groups: each is added when it is found, because a run takes hours and may be ended at any time."""

    def __init__(self, path: Path, candidates: BinaryIO) -> None:
        self._path = path
        self._stream = self._open()
        if _is_same_file(candidates, self._stream):
            self._stream.close()
            raise KeygenError(
                f"{path}: the groups cannot be added to the file that is read",
                expected="one file for the candidates and another for the groups, not one for both",
            )

    def __enter__(self) -> _Groups:
        return self

    def __exit__(self, *details: object) -> None:
        self._stream.close()

    def add(self, line: str) -> None:
        """Append a line.  Raises `KeyFileError`."""
        data = line.encode("ascii")
        try:
            while data:
                data = data[self._stream.write(data) :]
        except OSError as error:
            raise self._error(error) from None

    def _open(self) -> io.FileIO:
        try:
            # Without a buffer: closing it would try again to write what could not be written.
            return open(self._path, "ab", buffering=0)
        except (OSError, ValueError) as error:
            raise self._error(error) from None

    def _error(self, error: OSError | ValueError) -> KeyFileError:
        return KeyFileError(f"cannot write {self._path}: {getattr(error, 'strerror', None) or error}")


def _is_same_file(first: BinaryIO, second: io.FileIO) -> bool:
    try:
        status = os.fstat(first.fileno())
    except (OSError, ValueError):
        return False  # not a file of the system's
    return stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.fstat(second.fileno()))


def _save(checkpoint: Path | None, number: int) -> None:
    """Save that ``number`` lines were tested; after the groups found in them, or these could be lost."""
    if checkpoint is not None:
        write_file(checkpoint, f"{number}\n".encode(), 0o644)


def _input(job: Job) -> contextlib.AbstractContextManager[BinaryIO]:
    given = job.arguments.text("f")
    if given in (None, "-"):
        return contextlib.nullcontext(job.console.input())
    path = job.person.path(str(given))
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise KeygenError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines of the input; what is too long for a line of moduli(5) counts as several."""
    try:
        while data := stream.readline(LONGEST_LINE):
            yield data.decode("ascii", "replace")
    except OSError as error:
        raise KeygenError(f"cannot read the candidates: {error.strerror}") from None


def _candidate(text: str, options: Mapping[str, int | str]) -> Line | None:
    """Return the line of the group whose number remains to be tested, None if the line of the input holds none."""
    line = Line.parse(text)
    if line is None:
        return None
    p = 2 * line.number + 1 if line.kind == SOPHIE_GERMAIN else line.number
    size = line.size + (line.kind == SOPHIE_GERMAIN)
    if line.tests & COMPOSITE or p.bit_length() != size + 1 or size + 1 < LEAST_BITS or p % 4 != 3:
        return None
    generator = line.generator or _generator(p)
    if generator == 0 or options.get("generator", generator) != generator:
        return None
    tries = _rounds(options) + (line.tries if line.tests & MILLER_RABIN else 0)
    return Line(SAFE, line.tests | MILLER_RABIN, tries, size, generator, p)


def _rounds(options: Mapping[str, int | str]) -> int:
    return int(options.get("prime-tests", DEFAULT_ROUNDS))


def _is_safe_prime(p: int, rounds: int) -> bool:
    q = p >> 1
    # One round first rules out nearly all of them.
    return seems_prime(q, 1) and seems_prime(p, rounds) and seems_prime(q, rounds - 1)


def _generator(p: int) -> int:
    """Return 2 or 5 if it generates the whole group of p, 0 if neither is known to."""
    if p % 24 == 11:
        return 2
    return 5 if p % 10 in (3, 7) else 0


def _resumed(checkpoint: Path | None) -> int:
    """Return how many lines were tested before."""
    if checkpoint is None or not checkpoint.exists():
        return 0
    text = read_text(checkpoint).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise KeyFileError(f"{checkpoint} is not a checkpoint", expected="a number of lines", received=repr(text[:40]))
    return int(text)


_OPERATIONS: Mapping[str, Callable[[Job, Mapping[str, int | str], Path], None]] = {
    "generate": _generate,
    "screen": _screen,
}
