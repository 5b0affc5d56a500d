"""Commands in the background: the objects that ``--bg`` assigns to the user's variables.

Their methods are named as those of the process that IPython's ``%%script --bg`` returns, so ``await lines.read()`` and
``await job.wait()`` work as they do there.  Without ``await``, ``.result()`` blocks, and ``for line in lines`` works.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jupyter_ssh.kernel.cells.execution import start, write_input
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.engine import Engine, get_engine
from jupyter_ssh.kernel.pending import Pending
from jupyter_ssh.ssh.client import result
from jupyter_ssh.ssh.errors import SSHError

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client import Connection as AsyncioConnection
    from jupyter_ssh.ssh.client import Process, Pty, Reader
    from jupyter_ssh.ssh.client.pool.connection_pool import Lease

BACKGROUND: Final = "a command in the background"
"""The name of its hold on a connection (`Lease.holder`)."""


class BackgroundStream:
    """The output of a command in the background, as bytes.  Unread output makes the remote process block."""

    def __init__(self, engine: Engine, inner: Any) -> None:
        self._engine = engine
        self._inner = inner

    def read(self, size: int = -1) -> Pending[bytes]:
        """Return at most ``size`` bytes; with -1, everything up to the end."""
        return Pending(self._engine, lambda: self._inner.read(size))

    def readline(self) -> Pending[bytes]:
        """Return one line; b"" at the end."""
        return Pending(self._engine, lambda: self._inner.readline())

    def readexactly(self, size: int) -> Pending[bytes]:
        """Return exactly ``size`` bytes."""
        return Pending(self._engine, lambda: self._inner.readexactly(size))

    def readuntil(self, separator: bytes = b"\n") -> Pending[bytes]:
        """Return everything up to and including ``separator``."""
        return Pending(self._engine, lambda: self._inner.readuntil(separator))

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline().result():
            yield line

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while line := await self.readline():
            yield line


class BackgroundProcess:
    """A command in the background; ``stdout`` and ``stderr`` are its streams, or None if they were not asked for."""

    def __init__(
        self,
        engine: Engine,
        inner: Any,
        command: str | None,
        host: str,
        stdout: BackgroundStream | None,
        stderr: BackgroundStream | None,
    ) -> None:
        self._engine = engine
        self._inner = inner
        self.command = command
        self.host = host
        self.stdout = stdout
        self.stderr = stderr

    @property
    def returncode(self) -> int | None:
        """The exit status, or minus the number of the signal that ended it; None while it runs."""
        return returncode(self._inner.exit_status, self._inner.exit_signal)

    @property
    def exit_status(self) -> int | None:
        """The exit status; None while it runs, and if a signal ended it."""
        status: int | None = self._inner.exit_status
        return status

    @property
    def exit_signal(self) -> str | None:
        """The name of the signal that ended it; None if none did."""
        name: str | None = self._inner.exit_signal
        return name

    def wait(self) -> Pending[int | None]:
        """Return the return code once the process has ended."""

        async def end() -> int | None:
            await self._inner.wait_closed()
            return self.returncode

        return Pending(self._engine, end)

    def send_signal(self, number: int | str) -> None:
        """Send a signal, given as its number on this machine (``signal.SIGINT``) or its name ("INT")."""
        name = number if isinstance(number, str) else signal.Signals(number).name
        self._do(lambda: self._inner.signal(name.removeprefix("SIG")))

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal("TERM")

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal("KILL")

    def close(self) -> None:
        """Close the channel."""
        self._do(self._inner.close)

    def _do(self, action: Callable[[], None]) -> None:
        async def on_engine() -> None:
            action()

        self._engine.call(on_engine)

    def __repr__(self) -> str:
        code = self.returncode
        state = "running" if code is None else f"return code {code}"
        return f"<BackgroundProcess {self.command or 'shell'!r} on {self.host}, {state}>"


def start_in_background(
    connection: Connection,
    command: str | None,
    *,
    input: bytes | None = None,
    wanted: frozenset[str] = frozenset(),
    pty: Pty | None = None,
    subsystem: bool = False,
) -> BackgroundProcess:
    """Start ``command``, which holds the connection until it ends.

    ``input`` is written to its stdin, which is then closed.  ``wanted`` names the streams that will be read, out of
    "stdout" and "stderr"; output on the others is discarded.
    """
    engine = get_engine()

    async def begin(inner: AsyncioConnection) -> Process:
        lease = get_connections().share_on_engine(connection, BACKGROUND)
        try:
            process = await start(inner, command, pty=pty, subsystem=subsystem)
        except BaseException:
            if lease is not None:
                lease.release()
            raise
        engine.submit(partial(_hold, lease, process))
        engine.submit(partial(write_input, process, input))
        for name in ("stdout", "stderr"):
            if name not in wanted:
                engine.submit(partial(_discard, getattr(process, name)))
        return process

    process = get_connections().call(connection, begin)
    out, err = (
        BackgroundStream(engine, getattr(process, name)) if name in wanted else None for name in ("stdout", "stderr")
    )
    return BackgroundProcess(engine, process, command, connection.name, out, err)


async def _hold(lease: Lease[AsyncioConnection] | None, process: Process) -> None:
    try:
        with contextlib.suppress(SSHError):  # the connection was lost
            await process.wait_closed()
    finally:
        if lease is not None:
            lease.release()


async def _discard(stream: Reader) -> None:
    with contextlib.suppress(SSHError):
        while await stream.read(1 << 18):
            pass


def returncode(exit_status: int | None, exit_signal: str | None) -> int | None:
    """Return the return code as `subprocess` defines it: negative for a signal, -1 for an unknown one."""
    code = result.returncode(exit_status, exit_signal)
    return -1 if code is None and exit_signal is not None else code
