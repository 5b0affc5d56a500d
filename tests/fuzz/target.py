"""What a fuzzer needs to know of a target: what takes the bytes, what to begin with, how long an input may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Something that has to take any bytes.  ``run`` raises only where the subject is broken."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    """Sound inputs, made anew for each run: from real exchanges, and keys made now."""
    longest: int = 4096
    """Bytes of the longest input that is tried."""
    words: tuple[bytes, ...] = ()
    """What a fuzzer could hardly guess: names and marks that stand in such inputs."""
