"""The kernel's own agent leaves nothing behind, also if a signal ends the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import end_process

START = """
import os, signal, sys, time
{before}
from jupyter_ssh.kernel.agent import start_own_agent
server = start_own_agent()
{after}
print(server.path, flush=True)
sys.stdin.read()
"""
FORK = """
forked, inside = os.pipe()
child = os.fork()
if child == 0:
    os.write(inside, b"x")
while child == 0:
    time.sleep(0.05)  # not signal.pause(): a signal just before it would be noticed at the next one only
os.read(forked, 1)  # Python forgets a signal that comes during the fork
os.kill(child, signal.SIGTERM)
os.waitpid(child, 0)
"""


def _ended(number: signal.Signals, *, before: str = "", after: str = "", ends: bool = True) -> tuple[int, Path, bool]:
    """How a process with an agent ended by a signal, the agent's folder, and whether the folder was there before."""
    program = START.format(before=before, after=after)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            folder = Path(process.stdout.readline().strip()).parent
            there = folder.exists()
            process.send_signal(number)
            if not ends:
                process.stdin.close()
            return process.wait(60), folder, there
        finally:
            end_process(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_the_process_and_takes_the_agent_along(number: signal.Signals) -> None:
    status, folder, there = _ended(number)
    assert status == -number
    assert there
    assert not folder.exists()


def test_a_forked_process_does_not_take_it_along() -> None:
    """As multiprocessing ends its workers."""
    status, folder, there = _ended(signal.SIGTERM, after=FORK)
    assert status == -signal.SIGTERM
    assert there
    assert not folder.exists()


def test_a_handler_of_somebody_else_is_kept() -> None:
    status, folder, there = _ended(signal.SIGTERM, before="signal.signal(signal.SIGTERM, lambda *_: None)", ends=False)
    assert status == 0
    assert there
    assert not folder.exists()
