"""Match: criteria that OpenSSH's ``ssh -G`` of every machine does not know yet, commands, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.client.local_commands import shell_status
from jupyter_ssh.ssh.config import Options, resolve
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.net.names import interface_addresses
from tests.support.processes import wait_until


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Options]:
    def read(text: str, target: str = "host", **given: Any) -> Options:
        file = tmp_path / "config"
        file.write_text(text)
        given.setdefault("addresses", lambda: ["127.0.0.1", "192.0.2.7", "fe80::1%eth0"])
        given.setdefault("run", shell_status)
        return resolve(target, files=[file], user_name="alice", home=tmp_path, **given)

    return read


HOLDS = [
    ("tagged slow", {"command_line": ["Tag=slow"]}),
    ("tagged 'a,s*'", {"command_line": [("Tag", "slow")]}),
    ('tagged ""', {}),
    ("!tagged slow", {"command_line": ["Tag=fast"]}),
    ("version OpenSSH_10.*", {}),
    ("!version OpenSSH_9.*,OpenSSH_8.*", {}),
    ("sessiontype shell", {}),
    ("sessiontype exec", {"command": "uptime"}),
    ("sessiontype subsystem", {"command": "sftp", "command_line": ["SessionType=subsystem"]}),
    ("sessiontype none", {"command_line": ["SessionType=none"]}),
    ("command 'git-*'", {"command": "git-upload-pack x"}),
    ('command ""', {}),
    ("localnetwork 192.0.2.0/24", {}),
    ("localnetwork 10.0.0.0/8,fe80::/10", {}),
    ("!localnetwork 10.0.0.0/8", {}),
    ("localnetwork 127.0.0.1", {}),
    ("host='host' user=alice", {}),
    ("""exec 'test "a b" = "a b"'""", {}),
    ('exec "test \\"%n\\" = host"', {}),
    ("exec 'test %%j = %%j -a %j = hop' ", {"command_line": ["ProxyJump=x,hop"]}),
    ("exec=true", {}),
]
FAILS = [
    ("tagged slow", {}),
    ('tagged ""', {"command_line": ["Tag=slow"]}),
    ("version OpenSSH_9.*", {}),
    ("sessiontype exec", {}),
    ("command x", {"command": "y"}),
    ("localnetwork 10.0.0.0/8", {}),
    ("localnetwork 192.0.2.0/24,!192.0.2.7", {}),
    ("exec false", {}),
    ("exec true host other", {}),
]


@pytest.mark.parametrize(("criteria", "given"), HOLDS)
def test_what_holds(read: Callable[..., Options], criteria: str, given: dict[str, Any]) -> None:
    assert read(f"Match {criteria}\nPort 5\n", **given).port == 5


@pytest.mark.parametrize(("criteria", "given"), FAILS)
def test_what_does_not(read: Callable[..., Options], criteria: str, given: dict[str, Any]) -> None:
    assert read(f"Match {criteria}\nPort 5\n", **given).port == 22


def test_a_tag_may_be_set_on_the_way(read: Callable[..., Options]) -> None:
    text = "Match tagged work\nPort 1\nHost host\nTag work\nMatch tagged work\nUser w\nTag other\n"
    assert (read(text).port, read(text).user) == (22, "w")


def test_the_interfaces_of_this_machine(read: Callable[..., Options]) -> None:
    assert read("Match localnetwork 127.0.0.0/8\nPort 5\n", addresses=interface_addresses).port == 5


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        ("exec 'kill -9 $$'", r"config line 2: Match exec 'kill -9 \$\$' exited abnormally.*signal 9"),
        ("exec 'echo %z'", 'config line 2: unknown token "%z"'),
        ("localnetwork 300.0.0.1", "config line 2: Invalid address or network in Match localnetwork"),
        ("host", "config line 2: missing argument for Match 'host'"),
        ("exec", "config line 2: missing argument for Match 'exec'"),
        ("exec=", "config line 2: missing argument for Match 'exec'"),
        ("sometimes x", "config line 2: Unsupported Match attribute sometimes"),
    ],
)
def test_what_is_wrong_has_a_line(read: Callable[..., Options], criteria: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(f"# first\nMatch {criteria}\nPort 5\n")


def test_a_command_that_hangs_is_an_error_with_its_line(read: Callable[..., Options], tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def run(command: str) -> int:
        return shell_status(command, 2)

    with pytest.raises(ConfigError, match=r"config line 1: Match exec .* did not finish.*still running"):
        read(f"Match exec 'echo $$ > {pid}; sleep 1000 & wait'\nPort 5\n", run=run)
    # It is ended with its children.
    wait_until(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists(), "the end of the command")


def test_a_shell_that_is_not_there(read: Callable[..., Options], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/nonexistent/shell")
    with pytest.raises(ConfigError, match="config line 1: Match exec 'true': No such file"):
        read("Match exec true\n")


def test_without_a_way_to_run_commands_there_are_none(read: Callable[..., Options]) -> None:
    with pytest.raises(ConfigError, match="line 1: Match exec 'true' cannot be run here"):
        read("Match exec true\n", run=None)
    assert read("Match host other exec true\nPort 5\n", run=None).port == 22


def test_no_command_is_run_where_it_cannot_count(read: Callable[..., Options], tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    included = tmp_path / ".ssh" / "more"
    included.write_text("Match exec 'echo included'\nPort 5\n")
    included.chmod(0o600)
    ran: list[str] = []

    def run(command: str) -> int:
        ran.append(command)
        return 0

    read("Host other\nInclude more\nMatch host other exec 'echo other'\n", run=run)
    assert ran == []
    assert read("Host host\nInclude more\n", run=run).port == 5
    assert ran == ["echo included"]
