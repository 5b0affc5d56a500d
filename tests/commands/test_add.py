"""jupyter-ssh add and jupyter-ssh agent on a shell, beside ssh-add and ssh-agent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from jupyter_ssh.commands.keys.agent import setting
from tests.support.agents import PeerAgent
from tests.support.clients import PeerClients
from tests.support.identities import ssh_keygen, write_known_hosts
from tests.support.peers import require_tool
from tests.support.processes import wait_until

OURS = (sys.executable, "-m", "jupyter_ssh.commands")
ADD = (*OURS, "add")
AGENT = (*OURS, "agent")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return ssh_keygen(tmp_path / "key")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".ssh").mkdir(mode=0o700, parents=True)
    return tmp_path / "home"


@pytest.fixture
def askpass(tmp_path: Path) -> dict[str, str]:
    clients = PeerClients(tmp_path / "askpass")
    return {"SSH_ASKPASS": clients.askpass(), "SSH_ASKPASS_REQUIRE": "force", "PEER_PASSWORD": "yes"}


# --- add --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["-l"], ["-L"], ["-l", "-E", "md5"]])
def test_it_lists_as_ssh_add_does(openssh_agent: PeerAgent, key: Path, words: list[str]) -> None:
    for _ in range(2):
        ours = openssh_agent.run(*ADD, *words, status=None)
        assert ours == openssh_agent.ssh_add(*words, status=None)
        openssh_agent.ssh_add(str(key))


def test_it_adds_tests_and_removes(openssh_agent: PeerAgent, key: Path) -> None:
    assert openssh_agent.run(*ADD, str(key)) == f"Identity added: {key} (made for a test)\n"
    openssh_agent.run(*ADD, "-T", f"{key}.pub")
    openssh_agent.ssh_add("-T", f"{key}.pub")
    assert "Identity removed" in openssh_agent.run(*ADD, "-d", str(key))
    openssh_agent.run(*ADD, "-T", f"{key}.pub", status=1)
    assert "refused" in openssh_agent.run(*ADD, "-d", str(key), status=1)
    openssh_agent.run(*ADD, "-q", str(key))
    assert openssh_agent.run(*ADD, "-D") == "All identities removed.\n"
    assert "no identities" in openssh_agent.ssh_add("-l", status=1)


@pytest.mark.parametrize("words", [[], ["-d"], ["-l"], ["-L"], ["-T"]], ids=str)
def test_nothing_in_a_key_or_its_name_steers_the_terminal(
    own_agent: PeerAgent, tmp_path: Path, words: list[str]
) -> None:
    """As a file from elsewhere may have it: in its comment, and in its name."""
    evil = "\x1b]0;title\x07\x9b2J"
    key = ssh_keygen(tmp_path / f"key{evil}")
    keygen = require_tool("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-c", "-C", f"mine{evil}", "-f", str(key)], check=True, stdout=subprocess.DEVNULL)
    assert evil in Path(f"{key}.pub").read_text()
    said = own_agent.run(*ADD, str(key)) if words else ""
    files = [f"{key}.pub"] if words == ["-T"] else [] if words and words[0] in "-l-L" else [str(key)]
    said += own_agent.run(*ADD, *words, *files)
    said += own_agent.run(*ADD, f"{key}.missing", status=1)
    assert [character for character in said if not character.isprintable() and character != "\n"] == []
    assert "key" in said


def test_without_names_it_takes_the_usual_files_and_their_certificates(openssh_agent: PeerAgent, home: Path) -> None:
    key, authority = ssh_keygen(home / ".ssh" / "id_ed25519"), ssh_keygen(home / "ca")
    ssh_keygen(home / ".ssh" / "other")
    openssh_agent.run(require_tool("ssh-keygen", "openssh-client"), "-q", "-s", str(authority), "-I", "i", f"{key}.pub")
    said = openssh_agent.run(*ADD, environment={"HOME": str(home)})
    assert [line.split(":")[0] for line in said.splitlines()] == ["Identity added", "Certificate added"]
    assert len(openssh_agent.ssh_add("-l").splitlines()) == 2
    openssh_agent.run(*ADD, "-d", environment={"HOME": str(home)})
    assert "no identities" in openssh_agent.ssh_add("-l", status=1)
    openssh_agent.run(*ADD, "-k", environment={"HOME": str(home)})
    openssh_agent.run(*ADD, "-C", environment={"HOME": str(home)})
    assert len(openssh_agent.ssh_add("-l").splitlines()) == 2


def test_a_passphrase_is_asked_for_once_for_all_keys(openssh_agent: PeerAgent, tmp_path: Path) -> None:
    keys = [str(ssh_keygen(tmp_path / name, passphrase="the same")) for name in ("one", "two")]
    other = str(ssh_keygen(tmp_path / "three", passphrase="another"))
    said = openssh_agent.run("setsid", "-w", *ADD, *keys, other, input="wrong\nthe same\n\n", status=1)
    assert said.count("Identity added") == 2
    assert said.count("Enter passphrase") == 2
    assert said.count("Bad passphrase") == 1
    assert len(openssh_agent.ssh_add("-l").splitlines()) == 2


def test_lifetime_and_confirmation(own_agent: PeerAgent, key: Path) -> None:
    said = own_agent.run(*ADD, "-t", "1h30m", "-c", str(key))
    assert "5400 seconds" in said
    assert "confirm" in said
    own_agent.ssh_add("-T", f"{key}.pub", status=1)


def test_destinations(openssh_agent: PeerAgent, key: Path, tmp_path: Path) -> None:
    known = write_known_hosts(tmp_path / "known", "host", 22, [key.with_suffix(".pub").read_text()])
    known.write_text(known.read_text().replace("[host]:22", "host"))
    openssh_agent.run(*ADD, "-H", str(known), "-h", "alice@host", "-h", "host>bob@host", str(key))
    assert "refused" in openssh_agent.ssh_add("-T", f"{key}.pub", status=1)
    for where in ("nowhere", "bob@host>host", "@host", ""):
        openssh_agent.run(*ADD, "-H", str(known), "-h", where, str(key), status=1)


def test_it_removes_and_tests_by_any_file_of_the_key(openssh_agent: PeerAgent, key: Path, tmp_path: Path) -> None:
    """A public one, one with ``.pub`` beside it, a private one alone, a certificate."""
    keygen = require_tool("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-s", key, "-I", "x", "-n", "a", f"{key}.pub"], check=True, timeout=60)
    alone = tmp_path / "alone"
    alone.write_bytes(key.read_bytes())
    alone.chmod(0o600)
    certificate = f"{key}-cert.pub"
    for name in (f"{key}.pub", str(key), str(alone), certificate):
        for program in (("ssh-add",), ADD):
            openssh_agent.ssh_add(str(key))
            openssh_agent.run(*program, "-T", name)
            said = openssh_agent.run(*program, "-d", name)
            assert f"Identity removed: {name} ED25519" in said
            openssh_agent.run("ssh-add", "-T", name, status=1)
            openssh_agent.ssh_add("-D")


def test_locking(openssh_agent: PeerAgent, key: Path) -> None:
    openssh_agent.run(*ADD, str(key))
    assert "do not match" in openssh_agent.run("setsid", "-w", *ADD, "-x", input="a\nb\n", status=1)
    openssh_agent.run("setsid", "-w", *ADD, "-x", input="secret\nsecret\n")
    assert "no identities" in openssh_agent.ssh_add("-l", status=1)
    assert "Failed to unlock" in openssh_agent.run("setsid", "-w", *ADD, "-X", input="guess\n", status=1)
    openssh_agent.run("setsid", "-w", *ADD, "-X", input="secret\n")
    openssh_agent.ssh_add("-l")


def test_where_nothing_answers(openssh_agent: PeerAgent, key: Path) -> None:
    """ssh-add has no option for a passphrase, and a lock password is none."""
    said = openssh_agent.run("setsid", "-w", *ADD, "-x", status=1)
    assert "SSH_ASKPASS" in said
    assert "-P" not in said
    assert "passphrase" not in said
    keygen = require_tool("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-p", "-N", "open sesame", "-a", "1", "-f", key], check=True, timeout=60)
    assert "no answer" in openssh_agent.run("setsid", "-w", *ADD, str(key), status=1)


def test_it_says_what_is_wrong(openssh_agent: PeerAgent, key: Path, tmp_path: Path, home: Path) -> None:
    assert "usage" in openssh_agent.run(*ADD, "-Z", status=1)
    assert "both" in openssh_agent.run(*ADD, "-l", "-D", status=1)
    assert "ssh-add" in openssh_agent.run(*ADD, "-s", "library", status=1)
    assert "No such file" in openssh_agent.run(*ADD, str(tmp_path / "nothing"), status=1)
    assert "lifetime" in openssh_agent.run(*ADD, "-t", "soon", str(key), status=1)
    assert "usual name" in openssh_agent.run(*ADD, environment={"HOME": str(home)}, status=1)
    key.chmod(0o644)
    assert "chmod 600" in openssh_agent.run(*ADD, str(key), status=1)
    assert "SSH_AUTH_SOCK" in openssh_agent.run(*ADD, "-l", environment={"SSH_AUTH_SOCK": ""}, status=2)
    gone = {"SSH_AUTH_SOCK": str(tmp_path / "gone")}
    assert "Error connecting to agent" in openssh_agent.run(*ADD, "-l", environment=gone, status=2)


# --- agent ------------------------------------------------------------------------------------------------------------


def run(*argv: str, status: int = 0, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        argv, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def started() -> Iterator[dict[str, str]]:
    """An agent as ``eval "$(jupyter-ssh agent -s)"`` has it."""
    lines = run(*AGENT, "-s")
    values = dict(re.findall(r"^(\w+)=(\S+); export", lines, re.MULTILINE))
    try:
        yield values
    finally:
        if psutil.pid_exists(int(values["SSH_AGENT_PID"])):
            os.kill(int(values["SSH_AGENT_PID"]), signal.SIGTERM)


def test_it_goes_to_the_background_and_is_ended(started: dict[str, str], key: Path) -> None:
    socket = Path(started["SSH_AUTH_SOCK"])
    assert socket.stat().st_mode & 0o777 == 0o600
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    ssh_add = require_tool("ssh-add", "openssh-client")
    run(ssh_add, str(key), environment=started)
    assert "ED25519" in run(ssh_add, "-l", environment=started)
    said = run(*AGENT, "-s", "-k", environment=started)
    assert "unset SSH_AUTH_SOCK" in said
    wait_until(lambda: not psutil.pid_exists(int(started["SSH_AGENT_PID"])), "the agent ends")
    assert not socket.parent.exists()
    assert "SSH_AGENT_PID" in run(*AGENT, "-k", status=1, environment={"SSH_AGENT_PID": ""})


def test_it_lives_as_long_as_its_command(key: Path) -> None:
    ssh_add = require_tool("ssh-add", "openssh-client")
    script = f"echo $SSH_AGENT_PID; {ssh_add} {key} && {ssh_add} -l; exit 3"
    said = run(*AGENT, "-t", "1h", "sh", "-c", script, status=3)
    assert "ED25519" in said
    wait_until(lambda: not psutil.pid_exists(int(said.split()[0])), "the agent ends")


def test_a_socket_of_its_own_choice(short_folder: Path) -> None:
    path = short_folder / "mine"
    assert run(*AGENT, "-a", str(path), "sh", "-c", "echo $SSH_AUTH_SOCK").strip() == str(path)
    wait_until(lambda: not path.exists(), "the socket is removed")
    path.write_text("in the way")
    assert "in use" in run(*AGENT, "-a", str(path), "true", status=1)


def test_it_asks_through_ssh_askpass(short_folder: Path, key: Path, askpass: dict[str, str]) -> None:
    ssh_add = require_tool("ssh-add", "openssh-client")
    script = f"{ssh_add} -q -c {key}; {ssh_add} -T {key}.pub"
    run(*AGENT, "sh", "-c", script, environment=askpass)
    run(*AGENT, "sh", "-c", script, status=1, environment={**askpass, "PEER_PASSWORD": "no"})
    run(*AGENT, "sh", "-c", script, status=1, environment={"SSH_ASKPASS_REQUIRE": "never"})


def test_lines_for_both_kinds_of_shell() -> None:
    values = {"SSH_AUTH_SOCK": "/a b"}
    assert setting(values, csh=False) == "SSH_AUTH_SOCK='/a b'; export SSH_AUTH_SOCK;\n"
    assert setting(values, csh=True) == "setenv SSH_AUTH_SOCK '/a b';\n"


@pytest.mark.parametrize("words", [["-c", "-s"], ["-D", "true"], ["-Z"], ["-t", "x"], ["-E", "crc"]])
def test_wrong_words(words: list[str]) -> None:
    assert run(*AGENT, *words, status=1)
