"""``jupyter-ssh ssh`` beside OpenSSH's ``ssh``: the same command lines against the same sshd, with the same outcome."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.fixtures import watch
from tests.support.peers import require_tool
from tests.support.processes import free_port, wait_until
from tests.support.servers import PeerServer, start_openssh
from tests.support.tree import TREE

OURS = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]
SECONDS = 120
MEGABYTES = 10


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    started = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd")))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def theirs() -> list[str]:
    return [require_tool("ssh", "openssh-client")]


@pytest.fixture(scope="module")
def options(server: PeerServer) -> list[str]:
    known = f"-oUserKnownHostsFile={server.known_hosts}"
    return ["-F", "none", known, "-oGlobalKnownHostsFile=none", "-i", str(server.client_key), "-p", str(server.port)]


@pytest.fixture(scope="module")
def destination(server: PeerServer) -> str:
    return f"{server.user}@{server.host}"


def run(words: list[str], input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # A session of its own: without a controlling terminal nobody can be asked.
    return subprocess.run(
        words, input=input, capture_output=True, check=False, timeout=SECONDS, cwd=TREE, start_new_session=True
    )


CASES = {
    "success": ([], "true", b""),
    "status 3": ([], "exit 3", b""),
    "status beyond a byte": ([], "exit 300", b""),
    "signal": ([], "kill -9 $$", b""),
    "several words": ([], "echo a  'b  c'; exit 4", b""),
    "both streams": ([], "echo out; echo err >&2", b""),
    "no such command": ([], "no-such-command 2>/dev/null", b""),
    "input": ([], "wc -c; exit 1", b"12345"),
    "no input": (["-n"], "wc -c", b"12345"),
    "bytes": ([], "printf '\\000\\377\\n'; cat", bytes(range(256))),
    "a shell without a terminal": ([], None, b"echo hi; exit 5\n"),
    "a terminal asked for and none here": (["-t", "-q"], "tty", b""),
    "a terminal in any case": (["-tt", "-q"], "stty -echo; tty >/dev/null && echo $TERM; exit 6", b""),
    "no such subsystem": (["-s"], "no-such-subsystem", b""),
    "two commands": (["-oRemoteCommand=true"], "false", b""),
    "a command from the options": (["-oRemoteCommand=echo %n %p | wc -w; exit 7"], None, b""),
    "environment": (["-oSetEnv=LC_WORD=a'b"], 'printf %s "$LC_WORD"', b""),
    "no login": (["-oPubkeyAuthentication=no", "-oBatchMode=yes"], "true", b""),
    "unknown host": (["-oHostKeyAlias=unknown", "-oBatchMode=yes"], "true", b""),
    "no such name": (["-oHostName=no-such-host.invalid"], "true", b""),
    "bad option": (["-oNoSuchOption=1"], "true", b""),
    "no such letter": (["-Z"], "true", b""),
    "compression and verbosity": (["-q", "-x", "-a"], "echo quiet", b""),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_outcome(case: str, theirs: list[str], options: list[str], destination: str) -> None:
    extra, command, input = CASES[case]
    words = [*extra, *options, destination, *([] if command is None else [command])]
    with ThreadPoolExecutor() as both:
        expected, result = both.map(lambda program: run([*program, *words], input), (theirs, OURS))
    assert (result.returncode, result.stdout) == (expected.returncode, expected.stdout), result.stderr.decode()
    if expected.returncode != 255:
        assert result.stderr == expected.stderr.replace(b"\r\n", b"\n")


def test_a_refused_port(theirs: list[str], options: list[str], destination: str) -> None:
    words = [*options[:-1], str(free_port()), destination, "true"]
    result = run([*OURS, *words])
    assert result.returncode == run([*theirs, *words]).returncode == 255
    assert b"Connection refused" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_key_that_is_not_authorized(tmp_path: Path, options: list[str], destination: str, theirs: list[str]) -> None:
    key = tmp_path / "key"
    subprocess.run([require_tool("ssh-keygen", "openssh-client"), "-q", "-N", "", "-f", str(key)], check=True)
    words = [*options, "-oBatchMode=yes", destination, "true"]
    words[words.index("-i") + 1] = str(key)
    result = run([*OURS, *words])
    assert result.returncode == run([*theirs, *words]).returncode == 255
    assert str(key).encode() in result.stderr


@pytest.mark.parametrize("stdin", ["pipe", "file"])
def test_megabytes_through_cat(stdin: str, options: list[str], destination: str, tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * MEGABYTES
    words = [*OURS, *options, destination, "cat; cat >&2 </dev/null"]
    if stdin == "pipe":
        result = run(words, data)
    else:
        path, output = tmp_path / "in", tmp_path / "out"
        path.write_bytes(data)
        with path.open("rb") as source, output.open("wb") as sink:
            result = subprocess.run(
                words, stdin=source, stdout=sink, stderr=subprocess.PIPE, check=False, timeout=SECONDS, cwd=TREE
            )
        result.stdout = output.read_bytes()
    assert result.returncode == 0, result.stderr.decode()
    assert hashlib.sha256(result.stdout).digest() == hashlib.sha256(data).digest()


def test_both_streams_at_once(options: list[str], destination: str) -> None:
    command = f"head -c {MEGABYTES << 20} /dev/zero & head -c {MEGABYTES << 20} /dev/zero >&2; wait"
    result = run([*OURS, *options, destination, command])
    assert (result.returncode, len(result.stdout), len(result.stderr)) == (0, MEGABYTES << 20, MEGABYTES << 20)


def test_nobody_reads_the_output(options: list[str], destination: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*OURS, *options, destination, f"yes; echo $? >{tmp_path}/ended"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=TREE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    process.wait(SECONDS)
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_a_session(
    number: signal.Signals, options: list[str], destination: str, theirs: list[str]
) -> None:
    for program in (theirs, OURS):
        process = subprocess.Popen(
            [*program, *options, destination, "echo ready; sleep 600"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=TREE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        output, errors = process.communicate(timeout=SECONDS)
        assert (process.returncode, output, errors) == (255, b"", b""), program


def test_a_log_file(options: list[str], destination: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = run([*OURS, "-v", "-E", str(log), *options, destination, "echo x"])
    assert (result.returncode, result.stdout, result.stderr) == (0, b"x\n", b"")
    assert "debug1: login: publickey" in log.read_text(encoding="utf-8")


def test_no_command_at_all(options: list[str], destination: str) -> None:
    process = subprocess.Popen(
        [*OURS, "-N", "-v", *options, destination],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=TREE,
    )
    assert process.stderr is not None
    assert any(b"login: publickey" in line for line in process.stderr)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=SECONDS)[0] == b""
    assert process.returncode == 255


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["-V"], 0, "jupyter_ssh"),
        (["-Q", "cipher"], 0, "aes128-gcm@openssh.com"),
        (["-Q", "KexAlgorithms"], 0, "curve25519-sha256"),
        (["-Q", "HostbasedKeyTypes"], 0, "ssh-ed25519"),
        (["-2", "-S", "none", "-I", "none", "-G", "host"], 0, "hostname host"),
        (["-Q", "help"], 0, "key-sig"),
        (["-Q", "nonsense"], 255, "Unsupported query"),
        (["-G", "-F", "none", "-p", "77", "some-host"], 0, "port 77"),
        (["--help"], 0, "usage: jupyter-ssh ssh"),
        ([], 255, "usage: jupyter-ssh ssh"),
        (["-L", "1:a:2", "host"], 255, "not supported yet"),
        (["-s", "host"], 255, "specify a subsystem"),
        (["-E", "/no/such/folder/log", "host"], 255, "Couldn't open logfile"),
        (["-F", "/no/such/file", "host"], 255, "Can't open user config file"),
    ],
)
def test_what_needs_no_connection(words: list[str], status: int, text: str) -> None:
    result = run([*OURS, *words])
    assert result.returncode == status
    assert text in (result.stdout + result.stderr).decode()
    assert b"Traceback" not in result.stderr


def test_forking_returns_once_logged_in(options: list[str], destination: str, tmp_path: Path) -> None:
    gate, made = tmp_path / "gate", tmp_path / "made"
    script = f"cat; until [ -e {gate} ]; do sleep 0.05; done; echo done >{made}.new; mv {made}.new {made}"
    # Its own output would hold the pipes of the test open: the child keeps stdout, as OpenSSH's does.
    command = [*OURS, *options, "-f", destination, script]
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=SECONDS, cwd=TREE, check=False
    )
    assert answer.returncode == 0
    assert not made.exists()
    gate.touch()
    wait_until(made.exists, "the command in the background")


def test_forking_needs_a_command_and_a_login(options: list[str], destination: str) -> None:
    answer = run([*OURS, *options, "-f", destination])
    assert (answer.returncode, b"Cannot fork into background without a command" in answer.stderr) == (255, True)
    refused = run([*OURS, *options, "-oBatchMode=yes", "-oPubkeyAuthentication=no", "-f", destination, "true"])
    assert refused.returncode == 255


def test_options_in_a_file_count_for_a_command(
    server: PeerServer, options: list[str], theirs: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "config"
    file.write_text(
        f"Host box\nHostName {server.host}\nUser {server.user}\nRemoteCommand echo %n; cat\nStdinNull yes\n"
        "SendEnv LC_SENT\nRequestTTY no\nLogLevel ERROR\nVisualHostKey yes\n"
    )
    file.chmod(0o600)
    words = [str(file) if word == "none" else word for word in options]
    answers = [run([*program, *words, "box"], input=b"unread") for program in (OURS, theirs)]
    assert [(answer.returncode, answer.stdout) for answer in answers] == [(0, b"box\n")] * 2
    both = [run([*program, *words, "box", "true"]) for program in (OURS, theirs)]
    assert [answer.returncode for answer in both] == [255] * 2
    assert all(b"Cannot execute command-line and remote command." in answer.stderr for answer in both)
