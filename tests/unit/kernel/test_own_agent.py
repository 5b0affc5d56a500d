"""The kernel's own agent ends with the kernel, and signals do to the kernel what they did before."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.processes import end_process, wait_until

START = """
import collections, itertools, signal, sys
from jupyter_ssh.kernel.agent import start_own_agent
before = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
server = start_own_agent()
after = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
print(server.path, before == after, flush=True)
{then}
"""
UNTIL_EOF = "sys.stdin.read()"
IN_A_C_CALL = "collections.deque(itertools.repeat(None), maxlen=0)"
"""Never returns to the interpreter, as a long computation of a library."""


@contextmanager
def process_with_agent(then: str) -> Iterator[tuple[subprocess.Popen[str], Path, bool]]:
    """A process with an agent, the agent's folder, and whether all signals still do what they did before."""
    program = START.format(then=then)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            path, _, kept = process.stdout.readline().strip().rpartition(" ")
            yield process, Path(path).parent, kept == "True"
        finally:
            end_process(process)


def test_the_agent_ends_with_its_process_and_leaves_nothing_behind() -> None:
    with process_with_agent(UNTIL_EOF) as (process, folder, _):
        assert folder.exists()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
    assert not folder.exists()


def test_the_agent_handles_no_signals() -> None:
    with process_with_agent(UNTIL_EOF) as (_, _, kept):
        assert kept


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_a_process_that_computes(number: signal.Signals) -> None:
    """A handler in Python would wait for the end of the computation."""
    with process_with_agent(IN_A_C_CALL) as (process, _, _):
        computed = psutil.Process(process.pid).cpu_times
        before = computed().user
        wait_until(lambda: computed().user > before + 0.1, "the process computes")
        process.send_signal(number)
        assert process.wait(60) == -number
