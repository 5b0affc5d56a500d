"""Waiting with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from jupyter_ssh.ssh.errors import DeadlineExceeded

T = TypeVar("T")


class Deadline:
    """A number of seconds (None: no limit) for several waits together; what happens between them does not count."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.spent = 0.0
        """How many of them have been waited."""

    async def within(self, awaitable: Awaitable[T], phase: str, *, next_step: str | None = None) -> T:
        """Await for at most the seconds that are left; raise `DeadlineExceeded` for ``phase``."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        left = None if self.seconds is None else max(0.0, self.seconds - self.spent)
        try:
            return await asyncio.wait_for(awaitable, left)
        except DeadlineExceeded:  # of a shorter inner wait, with its own phase; also a TimeoutError
            raise
        except asyncio.TimeoutError:
            raise DeadlineExceeded.after(self.seconds or 0.0, phase, next_step=next_step) from None
        finally:
            self.spent += clock() - begun


async def within(awaitable: Awaitable[T], seconds: float | None, phase: str, *, next_step: str | None = None) -> T:
    """Await for at most ``seconds`` (None: without limit); raise `DeadlineExceeded` for ``phase``."""
    return await Deadline(seconds).within(awaitable, phase, next_step=next_step)
