"""``jupyter-ssh ssh`` with servers that are awkward, beside OpenSSH's ``ssh`` where both are to do the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.wire import messages as m
from tests.pair.awkward_server import Session, answers_nothing, gone_at_the_end, on_a_thread
from tests.support.peers import require_tool
from tests.support.tree import TREE

OURS = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]
SECONDS = 60


def run(*words: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        words, input=input, capture_output=True, check=False, timeout=SECONDS, cwd=TREE, start_new_session=True
    )


def both(words: list[str]) -> tuple[subprocess.CompletedProcess[bytes], subprocess.CompletedProcess[bytes]]:
    theirs = [require_tool("ssh", "openssh-client"), *words]
    return run(*theirs), run(*OURS, *words)


def test_the_connection_ends_when_the_command_has_ended(tmp_path: Path) -> None:
    with on_a_thread(gone_at_the_end(7)) as server:
        theirs, ours = both([*server.words(tmp_path), "true"])
    said = b"Connection to 127.0.0.1 closed by remote host."
    for done in (theirs, ours):
        assert (done.returncode, done.stdout) == (7, b"output\n"), done.stderr
        assert said in done.stderr
    assert b"Error" not in ours.stderr


def test_what_is_said_with_a_terminal_when_the_server_hangs_up(tmp_path: Path) -> None:
    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.want_reply:
            session.channel.reply(True)
            if event.name == "exec":
                session.exits(7)
                session.channel.eof()
                session.client.hang_up()

    with on_a_thread(react) as server:
        theirs, ours = both(["-tt", *server.words(tmp_path), "true"])
    said = [b"Connection to 127.0.0.1 closed by remote host.", b"Connection to 127.0.0.1 closed."]
    for done in (theirs, ours):
        assert (done.returncode, done.stderr.splitlines()) == (7, said)


def test_a_server_that_is_given_up_has_closed_nothing(tmp_path: Path) -> None:
    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.want_reply:
            session.channel.reply(True)
            session.client.end.react = lambda event: None  # keepalives are not answered

    alive = ["-oServerAliveInterval=1", "-oServerAliveCountMax=1"]
    with on_a_thread(react) as server:
        theirs, ours = both([*alive, "-tt", *server.words(tmp_path), "true"])
    assert b"not responding" in theirs.stderr
    assert b"no longer answers" in ours.stderr
    for done in (theirs, ours):
        assert done.returncode == 255
        assert b"closed" not in done.stderr


def test_no_request_is_answered(tmp_path: Path) -> None:
    with on_a_thread(answers_nothing(3)) as server:
        for words in (["-q", "true"], ["-q", "-tt", "true"]):
            for done in both([*words[:-1], *server.words(tmp_path), words[-1]]):
                assert (done.returncode, done.stdout, done.stderr) == (3, b"output\n", b"")


def test_a_no_that_comes_after_output(tmp_path: Path) -> None:
    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.name == "exec":
            session.prints(b"no commands here\n", 1)
        elif isinstance(event, e.ChannelEofReceived):
            session.channel.reply(False)

    with on_a_thread(react) as server:
        for done in both([*server.words(tmp_path), "true"]):
            assert (done.returncode, done.stdout) == (255, b"")
    # ssh does not print the reason.
    assert b"no commands here" in done.stderr
    assert b"the server refused the exec request" in done.stderr


def _grants_no_terminal(session: Session, event: e.ChannelEvent) -> None:
    if isinstance(event, e.ChannelRequested) and event.want_reply:
        session.channel.reply(event.name != "pty-req")
    elif isinstance(event, e.ChannelEofReceived):
        session.prints(bytes(session.input).upper())
        session.ends(5)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("program", ["ssh", "ours"])
def test_a_login_shell_goes_on_without_a_terminal(program: str, tmp_path: Path) -> None:
    import pexpect

    with on_a_thread(_grants_no_terminal) as server:
        argv = OURS if program == "ours" else [require_tool("ssh", "openssh-client")]
        words = [*argv[1:], *server.words(tmp_path)]
        child = pexpect.spawn(argv[0], words, encoding="utf-8", timeout=SECONDS, cwd=str(TREE))
        child.delaybeforesend = None
        child.expect_exact("PTY allocation request failed on channel 0")
        child.expect_exact("\n")
        child.sendline("typed")
        child.expect_exact("typed\r\n")  # the echo of this side's terminal, which is not in raw mode
        child.sendeof()
        child.expect_exact("TYPED\r\n")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 5


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("program", ["ssh", "ours"])
def test_raw_mode_ends_where_a_terminal_is_refused_late(program: str, tmp_path: Path) -> None:
    import pexpect

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested):
            if event.name == "shell":
                session.prints(b"ready\r\n")
            elif event.name == "window-change":
                session.channel.reply(False)
                session.channel.reply(True)
        elif isinstance(event, e.ChannelEofReceived):
            session.prints(bytes(session.input).upper())
            session.ends(5)

    with on_a_thread(react) as server:
        argv = OURS if program == "ours" else [require_tool("ssh", "openssh-client")]
        words = [*argv[1:], *server.words(tmp_path)]
        child = pexpect.spawn(argv[0], words, encoding="utf-8", timeout=SECONDS, cwd=str(TREE))
        child.delaybeforesend = None
        child.expect_exact("ready\r\n")
        child.setwinsize(20, 60)
        child.expect_exact("PTY allocation request failed on channel 0")
        child.expect_exact("\n")
        child.sendline("typed")
        child.expect_exact("typed\r\n")  # the echo of this side's terminal, which is no longer in raw mode
        child.sendeof()
        child.expect_exact("TYPED\r\n")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 5


@pytest.mark.parametrize("command", [None, "true"])
def test_a_terminal_that_was_asked_for_is_needed(command: str | None, tmp_path: Path) -> None:
    with on_a_thread(_grants_no_terminal) as server:
        words = ["-tt", *server.words(tmp_path), *([command] if command else [])]
        for done in both(words):
            assert (done.returncode, done.stdout) == (255, b"")
    assert b"the server refused a terminal" in done.stderr


def _sends_what_is_unexpected(session: Session, event: e.ChannelEvent) -> None:
    if isinstance(event, e.ChannelRequested) and event.want_reply:
        session.channel.reply(True)
        if event.name == "exec":
            for _ in range(3):
                session.client.end.session.transport.send(m.ServiceAccept("ssh-userauth").encode())
            session.prints(b"ready\n")
    elif isinstance(event, e.ChannelEofReceived):
        session.ends(4)


IGNORED = "Ignored 3 unexpected messages of the server"


def test_what_was_ignored_is_counted_at_the_end(tmp_path: Path) -> None:
    with on_a_thread(_sends_what_is_unexpected) as server:
        words = [*server.words(tmp_path), "true"]
        told, quiet = run(*OURS, "-v", *words), run(*OURS, *words)
    assert (told.returncode, told.stdout) == (quiet.returncode, quiet.stdout) == (4, b"ready\n")
    assert IGNORED in told.stderr.decode().splitlines()
    assert b"Ignored" not in quiet.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_what_was_ignored_is_shown_with_the_connection(tmp_path: Path) -> None:
    import pexpect

    with on_a_thread(_sends_what_is_unexpected) as server:
        words = [*OURS[1:], "-tt", *server.words(tmp_path), "true"]
        child = pexpect.spawn(OURS[0], words, encoding="utf-8", timeout=SECONDS, cwd=str(TREE))
        child.delaybeforesend = None
        child.expect_exact("ready")
        child.send("\r~I")
        child.expect_exact(IGNORED)
        child.send("\r~.")
        child.expect(pexpect.EOF)
        child.close()
