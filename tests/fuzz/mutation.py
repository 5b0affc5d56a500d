"""Mutations without a fuzzer: the same for the same seed, so that a failure of the tests can be seen again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x80",
    b"\r\n",
    b"=",
    b'"',
    b"\\",
)
MOST_CHANGES = 4


def changed(data: bytes, seeds: Sequence[bytes], words: Sequence[bytes], source: random.Random) -> bytes:
    """One change at one place: flipped, cut, doubled, put in, or crossed with another seed."""
    at = source.randrange(len(data) + 1)
    before, after = data[:at], data[at:]
    kind = source.randrange(7)
    if kind == 0 and after:
        return before + bytes([after[0] ^ (1 << source.randrange(8))]) + after[1:]
    if kind == 1:
        return before
    if kind == 2:
        return before + after[source.randrange(1, 9) :]
    if kind == 3:
        return before + after[: source.randrange(1, 64)] + after
    if kind == 4:
        return before + source.choice([*INTERESTING, *words]) + after
    if kind == 5:
        piece = source.choice(INTERESTING)
        return before + piece + after[len(piece) :]
    other = source.choice(seeds)
    return before + other[source.randrange(len(other) + 1) :]


def mutations(seeds: Sequence[bytes], words: Sequence[bytes], longest: int, count: int, seed: int) -> Iterator[bytes]:
    """``count`` changed inputs of at most ``longest`` bytes."""
    source = random.Random(seed)
    for _ in range(count):
        data = source.choice(seeds)
        for _ in range(source.randrange(1, MOST_CHANGES + 1)):
            data = changed(data, seeds, words, source)
        yield data[:longest]
