"""A command that runs while cells go on: what ``--bg`` puts into the person's variables.

The names are those of the process that IPython's ``%%script --bg`` hands out, so ``await lines.read()`` and
``await job.wait()`` work as there.  Where ``await`` is in the way, ``.result()`` blocks instead, and ``for line in
lines`` iterates.
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
"""How its hold on a connection is called."""


class BackgroundStream:
    """The output of a background command, as bytes. What nobody reads holds the remote process back."""

    def __init__(self, engine: Engine, inner: Any) -> None:
        self._engine = engine
        self._inner = inner

    def read(self, size: int = -1) -> Pending[bytes]:
        """At most ``size`` bytes; with -1 everything up to the end."""
        return Pending(self._engine, lambda: self._inner.read(size))

    def readline(self) -> Pending[bytes]:
        """Return one line, b"" at the end."""
        return Pending(self._engine, lambda: self._inner.readline())

    def readexactly(self, size: int) -> Pending[bytes]:
        """``size`` bytes."""
        return Pending(self._engine, lambda: self._inner.readexactly(size))

    def readuntil(self, separator: bytes = b"\n") -> Pending[bytes]:
        """Everything up to and with ``separator``."""
        return Pending(self._engine, lambda: self._inner.readuntil(separator))

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline().result():
            yield line

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while line := await self.readline():
            yield line


class BackgroundProcess:
    """A command in the background; ``stdout`` and ``stderr`` are its streams, None where nobody asked for them."""

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
        """The exit status; minus the number of the signal that ended it; None while it runs."""
        return returncode(self._inner.exit_status, self._inner.exit_signal)

    @property
    def exit_status(self) -> int | None:
        """The exit status, None while it runs or when a signal ended it."""
        status: int | None = self._inner.exit_status
        return status

    @property
    def exit_signal(self) -> str | None:
        """The name of the signal that ended it."""
        name: str | None = self._inner.exit_signal
        return name

    def wait(self) -> Pending[int | None]:
        """Return the return code, once the process has ended."""

        async def end() -> int | None:
            await self._inner.wait_closed()
            return self.returncode

        return Pending(self._engine, end)

    def send_signal(self, number: int | str) -> None:
        """Send a signal by its number on this machine (``signal.SIGINT``) or its name ("INT")."""
        name = number if isinstance(number, str) else signal.Signals(number).name
        self._do(lambda: self._inner.signal(name.removeprefix("SIG")))

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal("TERM")

    def kill(self) -> None:
        """SIGKILL."""
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
    """Start ``command``; it holds the connection until it ends.

    ``input`` is written to its stdin, which is then closed.  Of the streams "stdout" and "stderr", those that are
    ``wanted`` are to be read, and what comes of the others is thrown away.
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
    """Return a return code in the manner of `subprocess`: a signal counts negative, an unknown one as -1."""
    code = result.returncode(exit_status, exit_signal)
    return -1 if code is None and exit_signal is not None else code
