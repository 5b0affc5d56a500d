"""Waiting with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from jupyter_ssh.ssh.errors import DeadlineExceeded

T = TypeVar("T")


async def within(awaitable: Awaitable[T], seconds: float | None, phase: str, *, next_step: str | None = None) -> T:
    """Await for at most ``seconds`` (None: without limit); raise `DeadlineExceeded` for ``phase``."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except DeadlineExceeded:  # of a shorter inner wait, with its own phase; also a TimeoutError
        raise
    except asyncio.TimeoutError:
        raise DeadlineExceeded.after(seconds or 0.0, phase, next_step=next_step) from None
