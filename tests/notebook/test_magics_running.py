"""%ssh and %%ssh in a kernel: output, results, variables and errors."""

from __future__ import annotations

import re

import pytest

from jupyter_ssh.kernel.cells.output import SHOWN_LINES, TAIL_LINES

ANSI = "\x1b["


def test_connecting_shows_a_card_and_makes_it_the_current_connection(kernel, sshd):
    cell = kernel.run("%ssh box")
    plain, html = cell.result["text/plain"], cell.result["text/html"]
    for text in (plain, html):
        assert f"{sshd.user}@box:{sshd.port}" in text
        assert "OpenSSH" in text
        assert "publickey" in text
        assert "post-quantum" in text
        assert "SHA256:" in text
    assert kernel.run("%ssh . echo hello").stdout == "hello\n"
    assert "connected" in kernel.run("%ssh_hosts").result["text/plain"]


def test_a_connection_is_used_again(kernel):
    kernel.run("first = %ssh box")
    kernel.run("%ssh box true")
    kernel.run("again = %ssh box")
    assert kernel.value("first is again")
    kernel.run("other = %ssh -o ServerAliveInterval=99 box")
    assert kernel.value("first is not other")


def test_streams_are_apart_and_the_line_alone_shows_no_value(kernel):
    cell = kernel.run("%ssh box 'echo out; echo err >&2'")
    assert sorted(cell.streams) == [("stderr", "err\n"), ("stdout", "out\n")]
    assert cell.result is None


def test_output_appears_while_the_command_runs(kernel, tmp_path):
    # The command goes on only when its first line has been seen.
    gate = tmp_path / "gate"

    def seen(text: str) -> None:
        if "first" in text:
            gate.touch()

    cell = kernel.run(f"%ssh box 'echo first; until [ -e {gate} ]; do sleep 0.05; done; echo second'", on_text=seen)
    assert cell.stdout == "first\nsecond\n"


def test_streams_keep_their_order_when_apart_in_time(kernel, tmp_path):
    gates = [tmp_path / f"gate{number}" for number in range(3)]

    def seen(text: str) -> None:
        for number, gate in enumerate(gates):
            if f"line {number}" in text:
                gate.touch()

    script = "".join(
        f"echo line {number} >&{1 + number % 2}; until [ -e {gate} ]; do sleep 0.02; done\n"
        for number, gate in enumerate(gates)
    )
    cell = kernel.run(f"%%ssh box\n{script}", on_text=seen)
    assert cell.streams == [("stdout", "line 0\n"), ("stderr", "line 1\n"), ("stdout", "line 2\n")]


def test_an_assigned_line_gives_the_result(kernel):
    cell = kernel.run("r = %ssh box 'printf \"a\\\\377\"; echo err >&2'")
    assert cell.stdout == "a\\xff"
    assert kernel.value("r.stdout, r.stderr, r.exit_status, r.exit_signal, r.ok") == (b"a\xff", b"err\n", 0, None, True)
    face = kernel.run("r").result
    assert "exit status 0" in face["text/plain"]
    assert "exit status 0" in face["text/html"]


def test_the_commands_own_quotes_reach_the_remote(kernel):
    assert kernel.run("%ssh box echo \"a  b\" 'c  d' $((1+1))").stdout == "a  b c  d 2\n"


def test_python_variables_are_expanded_as_in_other_magics(kernel):
    kernel.run("name, words = 'w\\u00f6rld', {'greeting': 'hello'}")
    assert kernel.run("%ssh box echo {words['greeting']} $name").stdout == "hello wörld\n"
    assert kernel.run("%ssh box 'echo $HOME'").stdout.startswith("/")


def test_the_cell_goes_to_a_shell_or_an_interpreter(kernel):
    assert kernel.run("%%ssh box\nx=1\nfor i in a b; do echo $x$i; done").stdout == "1a\n1b\n"
    assert kernel.run("%%ssh box python3 -\nprint(6 * 7)").stdout == "42\n"
    assert kernel.run("%%ssh . cat\n{not} $expanded ünïcode").stdout == "{not} $expanded ünïcode\n"
    assert kernel.run("%%ssh\necho current").stdout == "current\n"


def test_a_failed_command_raises_in_a_few_lines(kernel):
    cell = kernel.run("%ssh box 'echo before; exit 3'")
    assert cell.error == "RemoteCommandError"
    assert cell.stdout == "before\n"
    assert "exit status 3" in cell.traceback
    assert "Traceback" not in cell.traceback
    assert cell.traceback.count("\n") < 5
    assert kernel.value("_exit_code") == 3


def test_a_failed_command_need_not_raise(kernel):
    assert kernel.run("r = %ssh --no-raise-error box 'kill -TERM $$'").error is None
    assert kernel.value("r.exit_signal, r.exit_status, _exit_code") == ("TERM", None, -15)


def test_out_and_err_take_the_streams_as_text(kernel):
    cell = kernel.run("%%ssh --out o --err e box\nprintf 'out\\351\\n'; echo err >&2")
    assert cell.streams == []
    assert kernel.value("o, e") == ("out\\xe9\n", "err\n")
    cell = kernel.run("%ssh --out=o box 'echo half; echo seen >&2; false'")
    assert cell.error == "RemoteCommandError"
    assert cell.streams == [("stderr", "seen\n")]
    assert kernel.value("o") == "half\n"


def test_a_background_command_is_read_by_await_or_by_iterating(kernel):
    assert kernel.run("%%ssh --bg --out lines --err errors --proc job box cat -\none\ntwo").streams == []
    assert kernel.value("(await lines.readline(), list(lines), await errors.read())") == (b"one\n", [b"two\n"], b"")
    assert kernel.value("(await job.wait(), job.returncode, job.wait().result())") == (0, 0, 0)


def test_a_background_command_can_be_signalled(kernel):
    kernel.run("%ssh --bg --proc job ours sleep 60")
    assert kernel.value("job.returncode") is None
    kernel.run("job.terminate()")
    assert kernel.value("await job.wait()") == -15


def test_background_output_that_nobody_asked_for_is_thrown_away(kernel):
    kernel.run("%ssh --bg --proc job box 'head -c 20000000 /dev/zero'")
    assert kernel.value("await job.wait()") == 0


def test_a_character_split_over_packets_is_whole(kernel):
    snowman = "\N{SNOWMAN}".encode()
    octal = ["".join(f"\\\\{byte:03o}" for byte in part) for part in (snowman[:1], snowman[1:])]
    cell = kernel.run(f'%ssh box \'printf "{octal[0]}"; sleep 0.2; printf "{octal[1]}\\\\n"\'')
    assert cell.stdout == "\N{SNOWMAN}\n"


def test_colours_are_kept(kernel):
    assert kernel.run("%ssh box 'printf \"\\\\033[31mred\\\\033[0m\\\\n\"'").stdout == f"{ANSI}31mred{ANSI}0m\n"


def test_a_flood_is_bounded_in_the_cell_and_whole_in_the_result(kernel):
    cell = kernel.run("r = %ssh box 'seq 1 200000; yes | head -c 20000000'")
    shown = cell.stdout.splitlines()
    assert shown[:SHOWN_LINES] == [str(number) for number in range(1, SHOWN_LINES + 1)]
    assert shown[SHOWN_LINES:] == ["y"] * TAIL_LINES
    assert cell.stderr.count("is not shown") == 1
    assert "kept in the result" in cell.stderr
    assert len([1 for kind, _ in cell.messages if kind == "stream"]) < 100
    size = sum(len(f"{number}\n") for number in range(1, 200001)) + 20000000
    assert kernel.value("len(r.stdout), r.stdout_size") == (size, size)


def test_the_bound_can_be_changed(kernel):
    assert len(kernel.run("%ssh --show 0 box seq 1 20000").stdout.splitlines()) == 20000
    assert "is not kept" in kernel.run("%ssh --show 1K box seq 1 20000").stderr


def test_several_commands_at_once_by_await(kernel, tmp_path):
    # Each waits for the other: they do run at the same time.
    kernel.run("import asyncio, jupyter_ssh\nconn = await jupyter_ssh.connect_async('box')")
    one, two = tmp_path / "one", tmp_path / "two"
    script = "touch {0}; until [ -e {1} ]; do sleep 0.02; done; echo done"
    kernel.run(f"commands = [{script.format(one, two)!r}, {script.format(two, one)!r}]")
    kernel.run("results = await asyncio.gather(*(conn.aio.run(command) for command in commands))")
    assert kernel.value("[r.text for r in results]") == ["done\n", "done\n"]


def test_the_blocking_face(kernel):
    kernel.run("import jupyter_ssh\nconn = jupyter_ssh.connect('box')")
    assert kernel.value("conn.run('cat', input='text').stdout") == b"text"
    assert kernel.run("conn.run('false', check=True)").error == "RemoteCommandError"
    assert kernel.run("conn.run('sleep 60', timeout=0.05)").error == "DeadlineExceeded"
    kernel.run("process = conn.start('cat')\nprocess.stdin.write('a\\nb\\n')\nfirst = process.stdout.readline()")
    kernel.run("process.stdin.write_eof()\nrest = process.wait()")
    assert kernel.value("first, rest.stdout, rest.exit_status") == (b"a\n", b"b\n", 0)
    kernel.run("conn.close()")
    cell = kernel.run("conn.run('true')")
    assert cell.error == "ConnectionClosed"
    assert "was closed" in cell.traceback


def test_an_error_of_the_blocking_face_points_to_the_persons_line(kernel):
    cell = kernel.run("import jupyter_ssh\ndef mine():\n    jupyter_ssh.connect('nosuchhost.invalid')\nmine()")
    assert cell.error == "NameNotFound"
    assert "mine()" in cell.traceback
    assert "does not resolve" in cell.traceback
    assert "tracebacks.py" not in cell.traceback
    assert "engine.py" not in cell.traceback


def test_a_tcp_stream_through_the_server(kernel, sshd):
    kernel.run("import jupyter_ssh\nconn = jupyter_ssh.connect('box')")
    kernel.run(f"with conn.open_tcp('127.0.0.1', {sshd.port}) as stream:\n    greeting = stream.recv(8)")
    assert kernel.value("greeting") == b"SSH-2.0-"


def test_a_dropped_connection_is_noticed_and_made_again(kernel):
    kernel.run("%ssh box")
    # The server's process for this connection is the parent of the shell.
    kernel.run("%ssh --no-raise-error . 'kill -9 $PPID; sleep 60'")
    assert re.search(r"  lost at \d\d:\d\d:\d\d: .{0,60}  ", kernel.run("%ssh_hosts").result["text/plain"])
    # By its name, as the current connection, and for a cell that is run again: the same host, and it is said.
    for line in ("%ssh box echo back", "%ssh . echo back", "%%ssh\necho back"):
        cell = kernel.run(line)
        assert (cell.error, cell.stdout) == (None, "back\n"), line
        assert re.search(r"Reconnected to .*; the previous connection was lost at \d\d:\d\d:\d\d: ", cell.stderr)
        assert "Reconnected" not in kernel.run(line).stderr
        kernel.run("%ssh --no-raise-error . 'kill -9 $PPID; sleep 60'")
    cell = kernel.run("%ssh_close")  # which makes none in order to close it
    assert cell.error == "ConnectionClosed"
    assert re.search(r"was lost at \d\d:\d\d:\d\d", cell.traceback)
    assert "Reconnected" not in cell.stderr


def test_a_dropped_connection_comes_back_by_itself_when_asked_to(kernel, tmp_path):
    count = f"echo run >> {tmp_path}/runs"
    kernel.run("conn = %ssh --reconnect box")
    lost = kernel.run(f"%ssh . '{count}; kill -9 $PPID; sleep 60'")
    assert lost.error == "ConnectionLost"
    cell = kernel.run("%ssh . echo back")
    assert (cell.error, cell.stdout) == (None, "back\n")
    assert "; the previous connection was lost at " in cell.stderr
    assert (tmp_path / "runs").read_text() == "run\n"  # nothing is run twice
    kernel.run("%ssh --no-raise-error . 'kill -9 $PPID; sleep 60'")
    assert kernel.run("print(conn.run('echo from Python').stdout.decode(), end='')").stdout == "from Python\n"
    kernel.run("%ssh --no-raise-error . 'kill -9 $PPID; sleep 60'")
    assert kernel.run("print((await conn.aio.run('echo awaited')).stdout)").stdout == "b'awaited\\n'\n"
    assert kernel.run("%%ssh\necho in a cell").stdout == "in a cell\n"
    kernel.run("%ssh_close")
    assert kernel.run("%ssh . true").error == "ConfigError"  # one that was closed on purpose stays closed


def test_hosts_and_close(kernel, sshd):
    name = f"{sshd.user}@box:{sshd.port}"
    assert "No open connections" in kernel.run("%ssh_hosts").result["text/plain"]
    kernel.run("%ssh box")
    assert name in kernel.run("%ssh_hosts").result["text/html"]
    assert kernel.run("%ssh_close nowhere").error == "Usage"
    assert kernel.run("%ssh_close box").stdout == f"Closed {name}.\n"
    assert kernel.run("%ssh . true").error == "ConfigError"
    assert kernel.run("%ssh_close").error == "ConfigError"


@pytest.mark.parametrize(
    ("line", "error", "says"),
    [
        ("%ssh -Z box", "Usage", "unknown option"),
        ("%ssh -p 70000 box", "ConfigError", "1 to 65535"),
        ("%ssh --out 1x box true", "Usage", "the name of a variable"),
        ("%ssh --proc job box true", "Usage", "--bg"),
        ("%ssh --show much box true", "Usage", "a size"),
        ("%ssh -p 22", "Usage", "without a host"),
        ("%ssh nosuchhost.invalid", "NameNotFound", "does not resolve"),
        ("%ssh -p 1 127.0.0.1", "ConnectError", "refused"),
        ("%ssh -l nobody-here -o PasswordAuthentication=no box", "AuthenticationError", "authentication failed"),
    ],
)
def test_errors_have_a_short_face_and_say_what_to_do(kernel, line, error, says):
    cell = kernel.run(line)
    assert cell.error == error
    assert says in cell.traceback
    assert cell.traceback.count("\n") < 8
    assert "File " not in cell.traceback
    assert kernel.run("1 + 1").result["text/plain"] == "2"


def test_unloading_takes_the_magics_away_and_closes(kernel):
    kernel.run("conn = %ssh box")
    kernel.run("%unload_ext jupyter_ssh")
    try:
        assert kernel.value("conn.closed")
        assert "not found" in kernel.run("%ssh box").stderr
        assert "%ssh --out" not in kernel.complete("%ssh --o")
    finally:
        kernel.run("%load_ext jupyter_ssh")
    assert kernel.run("%ssh box echo back").stdout == "back\n"


def test_verbose_says_what_the_connection_is_made_of(kernel):
    cell = kernel.run("%ssh -v box echo out")
    assert cell.stdout == "out\n"
    assert "key exchange" in cell.stderr
    assert "host key" in cell.stderr
    fresh = kernel.run("%ssh -v -o ServerAliveInterval=98 box echo out")
    assert "debug1: Authenticating to 127.0.0.1:" in fresh.stderr
    said = "".join(text for _, text in fresh.streams)
    assert said.index("Authenticated to 127.0.0.1") < said.index("\nout\n")
    failed = kernel.run("%ssh -v -o PubkeyAuthentication=no -o BatchMode=yes box true")
    assert failed.error == "AuthenticationError"
    assert "debug1: packet received SSH_MSG_USERAUTH_FAILURE (51), " in failed.stderr


def test_the_doctor_shows_each_step(kernel, sshd):
    cell = kernel.run("%ssh --doctor box")
    plain, html = cell.result["text/plain"], cell.result["text/html"]
    assert plain.startswith("box: everything that was tried works\n")
    for text in (plain, html):
        assert "host key" in text
        assert f"{sshd.user}, by publickey" in text
    assert '<th scope="row">login</th>' in html
    assert "<script" not in html
    assert kernel.run("%ssh_hosts").result["text/plain"].count("--doctor") == 0
    cell = kernel.run("d = %ssh --doctor -p 1 box\nd.ok")
    assert cell.error is None
    assert cell.result["text/plain"] == "False"


def test_a_terminal_on_the_remote_side(kernel):
    assert kernel.run("%ssh -tt box 'tty; stty size'").stdout.splitlines()[1] == "24 80"
    assert kernel.run("%ssh box tty", allow_stdin=False).error == "RemoteCommandError"


def test_a_subsystem(kernel):
    cell = kernel.run("r = %ssh -s --no-raise-error box sftp")
    assert cell.error is None
    assert kernel.run("%ssh -s box no-such-subsystem").error == "ChannelRequestDenied"


def test_variables_of_the_environment_are_sent(kernel):
    assert kernel.run("%ssh -o SetEnv=JUPYTER_SSH_TEST=sent box 'echo $JUPYTER_SSH_TEST'").stdout == "sent\n"
