"""Host keys: asked about, remembered, refused when they changed; nothing is sent to a host that is not trusted."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.forwarding.agent import AgentForwarding
from tests.peers.client_support import Person, reach
from tests.support.identities import fingerprints, run_quietly, ssh_keygen, write_known_hosts
from tests.support.peers import require_tool


def shown(server: Any) -> list[str]:
    return fingerprints(server.known_hosts)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine" / "known_hosts"


async def test_an_unknown_host_is_asked_about_and_remembered(openssh_server: Any, mine: Path) -> None:
    person = Person(host_key=True)
    async with reach(openssh_server, known_hosts=mine, prompts=person) as connection:
        (question,) = person.questions
        assert question.fingerprint in shown(openssh_server)
        assert connection.info.host_key_fingerprint == question.fingerprint
        assert any(str(mine) in message for message in connection.messages)
    assert mine.stat().st_mode & 0o777 == 0o600
    again = Person()
    async with reach(openssh_server, known_hosts=mine, prompts=again, strict_host_key_checking="yes"):
        assert again.questions == []
    # OpenSSH reads what we wrote.
    keygen = require_tool("ssh-keygen", "openssh-client")
    found = run_quietly([keygen, "-F", f"[{openssh_server.host}]:{openssh_server.port}", "-f", str(mine)])
    assert "ssh-ed25519" in found


async def test_hashed_names(openssh_server: Any, mine: Path) -> None:
    options = {"known_hosts": mine, "hash_known_hosts": True, "strict_host_key_checking": "accept-new"}
    async with reach(openssh_server, **options):
        pass
    assert mine.read_text().startswith("|1|")
    async with reach(openssh_server, **{**options, "strict_host_key_checking": "yes"}):
        pass


async def test_a_no_ends_it_and_writes_nothing(openssh_server: Any, mine: Path) -> None:
    person = Person(host_key=False, secrets=[openssh_server.password])
    with pytest.raises(errors.HostKeyUnknown) as caught:
        await reach(openssh_server, known_hosts=mine, prompts=person)
    assert caught.value.fingerprint in shown(openssh_server)
    assert str(caught.value.next_step).startswith("Connect again and answer yes, or the fingerprint")
    assert not mine.exists()
    assert person.asked == []
    assert "Accepted" not in openssh_server.log()


async def test_nobody_to_ask(openssh_server: Any, mine: Path) -> None:
    with pytest.raises(errors.HostKeyUnknown, match="accept-new"):
        await reach(openssh_server, known_hosts=mine, batch_mode=True)


async def test_strict_takes_no_new_host(openssh_server: Any, mine: Path) -> None:
    person = Person(host_key=True)
    with pytest.raises(errors.HostKeyUnknown):
        await reach(openssh_server, known_hosts=mine, prompts=person, strict_host_key_checking="yes")
    assert person.questions == []


@pytest.mark.parametrize("checking", ["yes", "ask", "accept-new"])
async def test_a_changed_key_is_refused(openssh_server: Any, mine: Path, tmp_path: Path, checking: str) -> None:
    other = ssh_keygen(tmp_path / "other").with_suffix(".pub")
    mine.parent.mkdir()
    write_known_hosts(mine, openssh_server.host, openssh_server.port, [other.read_text()])
    mine.write_text("# a comment\n" + mine.read_text())
    before = mine.read_bytes()
    person = Person(host_key=True)
    with pytest.raises(errors.HostKeyChanged) as caught:
        await reach(openssh_server, known_hosts=mine, prompts=person, strict_host_key_checking=checking)
    error = caught.value
    assert error.fingerprint in shown(openssh_server)
    assert list(error.known_fingerprints) == fingerprints(other)
    assert (error.file, error.line) == (str(mine), 2)
    name = f"[{openssh_server.host}]:{openssh_server.port}"
    for part in (
        *fingerprints(other),
        error.fingerprint,
        f"{mine}:2",
        "reinstalled",
        "another machine",
        "impersonating",
    ):
        assert part in str(error)
    assert error.check_command == "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
    for command in (error.check_command, *error.remove_commands):
        assert command in str(error)
    assert mine.read_bytes() == before
    assert person.questions == []
    # The commands do what they are said to do: the host is unknown then, and nothing else is gone.
    command = next(each for each in error.remove_commands if each.startswith("ssh-keygen "))
    assert name in command
    run_quietly(shlex.split(command))
    assert mine.read_text() == "# a comment\n"
    async with reach(openssh_server, known_hosts=mine, prompts=person, strict_host_key_checking="accept-new"):
        pass


async def test_no_checking_goes_on_but_sends_no_password(openssh_server: Any, mine: Path, tmp_path: Path) -> None:
    other = ssh_keygen(tmp_path / "other").with_suffix(".pub")
    mine.parent.mkdir()
    write_known_hosts(mine, openssh_server.host, openssh_server.port, [other.read_text()])
    options = {"known_hosts": mine, "strict_host_key_checking": "no"}
    async with reach(openssh_server, **options) as connection:
        assert any("CHANGED" in message for message in connection.messages)
    async with reach(openssh_server, forward_agent=str(tmp_path / "agent"), **options) as connection:
        assert connection.channel_host.parts.find(AgentForwarding) is None
        assert any("Agent forwarding is disabled" in message for message in connection.messages)
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(openssh_server, identity_file="none", password=openssh_server.password, **options)
    warning = next(message for message in caught.value.messages if "CHANGED" in message)
    assert "authentication and agent forwarding are disabled" in warning
    assert "Failed password" not in openssh_server.log()


def test_a_command_warns_where_nobody_is_let_in_either(openssh_server: Any, mine: Path) -> None:
    mine.parent.mkdir()
    revoked = (f"@revoked {line}\n" for line in openssh_server.known_hosts.read_text().splitlines())
    mine.write_text("".join(revoked))
    words = ["-F", "none", "-oStrictHostKeyChecking=no", f"-oUserKnownHostsFile={mine}", "-oIdentityFile=none"]
    where = ["-oIdentitiesOnly=yes", "-p", str(openssh_server.port), f"{openssh_server.user}@{openssh_server.host}"]
    command = [sys.executable, "-m", "jupyter_ssh.commands", "ssh", *words, *where, "true"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 255
    assert done.stderr.index("is marked as revoked in") < done.stderr.index("authentication failed for")


async def test_the_known_key_type_is_asked_for(openssh_server: Any, mine: Path) -> None:
    """A host known by its RSA key shows that key, not the Ed25519 one we would prefer."""
    public = openssh_server.host_key_paths["rsa"].with_suffix(".pub").read_text()
    mine.parent.mkdir()
    write_known_hosts(mine, openssh_server.host, openssh_server.port, [public])
    async with reach(openssh_server, known_hosts=mine, strict_host_key_checking="yes") as connection:
        assert connection.info.host_key_algorithm.startswith("rsa-sha2-")


async def test_a_revoked_key(openssh_server: Any, mine: Path) -> None:
    mine.parent.mkdir()
    mine.write_text("".join(f"@revoked {line}\n" for line in openssh_server.known_hosts.read_text().splitlines()))
    with pytest.raises(errors.HostKeyRevoked):
        await reach(openssh_server, known_hosts=mine, prompts=Person(host_key=True))


async def test_a_half_written_line_does_no_harm(openssh_server: Any, mine: Path) -> None:
    mine.parent.mkdir()
    shutil.copy(openssh_server.known_hosts, mine)
    mine.write_bytes(b"half.example ssh-ed25519 AAAAC3Nza\n\xff\xfe junk\n" + mine.read_bytes() + b"other.example ssh-")
    async with reach(openssh_server, known_hosts=mine, strict_host_key_checking="yes") as connection:
        assert (await connection.run("true")).ok
    # and a new key goes onto a line of its own
    lines = mine.read_bytes().count(b"\n")
    async with reach(
        openssh_server, known_hosts=mine, strict_host_key_checking="accept-new", host_key_alias="an.alias"
    ):
        pass
    assert mine.read_bytes().count(b"\n") == lines + 2
    assert b"\nan.alias ssh-" in mine.read_bytes()
