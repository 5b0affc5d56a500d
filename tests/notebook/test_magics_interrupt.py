"""■ while a remote command runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.notebook.kernels import SECONDS, Cell, Kernel

# Of the servers only ours passes SIGINT on to a root's process: OpenSSH refuses it there.
REMOTES = ("ours", "box")


def interrupt_at(kernel: Kernel, word: str, times: int = 1) -> tuple[Callable[[str], None], Callable[[], float]]:
    """An ``on_text`` that presses ■ when ``word`` is shown, and how long ago that was."""
    pressed: list[float] = []

    def seen(text: str) -> None:
        if word in text and not pressed:
            pressed.append(time.monotonic())
            for _ in range(times):
                kernel.interrupt()

    return seen, lambda: time.monotonic() - pressed[0]


def run_and_interrupt(kernel: Kernel, code: str, **options: int) -> Cell:
    seen, since = interrupt_at(kernel, "ready", **options)
    cell = kernel.run(code, on_text=seen)
    print(f"from the interrupt to the end of the cell: {since():.3f} s")
    return cell


@pytest.fixture
def patient_kernel(kernel: Kernel) -> Iterator[Kernel]:
    """One that leaves the remote more time for its end than the least that a busy machine needs."""
    change = (
        "from jupyter_ssh.kernel import engine\nfrom jupyter_ssh.kernel.cells import execution\n"
        "from jupyter_ssh.ssh.client import process\n"
        "old = process.INTERRUPT_SIGNALS, execution.LAST_OUTPUT_SECONDS, engine.GRACE\n"
        f"new = (('INT', {SECONDS}), ('HUP', {SECONDS})), {SECONDS}, {3 * SECONDS}\n"
        "def wait(signals, words, grace):\n"
        "    process.INTERRUPT_SIGNALS, execution.LAST_OUTPUT_SECONDS = signals, words\n"
        "    engine.Engine.call.__kwdefaults__['grace'] = grace\n"
    )
    assert kernel.run(f"{change}wait(*new)").error is None
    yield kernel
    assert kernel.run("wait(*old)").error is None


@pytest.mark.parametrize("remote", REMOTES)
def test_an_interrupt_ends_the_cell_and_the_kernel_goes_on(kernel, remote):
    cell = run_and_interrupt(kernel, f"%ssh {remote} 'echo ready; exec sleep 60'")
    assert cell.error == "KeyboardInterrupt"
    assert cell.stdout == "ready\n"
    assert cell.traceback.count("\n") < 3
    assert kernel.run(f"%ssh {remote} echo on").stdout == "on\n"


def test_the_remote_process_gets_sigint_and_may_say_a_last_word(patient_kernel):
    script = "trap 'echo interrupted; exit 0' INT; echo ready; while :; do sleep 0.05; done"
    cell = run_and_interrupt(patient_kernel, f"%%ssh ours\n{script}")
    assert cell.error == "KeyboardInterrupt"
    assert cell.stdout == "ready\ninterrupted\n"


@pytest.mark.parametrize("remote", REMOTES)
def test_a_process_that_ignores_sigint_does_not_hold_the_cell(kernel, remote):
    script = "trap '' INT; echo ready; while kill -0 $PPID; do sleep 0.05; done"
    cell = run_and_interrupt(kernel, f'%ssh {remote} sh -c "{script}"')
    assert cell.error == "KeyboardInterrupt"
    assert kernel.run(f"%ssh {remote} echo on").stdout == "on\n"


def test_a_process_that_ignores_sigint_is_hung_up(kernel, tmp_path):
    gone = tmp_path / "gone"
    script = f"trap '' INT; trap 'touch {gone}; exit' HUP; echo ready; while :; do sleep 0.05; done"
    run_and_interrupt(kernel, f"%%ssh ours\n{script}")
    cell = kernel.run(f"%ssh ours 'until [ -e {gone} ]; do sleep 0.05; done; echo gone'")
    assert cell.stdout == "gone\n"


def test_a_second_interrupt_is_not_waited_for(kernel):
    script = "trap '' INT HUP TERM; echo $$ ready; while :; do sleep 0.05; done"
    cell = run_and_interrupt(kernel, f"%%ssh ours\n{script}", times=2)
    assert cell.error == "KeyboardInterrupt"
    pid = cell.stdout.split()[0]
    kernel.run(f"%ssh ours 'kill -KILL {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.05; done'")


def test_what_was_captured_before_the_interrupt_is_kept(patient_kernel):
    run_and_interrupt(patient_kernel, "%ssh --out o ours 'echo captured; echo ready >&2; sleep 60'")
    assert patient_kernel.value("o") == "captured\n"


def test_a_flood_can_be_interrupted(kernel):
    cell = run_and_interrupt(kernel, "%ssh --show 0 box 'echo ready; yes'")
    assert cell.error == "KeyboardInterrupt"
    assert kernel.run("%ssh box echo on").stdout == "on\n"


def test_waiting_for_a_connection_can_be_interrupted(kernel, tmp_path):
    # A listener that never says a word.
    code = (
        "import socket, jupyter_ssh\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print('ready', flush=True)\n"
        "jupyter_ssh.connect('127.0.0.1', port=listener.getsockname()[1])"
    )
    seen, _ = interrupt_at(kernel, "ready")
    assert kernel.run(code, on_text=seen).error == "KeyboardInterrupt"


def test_the_blocking_face_sends_sigint_too(kernel, tmp_path):
    flag = tmp_path / "flag"
    kernel.run("import jupyter_ssh\nconn = jupyter_ssh.connect('ours')")
    script = f"trap 'touch {flag}; exit' INT; while :; do sleep 0.05; done"
    cell = run_and_interrupt(kernel, f"print('ready', flush=True)\nconn.run({script!r})")
    assert cell.error == "KeyboardInterrupt"
    # The interrupt may have come before the trap was set; the process is gone either way.
    assert kernel.value("conn.run('echo on').stdout") == b"on\n"


def test_connections_live_while_a_cell_is_busy(kernel, tmp_path):
    """The engine reads while the main thread computes: the remote, held back by a window, would not get to its end."""
    done = tmp_path / "done"
    kernel.run(f"%ssh --bg --proc job box 'head -c 80000000 /dev/zero; touch {done}'")
    cell = kernel.run(
        "import os, time\n"
        f"end = time.monotonic() + {SECONDS}\n"
        f"while not os.path.exists({str(done)!r}) and time.monotonic() < end: pass\n"
        f"print(os.path.exists({str(done)!r}))"
    )
    assert cell.stdout == "True\n"


def test_an_interrupted_kernel_has_no_thread_left_over(kernel):
    run_and_interrupt(kernel, "%ssh ours 'echo ready; sleep 60'")
    names = kernel.value("[t.name for t in __import__('threading').enumerate()]")
    assert names.count("jupyter-ssh") == 1
    assert threading.active_count() > 0


@pytest.mark.parametrize("remote", REMOTES)
def test_a_process_on_a_terminal_is_interrupted_as_if_typed(patient_kernel, remote):
    """By ^C, also where the server passes no signals on: the shell says its last word there too."""
    script = 'trap "echo interrupted; exit" INT; echo ready; while :; do sleep 0.05; done'
    cell = run_and_interrupt(patient_kernel, f"%ssh -tt {remote} '{script}'")
    assert cell.error == "KeyboardInterrupt"
    assert "interrupted" in cell.stdout
