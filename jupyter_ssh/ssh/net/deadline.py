"""Waits that end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from jupyter_ssh.ssh.errors import DeadlineExceeded

T = TypeVar("T")


async def within(awaitable: Awaitable[T], seconds: float | None, phase: str, *, next_step: str | None = None) -> T:
    """Await for at most ``seconds`` (None: as long as it takes); raises `DeadlineExceeded` that names ``phase``."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except DeadlineExceeded:  # of a shorter wait inside, whose name it has; a TimeoutError too
        raise
    except asyncio.TimeoutError:
        raise DeadlineExceeded.after(seconds or 0.0, phase, next_step=next_step) from None
