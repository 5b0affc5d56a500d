"""A terminal session: a remote process with a terminal, from connecting to its end, and reconnecting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from jupyter_ssh.kernel.cells.execution import start
from jupyter_ssh.kernel.prompts.tab import CURRENT_TAB, Tab
from jupyter_ssh.kernel.terminals.display import READ_BYTES, Display
from jupyter_ssh.kernel.terminals.limits import ACK_SECONDS, COLS, NUDGE_SECONDS, REPORT, ROWS, TITLE
from jupyter_ssh.kernel.terminals.lines import LineInput
from jupyter_ssh.kernel.terminals.sources import ConnectionSource
from jupyter_ssh.kernel.terminals.viewer import SERVICE, Viewer
from jupyter_ssh.pages.prompts import PagePrompts
from jupyter_ssh.pages.questions import QuestionService, Subject
from jupyter_ssh.pages.services import Page
from jupyter_ssh.ssh.channels.changes import Changes, Counters
from jupyter_ssh.ssh.errors import ConnectionClosed, SSHError
from jupyter_ssh.ssh.text import printable

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client import Process, Reader
    from jupyter_ssh.ssh.client.prompts import Prompts

log = logging.getLogger(__name__)

TERM: Final = "xterm-256color"
HANGUP_SECONDS: Final = 0.5
"""Seconds that a process has to end after SIGHUP before its channel is closed."""

_RESET: Final = (
    b"\x1b7\x1b[?1049l"  # the main screen, with its cursor: saved here if it is shown, else when the program left it
    b"\x1b[!p\x1b[?9;1000;1002;1003;1004;1005;1006;1015;2004l\x1b>\r\n"
)
"""Resets what a lost program changed, before the next one starts: the screen, mouse and keyboard modes."""
_WITHOUT_TERMINAL: Final = (
    "PTY allocation request failed: the server grants no terminal. "
    "What you type is shown here and sent in lines; full-screen programs do not work."
)
_AGAIN: Final = re.compile(r"Connect again; .*?\.(?=\s|$)", re.DOTALL)
"""The advice to connect again, in an error's next step."""

CONNECTING, OPEN, ENDED, LOST = "connecting", "open", "ended", "lost"


class TerminalSession:
    """One session.  It belongs to the loop in which it was made."""

    def __init__(
        self,
        source: ConnectionSource,
        questions: QuestionService,
        command: str | None,
        rows: int,
        cols: int,
        *,
        wanted: bool = False,
        on_change: Callable[[TerminalSession], None] = lambda session: None,
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.source = source
        self.command = command
        self.wanted = wanted
        self.state = CONNECTING
        self.created = time.time()
        self.display = Display(self.id, rows, cols)
        self.display.describe = self.description
        self.display.on_fit = self._fitted
        self.display.on_cut = self._nudge
        self.questions = Subject(
            questions,
            {"service": SERVICE, "session": self.id},
            self._pages,
            next_step="Open the terminal again and answer it there.",
        )
        self._on_change = on_change
        self._name = printable(source.host)
        self._title = ""
        self._text = f"Connecting to {self._name} …"
        self._report: str | None = None
        self._exit: tuple[int | None, str | None] = (None, None)
        self._process: Process | None = None
        self._lines: LineInput | None = None
        """Takes what is typed if the server grants no terminal."""
        self._said: list[str] = []
        self._typed = 0
        self.changes = Changes("terminal", self._name, count=self._counters)
        """Its changes; the counters are the bytes of output and input."""
        self._ahead: list[bytes] = []
        """Input that arrived before there was a process to read it."""
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._run: asyncio.Task[None] | None = None
        self._drain: asyncio.Task[None] | None = None
        self._nudging: asyncio.Task[None] | None = None

    # --- what it is ---------------------------------------------------------------------------------------------------

    def _pages(self) -> set[Page]:
        return {viewer.page for viewer in self.display.viewers}

    @property
    def over(self) -> bool:
        """Whether there is no remote process, and none is being started."""
        return self.state in (ENDED, LOST)

    def description(self) -> dict[str, Any]:
        """Return its description, as sent in frames and in the server's answers."""
        rows, cols = self.display.sizes.current
        return {
            "session": self.id,
            "host": self.source.host,
            "name": self._name,
            "command": self.command,
            "title": self._title,
            "state": self.state,
            "text": self._text,
            "report": self._report,
            "exit_status": self._exit[0],
            "exit_signal": self._exit[1],
            "created": self.created,
            "rows": rows,
            "cols": cols,
            "viewers": len(self.display.viewers),
            "wanted": self.wanted,
            "reconnect": self.over,
        }

    def _change(self, state: str, text: str, report: str = "") -> None:
        self.state = state
        self._text = printable(" ".join(text.split()))
        self._report = printable(report)[:REPORT] or None
        self.changes.state_changed(state, self._text)
        self._on_change(self)

    def _counters(self) -> Counters:
        return Counters(received=self.display.ring.end, sent=self._typed)

    def changed(self) -> None:
        """Tell pages that the description has changed."""
        self._on_change(self)

    def set_title(self, title: str) -> None:
        """Set the window title that the remote program asked for, without characters that are not printable."""
        self._title = "".join(character for character in title if character.isprintable())[:TITLE]
        self._on_change(self)

    # --- from connecting to its end -----------------------------------------------------------------------------------

    def begin(self, prompts: Prompts | None = None) -> asyncio.Task[None]:
        """Return a task that connects and runs the session; it never fails.

        Questions go to ``prompts``, or to the pages that view the session.
        """
        self.state, self._exit = CONNECTING, (None, None)
        self.changes.opened()
        self._change(CONNECTING, f"Connecting to {self._name} …")
        self._opened = asyncio.get_running_loop().create_future()
        self._run = asyncio.create_task(self._live(prompts))
        return self._run

    def reconnect(self) -> None:
        """Start a new remote process if the old one has ended; the output continues at the same offset."""
        if self.over:
            self._title = ""
            self.begin()

    async def opened(self) -> None:
        """Wait until the remote process runs; raise the error if it cannot be started."""
        await asyncio.wait([self._opened])
        if self._opened.cancelled():
            raise ConnectionClosed("the terminal was closed while it was being opened", phase="terminal")
        error = self._opened.exception()
        if error is not None:
            raise error

    async def _live(self, prompts: Prompts | None) -> None:
        opened = self._opened
        if prompts is None:
            prompts = PagePrompts(self.questions)
            CURRENT_TAB.set(Tab(self._tell, prompts))  # in this task only
        try:
            process = await self._connect(prompts)
        except asyncio.CancelledError:
            opened.cancel()
            raise
        except Exception as error:
            if not isinstance(error, (SSHError, OSError)):
                log.exception("a terminal could not be opened")
            self._lost(error)
            opened.set_exception(error)
            opened.exception()  # it need not be awaited
            return
        opened.set_result(None)
        try:
            await self._stream(process)
        except SSHError as error:
            self._lost(error)
        finally:
            process.close()
            self._process = None
            self.display.handed_over()

    async def _connect(self, prompts: Prompts) -> Process:
        from jupyter_ssh.ssh.client import Pty

        connection = await self.source.connect(prompts, self._tell)
        self._name = printable(connection.name)
        rows, cols = self.display.sizes.current
        # As in ssh, a login shell does without a terminal if there is none; a command was given one for a reason.
        pty = Pty(TERM, rows, cols, required=self.command is not None, refused=self._refused_late)
        process = await start(connection, self.command, pty=pty)
        self._process = process
        self._lines = None if process.on_terminal else self._line_input(process)
        if self._lines is not None:
            self._said.append(_WITHOUT_TERMINAL)
        if self.display.ring.end:
            self.display.written(_RESET)
        self._say()
        self.questions.forget_notices()
        if self.display.sizes.current != (rows, cols):  # a page has attached meanwhile
            self._fitted(*self.display.sizes.current)
        ahead, self._ahead = self._ahead, []
        self._typed -= sum(map(len, ahead))  # counted when they were typed
        for data in ahead:
            self._to_remote(data)
        self._connected()
        return process

    def _connected(self) -> None:
        without = "" if self._lines is None else ", without a terminal"
        self._change(OPEN, f"Connected to {self._name}{without}")

    def _refused_late(self) -> None:
        """Go on without a terminal if the server refuses it only when the session is open; before, `_connect` sees."""
        if self._process is not None and self.state == OPEN:
            self._lines = self._line_input(self._process)
            self._tell([_WITHOUT_TERMINAL])
            self._say()
            self._connected()

    def _line_input(self, process: Process) -> LineInput:
        def signal() -> None:
            process.signal("INT")

        return LineInput(self.display.written, process.stdin.write, process.stdin.write_eof, signal)

    def _say(self) -> None:
        """Write the messages about the connection where ssh also writes them: before the output."""
        said, self._said = self._said, []
        if said:
            self.display.written("".join(f"{line}\r\n" for line in said).encode())

    def _tell(self, messages: Sequence[str]) -> None:
        self._said += [line for text in messages for line in printable(text).split("\n")]

    async def _stream(self, process: Process) -> None:
        await asyncio.gather(self._pump(process.stdout), self._pump(process.stderr))
        await process.wait_closed()
        self._exit = process.exit_status, process.exit_signal
        status, name = self._exit
        how = f"by signal {name}" if name else f"with status {status}" if status is not None else "without a status"
        self._change(ENDED, f"The remote process ended {how} at {_now()}.")

    async def _pump(self, stream: Reader) -> None:
        display = self.display
        while True:
            await display.room()
            data = await stream.read(READ_BYTES)
            if not data:
                return
            display.written(data if self._lines is None else data.replace(b"\n", b"\r\n"))

    def _lost(self, error: Exception) -> None:
        log.debug("session lost: %s", error)
        self._say()
        connected = self._process is not None
        failed = f"Could not connect to {self._name} at {_now()}"
        what = f"The connection was lost at {_now()}" if connected else failed
        self._ahead = []
        self.display.handed_over()
        said = _loss(error) if connected and isinstance(error, SSHError) else str(error)
        first, _, rest = said.partition("\n")
        self._change(LOST, f"{what}: {first}", rest)

    async def end(self) -> None:
        """Send the remote process SIGHUP, close its channel, and give the connection back."""
        process = self._process
        if process is not None:
            with contextlib.suppress(SSHError):
                process.signal("HUP")
                await asyncio.wait([asyncio.ensure_future(_closed(process))], timeout=HANGUP_SECONDS)
            process.close()
        for task in (self._run, self._drain, self._nudging):
            if task is not None and not task.done():
                task.cancel()
        self.display.close()
        self.changes.ended(self._text)
        with contextlib.suppress(SSHError):
            await self.source.release()

    # --- towards the remote -------------------------------------------------------------------------------------------

    def type(self, viewer: Viewer, offset: int, payload: bytes) -> bool:
        """Handle input from a page; return False if earlier input is missing.  Raises `TypedTooMuch`."""
        fresh = self.display.accept(viewer, offset, payload)
        if fresh is None:
            return False
        if fresh:
            self.display.take_lead(viewer)
            self._to_remote(fresh)
        elif viewer.typed.handed == viewer.typed.received:
            self.display.tell_input(viewer)  # the page repeats input: it did not get the acknowledgement
        return True

    def _to_remote(self, data: bytes) -> None:
        process = self._process
        self._typed += len(data)
        if process is None and self.state == CONNECTING:
            self._ahead.append(data)
            return
        if process is not None:
            with contextlib.suppress(SSHError):
                (process.stdin.write if self._lines is None else self._lines.type)(data)
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._hand_over())

    async def _hand_over(self) -> None:
        # Acknowledged together: pages need acknowledgements only so that they do not keep too much input.
        await asyncio.sleep(ACK_SECONDS)
        process = self._process
        if process is not None:
            with contextlib.suppress(SSHError):
                await process.stdin.drain()
        self.display.handed_over()

    def _fitted(self, rows: int, cols: int) -> None:
        if self._process is not None and self._process.on_terminal and not self._process.closed:
            with contextlib.suppress(SSHError):
                self._process.resize(rows, cols)
        self._on_change(self)

    def _nudge(self) -> None:
        """Make a full-screen program redraw: tell it a different size, then the right one."""
        if self._process is not None and self._process.on_terminal and (self._nudging is None or self._nudging.done()):
            self._nudging = asyncio.create_task(self._nudged(self._process))

    async def _nudged(self, process: Process) -> None:
        with contextlib.suppress(SSHError):
            rows, cols = self.display.sizes.current
            process.resize(rows - 1 if rows > ROWS[0] else rows + 1, min(cols, COLS[1]))
            await asyncio.sleep(NUDGE_SECONDS)
            if not process.closed:
                process.resize(*self.display.sizes.current)


async def _closed(process: Process) -> None:
    with contextlib.suppress(SSHError):
        await process.wait_closed()


def _loss(error: SSHError) -> str:
    """Return the text for the tab of a lost connection, which has a button instead of the advice to connect again."""
    cause = f"{error.message} ({error.received})" if error.received else error.message
    if error.received and error.message == "the connection was lost":  # the tab says so anyway
        cause = error.received
    return ". ".join(filter(None, (cause, _AGAIN.sub("", error.next_step or "").strip())))


def _now() -> str:
    return time.strftime("%H:%M:%S")
