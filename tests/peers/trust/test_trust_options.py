"""Options about host keys that need a real server: KnownHostsCommand, RevokedHostKeys, localhost, pictures."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.keys import generate, load_public_key
from tests.peers.client_support import Person, reach
from tests.support.identities import run_quietly
from tests.support.peers import require_tool
from tests.support.processes import wait_until

OTHER = generate().public


def public_of(server: Any) -> Any:
    """The server's Ed25519 key."""
    line = next(line for line in server.known_hosts.read_text().splitlines() if " ssh-ed25519 " in line)
    path = server.known_hosts.parent / "shown.pub"
    path.write_text(line.split(" ", 1)[1])
    return load_public_key(path)[0]


def name_of(server: Any) -> str:
    return f"[{server.host}]:{server.port}"


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def script(tmp_path: Path, body: str) -> Path:
    """A program that notes its arguments; without a shell, so that it starts quickly."""
    path = tmp_path / "command"
    calls = str(tmp_path / "calls")
    path.write_text(
        f"#!{sys.executable} -S\nimport sys\nopen({calls!r}, 'a').write(repr(sys.argv[1:]) + '\\n')\n{body}\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class TestKnownHostsCommand:
    async def test_it_knows_the_host(self, openssh_server: Any, nothing: Path, tmp_path: Path) -> None:
        key = public_of(openssh_server)
        command = script(tmp_path, f"print('# from a directory')\nprint({name_of(openssh_server)!r}, {key.line()!r})")
        words = "%I %H %t %f %K %h %p '%% %n'"
        async with reach(
            openssh_server,
            known_hosts=nothing,
            strict_host_key_checking="yes",
            known_hosts_command=f"{command} {words}",
        ) as connection:
            assert connection.info.host_key_fingerprint == key.fingerprint
        calls = [eval(line) for line in (tmp_path / "calls").read_text().splitlines()]
        common = [openssh_server.host, str(openssh_server.port), f"% {openssh_server.host}"]
        assert calls == [
            ["ORDER", name_of(openssh_server), "NONE", "NONE", "NONE", *common],
            ["HOSTNAME", name_of(openssh_server), "ssh-ed25519", key.fingerprint, key.line().split()[1], *common],
        ]
        assert not nothing.exists()

    async def test_what_it_says_counts_as_a_file_does(self, openssh_server: Any, nothing: Path, tmp_path: Path) -> None:
        command = script(tmp_path, f"print({name_of(openssh_server)!r}, {OTHER.line()!r})")
        with pytest.raises(errors.HostKeyChanged) as changed:
            await reach(openssh_server, known_hosts=nothing, known_hosts_command=str(command))
        assert "KnownHostsCommand-HOSTNAME:1" in str(changed.value)
        assert changed.value.remove_commands == ()
        command = script(tmp_path, f"print('@revoked *', {public_of(openssh_server).line()!r})")
        with pytest.raises(errors.HostKeyRevoked):
            await reach(openssh_server, known_hosts_command=str(command))

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("sys.stderr.write('first\\nno such directory\\n'); sys.exit(3)", "exit status 3: no such directory"),
            ("import time; time.sleep(600)", "no answer within"),
            ("import os; os.write(1, bytes(1 << 25))", "more than 16 MiB"),
            ("import os; os.kill(os.getpid(), 9)", "exit status -9"),
        ],
    )
    async def test_a_command_that_fails(self, body: str, told: str, openssh_server: Any, tmp_path: Path) -> None:
        command = script(tmp_path, body)
        async with reach(openssh_server, known_hosts_command=str(command), connect_timeout=3) as connection:
            warnings = [message for message in connection.messages if "KnownHostsCommand" in message]
        assert len(warnings) == 2
        assert all(told in warning for warning in warnings)

    @pytest.mark.parametrize("last", ["wait", "exit 0"])
    async def test_a_child_of_the_command_ends_with_it(self, last: str, openssh_server: Any, tmp_path: Path) -> None:
        path = tmp_path / "command"
        path.write_text(f"#!/bin/sh\nsleep 600 &\necho $! >> {shlex.quote(str(tmp_path / 'pids'))}\n{last}\n")
        path.chmod(0o700)
        async with reach(openssh_server, known_hosts_command=str(path), connect_timeout=3):
            pass
        for pid in map(int, (tmp_path / "pids").read_text().split()):
            wait_until(lambda pid=pid: not _runs(pid), f"process {pid} ends")

    @pytest.mark.parametrize("command", ["command", "%h/x", "/bin/echo %Z", "/bin/echo 'open", ""])
    async def test_what_is_no_command(self, command: str, openssh_server: Any) -> None:
        if not command:
            async with reach(openssh_server, known_hosts_command="none"):
                return
        with pytest.raises(errors.ConfigError, match="KnownHostsCommand"):
            await reach(openssh_server, known_hosts_command=command)

    async def test_a_program_that_is_not_there(self, openssh_server: Any, tmp_path: Path) -> None:
        async with reach(openssh_server, known_hosts_command=str(tmp_path / "missing")) as connection:
            assert any("No such file" in message for message in connection.messages)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestRevokedHostKeys:
    @pytest.fixture
    def files(self, openssh_server: Any, tmp_path: Path) -> dict[str, Path]:
        own, other = tmp_path / "own.pub", tmp_path / "other.pub"
        own.write_text(public_of(openssh_server).line())
        other.write_text(OTHER.line())
        keygen = require_tool("ssh-keygen", "openssh-client")
        for name in ("own", "other"):
            run_quietly([keygen, "-q", "-k", "-f", str(tmp_path / f"{name}.krl"), str(tmp_path / f"{name}.pub")])
        (tmp_path / "broken").write_text("what is this\n")
        names = ("own.pub", "other.pub", "own.krl", "other.krl", "broken", "missing")
        return {name: tmp_path / name for name in names}

    @pytest.mark.parametrize("name", ["own.pub", "own.krl", "broken", "missing"])
    @pytest.mark.parametrize("strict", ["yes", "no"])
    async def test_refused(self, name: str, strict: str, files: dict[str, Path], openssh_server: Any) -> None:
        with pytest.raises(errors.HostKeyError) as caught:
            await reach(openssh_server, revoked_host_keys=files[name], strict_host_key_checking=strict)
        assert isinstance(caught.value, errors.HostKeyRevoked) is name.startswith("own")
        assert str(files[name]) in str(caught.value)
        assert "Accepted" not in openssh_server.log()

    @pytest.mark.parametrize("name", ["other.pub", "other.krl"])
    async def test_not_refused(self, name: str, files: dict[str, Path], openssh_server: Any) -> None:
        async with reach(openssh_server, revoked_host_keys=files[name]):
            pass


async def test_localhost(openssh_server: Any, nothing: Path) -> None:
    nothing.write_text(f"{name_of(openssh_server)} {OTHER.line()}\n")
    options = {"known_hosts": nothing, "no_host_authentication_for_localhost": True}
    async with reach(openssh_server, strict_host_key_checking="yes", **options):
        pass
    with pytest.raises(errors.HostKeyUnknown):
        await reach(openssh_server, strict_host_key_checking="yes", host_key_alias="other", **options)


async def test_the_picture(openssh_server: Any) -> None:
    async with reach(openssh_server, visual_host_key=True) as connection:
        assert any(public_of(openssh_server).randomart in message for message in connection.messages)


async def test_bad_lines_of_this_host_are_told(openssh_server: Any, nothing: Path) -> None:
    name, line = name_of(openssh_server), public_of(openssh_server).line()
    nothing.write_text(f"{name} {line}\nother.example {line[:-9]}\n{name} {line[:-9]}\n")
    async with reach(openssh_server, known_hosts=nothing) as connection:
        (warning,) = [message for message in connection.messages if message.startswith("WARNING")]
    assert f"{nothing}:3" in warning


async def test_a_pasted_fingerprint(openssh_server: Any, nothing: Path) -> None:
    class Pasting(Person):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        async def confirm_host_key(self, question: Any) -> bool:
            return bool(question.answer(self.text))

    async with reach(openssh_server, known_hosts=nothing, prompts=Pasting(public_of(openssh_server).fingerprint_md5)):
        pass
    assert nothing.exists()
    os.unlink(nothing)
    with pytest.raises(errors.HostKeyUnknown, match="does not have the fingerprint that was given"):
        await reach(openssh_server, known_hosts=nothing, prompts=Pasting(OTHER.fingerprint))
    assert not nothing.exists()
    assert openssh_server.log().count("Accepted publickey") == 1
