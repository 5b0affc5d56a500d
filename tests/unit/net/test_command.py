"""Running a program for what it prints: all of it, within its time and its bounds, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import DeadlineExceeded
from jupyter_ssh.ssh.net import command
from jupyter_ssh.ssh.net.command import Output, output_of
from jupyter_ssh.ssh.trust.host_file import CommandOutput

LONG = 60.0


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


async def test_all_that_it_prints() -> None:
    code = "import sys; sys.stdout.write('x' * 300_000); sys.stderr.write(' why\\n'); sys.exit(3)"
    assert await output_of(python(code), LONG, "a command") == Output(3, b"x" * 300_000, "why")


async def test_nothing_is_there_to_read_and_no_shell_reads_the_words() -> None:
    argv = ["/bin/sh", "-c", 'cat; echo "$1"', "sh", "a b; $(exit) `exit` > x"]
    assert (await output_of(argv, LONG, "a command")).stdout == b"a b; $(exit) `exit` > x\n"


async def test_complaints_are_cut() -> None:
    output = await output_of(python("import os; os.write(2, b'\\xff' * 100_000)"), LONG, "a command")
    assert (output.status, output.stdout) == (0, b"")
    assert output.stderr == "\N{REPLACEMENT CHARACTER}" * command.MAX_COMPLAINT


async def test_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MAX_OUTPUT", 1 << 20)
    with pytest.raises(ValueError, match="more than 1 MiB"):
        await output_of(["/usr/bin/env", "yes"], LONG, "a command")


async def test_a_signal() -> None:
    assert (await output_of(["/bin/sh", "-c", "kill -TERM $$"], LONG, "a command")).status == -signal.SIGTERM


async def test_what_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    for path in ("missing", "text", "."):
        with pytest.raises(OSError):
            await output_of([str(tmp_path / path)], LONG, "a command")


class Life:
    """A FIFO that a process holds for as long as it or a child of it lives."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.begun, self.ended = asyncio.Event(), asyncio.Event()
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    def _read(self) -> None:
        (self.begun if os.read(self._reader, 100) else self.ended).set()
        if self.ended.is_set():
            self.close()

    def close(self) -> None:
        if self._reader >= 0:
            asyncio.get_running_loop().remove_reader(self._reader)
            os.close(self._reader)
            self._reader = -1


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    watched = Life(tmp_path / "life")
    yield watched
    watched.close()


@pytest.mark.parametrize("how", ["out of time", "given up"])
async def test_it_and_its_children_end(how: str, life: Life) -> None:
    # The child minds no signal, and keeps the pipes open.
    code = f"trap '' TERM HUP INT; exec 3>{life.path}; echo begun >&3; sleep 600 & wait; wait"
    seconds = 1.0 if how == "out of time" else LONG
    task = asyncio.ensure_future(output_of(["/bin/sh", "-c", code], seconds, "a command", next_step="Be quicker."))
    if how == "given up":
        await asyncio.wait_for(life.begun.wait(), LONG)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        with pytest.raises(DeadlineExceeded, match="a command") as caught:
            await task
        assert caught.value.next_step == "Be quicker."
    if life.begun.is_set():
        await asyncio.wait_for(life.ended.wait(), LONG)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=300), st.text("@|*!,# \t\r\nhost.example1=AAAAC3NzaC1lZDI1NTE5", max_size=200)))
def test_whatever_it_prints_is_lines_or_warnings(printed: bytes | str) -> None:
    data = printed if isinstance(printed, bytes) else printed.encode()
    output = CommandOutput("HOSTNAME", data)
    entries, warnings = list(output.entries()), output.warnings
    assert len(entries) + len(warnings) <= data.count(b"\n") + 1
    for name in ("host.example", "*", ""):
        output.lookup(name)
        output.bad_lines(name)
