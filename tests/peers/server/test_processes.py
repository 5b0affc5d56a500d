"""Children with pipes and on a pty, driven without SSH."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.processes import exit_watcher
from jupyter_ssh.ssh.server.processes.login import command_program, shell_program, start
from jupyter_ssh.ssh.server.processes.process import (
    Ending,
    ProcessStartError,
    Program,
    ServedProcess,
    TerminalSize,
)
from jupyter_ssh.ssh.server.processes.threaded import start_with_threads
from jupyter_ssh.ssh.server.processes.unix import UnixProcess
from tests.peers.server.recorder import PATIENCE, Recorder
from tests.support.processes import is_over

ENVIRONMENT = {"PATH": os.defpath, "MARK": "here"}
ACCOUNT = Account("alice", "/", "/bin/sh")
TERMINAL: tuple[TerminalSize, dict[str, int]] = (TerminalSize(rows=30, columns=100), {})

Starter = Callable[[Recorder, str], ServedProcess]


def piped(events: Recorder, command: str) -> ServedProcess:
    return start(events, command_program(ACCOUNT, command.encode(), ENVIRONMENT))


def threaded(events: Recorder, command: str) -> ServedProcess:
    return start_with_threads(events, command_program(ACCOUNT, command.encode(), ENVIRONMENT))


def on_terminal(events: Recorder, command: str, modes: dict[str, int] | None = None) -> ServedProcess:
    program = command_program(ACCOUNT, command.encode(), ENVIRONMENT)
    return start(events, program, (TERMINAL[0], modes or {}))


def pid_of(process: ServedProcess) -> int:
    assert isinstance(process, UnixProcess)
    return process.pid


@pytest.fixture(params=[piped, threaded], ids=["descriptors", "threads"])
def start_piped(request: pytest.FixtureRequest) -> Starter:
    starter: Starter = request.param
    return starter


async def test_stdout_and_stderr_come_apart_and_status_comes_last(start_piped: Starter) -> None:
    events = Recorder()
    process = start_piped(events, "echo out; echo err >&2; exit 3")
    assert await events.end(process) == Ending(status=3)
    assert (bytes(events.stdout), bytes(events.stderr)) == (b"out\n", b"err\n")
    assert events.order[-1] == "ended"


async def test_bytes_survive_both_ways(start_piped: Starter) -> None:
    events = Recorder()
    process = start_piped(events, "cat")
    data = os.urandom(3 << 20)
    for start_at in range(0, len(data), 32768):
        process.write(data[start_at : start_at + 32768])
    process.write_eof()
    assert await events.end(process) == Ending(status=0)
    assert hashlib.sha256(events.stdout).digest() == hashlib.sha256(data).digest()
    assert events.taken == len(data)


async def test_input_nobody_reads_is_counted_as_taken(start_piped: Starter) -> None:
    events = Recorder()
    process = start_piped(events, "exec <&-; echo closed; exec sleep 1000")
    await events.until(lambda: b"closed" in events.stdout)
    process.write(bytes(4 << 20))
    process.write(b"more")
    await events.until(lambda: events.taken == (4 << 20) + 4)
    assert process.signal("TERM")
    assert (await events.end(process)).signal == "TERM"


async def test_input_is_held_until_the_child_reads() -> None:
    events = Recorder()
    process = piped(events, "read line; echo $line; cat >/dev/null")
    process.write(bytes(8 << 20))
    assert events.taken < 8 << 20, "a pipe cannot have held all this"
    process.write(b"\n")
    process.write_eof()
    assert (await events.end(process)).status == 0
    assert events.taken == (8 << 20) + 1


async def test_output_waits_while_paused(start_piped: Starter) -> None:
    events = Recorder()
    process = start_piped(events, "echo first; read go; head -c 20000000 /dev/zero")
    await events.until(lambda: events.stdout.endswith(b"first\n"))
    process.pause()
    process.write(b"go\n")
    await events.until(lambda: events.taken == 3)
    held = len(events.stdout)
    assert held < 20_000_000
    process.resume()
    assert (await events.end(process)).status == 0
    assert len(events.stdout) == 20_000_006


async def test_pausing_from_inside_the_callback() -> None:
    events = Recorder()
    process = piped(events, "head -c 5000000 /dev/zero; echo err >&2")

    def hold(data: bytes) -> None:
        process.pause()
        asyncio.get_running_loop().call_soon(process.resume)

    events.on_output = hold
    assert (await events.end(process)).status == 0
    assert len(events.stdout) == 5_000_000
    assert events.stderr == b"err\n"


async def test_status_waits_for_whoever_holds_the_pipe() -> None:
    """As sshd: the session is open as long as a background process may still write to it."""
    events = Recorder()
    process = piped(events, "exec 3<&0; (read go <&3; echo late) & exit 4")
    pid = pid_of(process)
    await until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert events.ending is None
    process.write(b"go\n")
    assert await events.end(process) == Ending(status=4)
    assert events.stdout == b"late\n"


@pytest.mark.parametrize("name", ["TERM", "INT", "KILL", "HUP", "USR1", "ABRT"])
async def test_signals_reach_the_whole_group(name: str) -> None:
    events = Recorder()
    process = piped(events, "sleep 1000 & echo $!; wait")
    await events.until(lambda: events.stdout.endswith(b"\n"))
    grandchild = psutil.Process(int(events.stdout))
    if name == "INT":
        # A shell without job control starts background commands with SIGINT ignored.
        assert process.signal("TERM")
    assert process.signal(name)
    ending = await events.end(process)
    assert ending.signal in (name, "TERM")
    assert ending.status is None
    await gone(grandchild)


async def test_unknown_signals_are_refused() -> None:
    events = Recorder()
    process = piped(events, "cat")
    assert not process.signal("WINCH")
    assert not process.signal("9")
    process.write_eof()
    await events.end(process)
    assert not process.signal("TERM"), "the process is gone"


async def test_core_flag(tmp_path: Path) -> None:
    import resource

    events = Recorder()
    program = command_program(Account("alice", str(tmp_path), "/bin/sh"), b"ulimit -c 0; kill -SEGV $$", ENVIRONMENT)
    process = start(events, program)
    ending = await events.end(process)
    assert ending.signal == "SEGV"
    assert resource.getrlimit(resource.RLIMIT_CORE) is not None
    assert not ending.core_dumped


async def test_hang_up_ends_everything_and_leaves_no_zombie() -> None:
    events = Recorder()
    process = piped(events, "sleep 1000 & echo $!; kill -STOP $$; wait")
    await events.until(lambda: events.stdout.endswith(b"\n"))
    grandchild = psutil.Process(int(events.stdout))
    count = len(events.order)
    process.hang_up()
    process.hang_up()
    await asyncio.wait_for(process.wait_reaped(), PATIENCE)
    await gone(grandchild)
    assert not psutil.pid_exists(pid_of(process))
    assert events.order[count:] == [], "nobody is told anything after hang_up"


async def test_hang_up_reaches_a_background_process_whose_parent_is_gone() -> None:
    events = Recorder()
    process = piped(events, "sleep 1000 & echo $!")
    await events.until(lambda: events.stdout.endswith(b"\n"))
    grandchild = psutil.Process(int(events.stdout))
    await until(lambda: psutil.Process(pid_of(process)).status() == psutil.STATUS_ZOMBIE)
    process.hang_up()
    await asyncio.wait_for(process.wait_reaped(), PATIENCE)
    await gone(grandchild)


async def test_hang_up_during_output() -> None:
    events = Recorder()
    process = piped(events, "cat /dev/zero")
    events.on_output = lambda data: process.hang_up()
    await asyncio.wait_for(process.wait_reaped(), PATIENCE)
    assert events.order == ["output"]


async def test_threads_hang_up() -> None:
    events = Recorder()
    process = threaded(events, "exec cat /dev/zero")
    await events.until(lambda: len(events.stdout) > 0)
    process.pause()
    process.hang_up()
    await asyncio.wait_for(process.wait_reaped(), PATIENCE)


async def test_no_descriptor_of_ours_reaches_the_child(tmp_path: Path) -> None:
    leak = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        for terminal in (None, TERMINAL):
            events = Recorder()
            listing = command_program(ACCOUNT, b"ls /proc/self/fd", ENVIRONMENT)
            process = start(events, listing, terminal)
            await events.end(process)
            # ls itself opens the folder it lists.
            assert events.stdout.split() == [b"0", b"1", b"2", b"3"]
    finally:
        os.close(leak)


@pytest.mark.parametrize("terminal", [None, TERMINAL], ids=["pipes", "pty"])
async def test_environment_is_the_program_s_and_nothing_else(
    terminal: tuple[TerminalSize, dict[str, int]] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    events = Recorder()
    variables = {"PATH": os.defpath, "MARK": "mit Umlaut ü\nund Zeile", "EMPTY": ""}
    process = start(events, command_program(ACCOUNT, b"cat /proc/self/environ", variables), terminal)
    await events.end(process)
    found = dict(item.split("=", 1) for item in events.stdout.decode().replace("\r\n", "\n").split("\0") if item)
    if terminal:
        assert found.pop("SSH_TTY").startswith("/dev/")
    # The shell adds what it likes to.
    assert {name: found[name] for name in variables} == variables
    assert set(found) - set(variables) <= {"PWD", "SHLVL", "_", "OLDPWD"}


async def test_folder_is_home_or_else_the_root(tmp_path: Path) -> None:
    for home, expected in ((tmp_path, tmp_path), (tmp_path / "missing", Path("/"))):
        for terminal in (None, TERMINAL):
            events = Recorder()
            account = Account("alice", str(home), "/bin/sh")
            process = start(events, command_program(account, b"pwd -P", ENVIRONMENT), terminal)
            await events.end(process)
            assert events.stdout.decode().strip() == str(expected.resolve())


async def test_a_missing_shell_is_an_error() -> None:
    account = Account("alice", "/", "/bin/no-such-shell")
    for terminal in (None, TERMINAL):
        with pytest.raises(ProcessStartError, match="no-such-shell"):
            start(Recorder(), command_program(account, b"true", ENVIRONMENT), terminal)
    with pytest.raises(ProcessStartError):
        start(Recorder(), command_program(ACCOUNT, b"echo a\0b", ENVIRONMENT))
    with pytest.raises(ProcessStartError):
        start_with_threads(Recorder(), command_program(account, b"true", ENVIRONMENT))


async def test_a_program_that_cannot_be_executed_on_a_terminal(tmp_path: Path) -> None:
    broken = tmp_path / "shell"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    events = Recorder()
    process = start(events, shell_program(Account("alice", "/", str(broken)), ENVIRONMENT), TERMINAL)
    assert await events.end(process) == Ending(status=127)
    assert b"cannot run" in events.stdout


IGNORING = """
import asyncio, os, signal, sys
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.processes.login import command_program, start

class Events:
    def __init__(self): self.over = asyncio.get_running_loop().create_future()
    def output(self, data, code): os.write(1, data)
    def input_taken(self, count): pass
    def ended(self, ending): self.over.set_result(None)

async def main():
    events = Events()
    command = b"grep ^Sig[IB] /proc/self/status"
    start(events, command_program(Account("a", "/", "/bin/sh"), command, {"PATH": os.defpath}))
    await asyncio.wait_for(events.over, 30)
asyncio.run(main())
"""


def test_signals_the_server_ignores_or_blocks_work_in_the_child() -> None:
    """An IPython kernel ignores SIGINT between cells; ``nohup`` and ``&`` in a shell do likewise."""
    answer = subprocess.run([sys.executable, "-c", IGNORING], capture_output=True, text=True, timeout=60, check=True)
    values = dict(line.split(":\t") for line in answer.stdout.splitlines())
    # Above 31 are real-time signals, two of which the C library itself ignores in what posix_spawn starts.
    assert int(values["SigIgn"], 16) & 0x7FFFFFFF == 0
    assert int(values["SigBlk"], 16) == 0


async def test_without_pidfd_a_thread_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    events = Recorder()
    process = piped(events, "exit 5")
    assert await events.end(process) == Ending(status=5)
    events = Recorder()
    process = piped(events, "kill -USR2 $$")
    assert (await events.end(process)).signal == "USR2"
    monkeypatch.delattr(os, "waitid")
    events = Recorder()
    process = piped(events, "kill -USR1 $$")
    assert (await events.end(process)).signal == "USR1"


async def test_sigchld_ignored_leaves_the_ending_unknown() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        events = Recorder()
        process = piped(events, "exit 5")
        assert await events.end(process) == Ending()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_endings_from_return_codes() -> None:
    assert exit_watcher.ending_from_returncode(0) == Ending(status=0)
    assert exit_watcher.ending_from_returncode(-9) == Ending(signal="KILL")
    assert exit_watcher.ending_from_returncode(-int(signal.SIGBUS)) == Ending(signal="BUS@jupyter-ssh")


# --- on a pty ---------------------------------------------------------------------------------------------------------


async def test_terminal_has_its_size_and_is_the_controlling_one() -> None:
    events = Recorder()
    process = on_terminal(events, "stty size; tty; echo $SSH_TTY; cat /dev/tty & ps -o tpgid=,sid=,pgid= -p $$; exit 6")
    assert process.tty is not None
    assert (await events.end(process)).status == 6
    lines = events.stdout.decode().split("\r\n")
    assert lines[:3] == ["30 100", process.tty, process.tty]
    pid = str(pid_of(process))
    assert lines[3].split() == [pid, pid, pid]


async def test_login_shell_is_told_by_its_name() -> None:
    events = Recorder()
    process = start(events, shell_program(ACCOUNT, ENVIRONMENT), TERMINAL)
    process.write(b"echo name=$0; exit 2\n")
    assert (await events.end(process)).status == 2
    assert b"name=-sh\r\n" in events.stdout


async def test_resizing_tells_the_foreground() -> None:
    events = Recorder()
    process = on_terminal(events, "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done")
    await events.until(lambda: b"ready" in events.stdout)
    assert process.resize(TerminalSize(rows=5, columns=70000))
    await events.end(process)
    assert b"5 65535" in events.stdout
    assert not process.resize(TerminalSize()), "the terminal is gone"


async def test_all_output_is_there_before_the_end() -> None:
    for _ in range(5):
        events = Recorder()
        process = on_terminal(events, "head -c 300000 /dev/zero | tr '\\0' x; echo END", {"OPOST": 0})
        await events.end(process)
        assert len(events.stdout) == 300_004
        assert events.stdout.endswith(b"END\n")


async def test_modes_are_applied_before_the_program_starts() -> None:
    events = Recorder()
    modes = {"ECHO": 0, "ICRNL": 0, "VINTR": 24, "VQUIT": 255, "ONLCR": 0, "TTY_OP_OSPEED": 9600, "CS8": 1, "IUTF8": 1}
    process = on_terminal(events, "stty -a", modes)
    await events.end(process)
    text = events.stdout.decode()
    for expected in ("-echo ", "-icrnl", "intr = ^X", "quit = <undef>", "-onlcr", "speed 9600", "cs8", " iutf8"):
        assert expected in text, expected


@pytest.mark.parametrize(("name", "reaches"), [("INT", "foreground"), ("TERM", "shell")])
async def test_signals_on_a_terminal(name: str, reaches: str) -> None:
    """INT and QUIT go where a key would send them, the others to the session's own group."""
    events = Recorder()
    bash = Account("alice", "/", "/bin/bash")
    program = command_program(
        bash,
        b"set -m; trap 'echo shell; exit' TERM\n"
        b"sh -c 'trap \"echo foreground; exit\" INT; echo ready; while :; do sleep 0.05; done'",
        ENVIRONMENT,
    )
    process = start(events, program, TERMINAL)
    await events.until(lambda: b"ready" in events.stdout)
    assert process.signal(name)
    if name == "TERM":
        # bash runs its trap when the command in the foreground is over.
        assert process.signal("INT")
    await events.end(process)
    assert reaches.encode() in events.stdout


async def test_end_of_file_is_a_key_on_a_terminal() -> None:
    for text, expected in ((b"", b""), (b"line\n", b"line"), (b"half", b"half")):
        events = Recorder()
        process = on_terminal(events, "cat", {"ECHO": 0})
        process.write(text)
        process.write_eof()
        assert (await events.end(process)).status == 0
        assert events.stdout.strip() == expected


async def test_end_of_file_does_nothing_in_raw_mode() -> None:
    events = Recorder()
    process = on_terminal(events, "stty raw -echo; echo ready; head -c 1 | od -c")
    await events.until(lambda: b"ready" in events.stdout)
    process.write_eof()
    process.write(b"Z")
    await events.end(process)
    assert b"Z" in events.stdout


READ_ONE = "x=$(head -c 1 | od -An -c); case $x in *0*) echo NUL;; *) echo NOTHING;; esac"


@pytest.mark.parametrize(
    ("switches", "then", "expected"),
    [
        ("-ignbrk -brkint", READ_ONE, b"NUL"),
        ("ignbrk", READ_ONE, b"NOTHING"),
        ("-ignbrk brkint", "trap 'echo INT; exit' INT; echo set; while :; do sleep 0.02; done", b"INT"),
    ],
)
async def test_break(switches: str, then: str, expected: bytes) -> None:
    # Not part of RFC 4254's modes, so the child's own stty sets them.
    events = Recorder()
    process = on_terminal(events, f"stty -echo -icanon {switches}; echo ready; {then}")
    await events.until(lambda: (b"set" if expected == b"INT" else b"ready") in events.stdout)
    assert process.send_break()
    if expected == b"NOTHING":
        process.write(b"z")
    await events.end(process)
    assert expected in events.stdout


async def test_pipes_have_no_break_and_no_size() -> None:
    events = Recorder()
    process = piped(events, "cat")
    assert not process.send_break()
    assert not process.resize(TerminalSize())
    process.write_eof()
    await events.end(process)


async def test_hanging_up_a_terminal_ends_an_interactive_shell_and_its_jobs() -> None:
    events = Recorder()
    bash = Account("alice", "/", "/bin/bash")
    process = start(events, Program(bash.shell, ("bash", "--norc", "-i"), "/", ENVIRONMENT), TERMINAL)
    # Both say that the job is there: bash loses a hang-up between fork and exec, and before it has listed the job.
    process.write(b"sh -c 'echo job=$$=; exec sleep 1000' &\necho listed=$((1))=\n")
    await events.until(lambda: re.search(rb"job=\d+=", events.stdout) is not None and b"listed=1=" in events.stdout)
    found = re.search(rb"job=(\d+)=", events.stdout)
    assert found is not None
    job = psutil.Process(int(found.group(1)))
    process.hang_up()
    await asyncio.wait_for(process.wait_reaped(), PATIENCE)
    await gone(job)


async def test_an_environment_too_large_for_the_trampoline() -> None:
    program = command_program(ACCOUNT, b"true", {"BIG": "x" * 70000})
    with pytest.raises(ProcessStartError, match="environment"):
        start(Recorder(), program, TERMINAL)


async def test_descriptors_are_given_back() -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for command in ("true", "exit 3"):
        for starter in (piped, on_terminal):
            events = Recorder()
            await events.end(starter(events, command))
    with pytest.raises(ProcessStartError):
        start(Recorder(), command_program(Account("a", "/", "/nope"), b"", ENVIRONMENT), TERMINAL)
    assert count() == before


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something outside this process, which sends no event."""
    for _ in range(int(PATIENCE / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def gone(process: psutil.Process) -> None:
    """Waits until a process is neither running nor a zombie of ours."""
    await until(lambda: is_over(process))
