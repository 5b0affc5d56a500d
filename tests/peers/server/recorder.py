"""A `ProcessEvents` that keeps everything and lets a test wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jupyter_ssh.ssh.server.processes.process import Ending, ServedProcess

PATIENCE = 90.0
"""Seconds a test waits for what should happen at once; reached only when something is broken."""


class Recorder:
    """What a child did, in the order it was told."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.taken = 0
        self.ending: Ending | None = None
        self.changed = asyncio.Event()
        self.on_output: Callable[[bytes], None] = lambda data: None

    def output(self, data: bytes, code: int | None) -> None:
        self.order.append("output")
        (self.stdout if code is None else self.stderr).extend(data)
        self.on_output(data)
        self.changed.set()

    def input_taken(self, count: int) -> None:
        self.taken += count
        self.changed.set()

    def ended(self, ending: Ending) -> None:
        self.order.append("ended")
        self.ending = ending
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until ``condition`` holds; it is asked again after every event."""

        async def wait() -> None:
            while not condition():
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(wait(), PATIENCE)

    async def end(self, process: ServedProcess) -> Ending:
        """Waits until the child has ended and is reaped."""
        await self.until(lambda: self.ending is not None)
        await asyncio.wait_for(process.wait_reaped(), PATIENCE)
        assert self.ending is not None
        return self.ending
