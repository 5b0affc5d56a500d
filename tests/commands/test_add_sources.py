"""jupyter-ssh add with keys from standard input, and with keys in devices, beside ssh-add."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import save_private_key
from tests.support.agents import PeerAgent
from tests.support.identities import ssh_keygen
from tests.support.made_keys import new_key
from tests.support.peers import require_tool

OURS = (sys.executable, "-m", "jupyter_ssh.commands", "add")


@pytest.fixture(params=["ours", "ssh-add"])
def add(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Both programs."""
    return OURS if request.param == "ours" else (require_tool("ssh-add", "openssh-client"),)


# --- standard input ---------------------------------------------------------------------------------------------------


def test_a_key_on_standard_input(openssh_agent: PeerAgent, add: tuple[str, ...], tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key")
    said = openssh_agent.run(*add, "-", input=key.read_text())
    assert said == "Identity added: (stdin) (made for a test)\n"
    openssh_agent.ssh_add("-T", f"{key}.pub")


def test_no_key_on_standard_input(openssh_agent: PeerAgent, add: tuple[str, ...]) -> None:
    assert "(stdin)" in openssh_agent.run(*add, "-", input="no key\n", status=1)


def test_a_file_of_that_name(openssh_agent: PeerAgent, tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key")
    key.rename(tmp_path / "-")
    done = subprocess.run(
        [*OURS, "./-"],
        cwd=tmp_path,
        env={**os.environ, "SSH_AUTH_SOCK": openssh_agent.socket, "PYTHONPATH": os.getcwd()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_public_keys_to_remove_on_standard_input(
    openssh_agent: PeerAgent, add: tuple[str, ...], tmp_path: Path
) -> None:
    keys = [ssh_keygen(tmp_path / name) for name in ("one", "two", "three", "other")]
    openssh_agent.ssh_add(*map(str, keys[:3]))
    lines = [Path(f"{key}.pub").read_text() for key in keys]
    text = f"# two of them\n\n  {lines[0]}no key at all\n{lines[1]}{lines[3]}"
    said = openssh_agent.run(*add, "-d", "-", input=text)
    assert said.count("Identity removed: (stdin) ED25519 (made for a test)") == 2
    assert "(stdin):4" in said
    assert "Could not remove identity" in said
    assert len(openssh_agent.ssh_add("-l").splitlines()) == 1


@pytest.mark.parametrize("text", ["", "# nothing\n", "no key\n"])
def test_nothing_to_remove_on_standard_input(openssh_agent: PeerAgent, add: tuple[str, ...], text: str) -> None:
    openssh_agent.run(*add, "-d", "-", input=text, status=1)


@pytest.mark.parametrize(("words", "left"), [([], 0), (["-k"], 1), (["-C"], 1)])
def test_certificates_to_remove_on_standard_input(
    openssh_agent: PeerAgent, words: list[str], left: int, tmp_path: Path
) -> None:
    """-k and -C are OpenSSH's since 9.6."""
    key, authority = ssh_keygen(tmp_path / "key"), ssh_keygen(tmp_path / "ca")
    keygen = require_tool("ssh-keygen", "openssh-client")
    openssh_agent.run(keygen, "-q", "-s", str(authority), "-I", "i", f"{key}.pub")
    openssh_agent.ssh_add(str(key))
    text = "".join(Path(f"{key}{end}").read_text() for end in (".pub", "-cert.pub"))
    openssh_agent.run(*OURS, "-d", *words, "-", input=text)
    listed = openssh_agent.ssh_add("-L", status=None)
    assert listed.count("ssh-ed25519") == left
    assert ("cert" in listed) is (words == ["-k"])


# --- keys in devices --------------------------------------------------------------------------------------------------


@pytest.fixture
def security_key(tmp_path: Path) -> Path:
    """A file as ``ssh-keygen -t ed25519-sk`` writes it; an agent takes it without looking for the device."""
    path = tmp_path / "id_sk"
    save_private_key(path, new_key("sk-ssh-ed25519@openssh.com"))
    return path


@pytest.mark.parametrize("where", ["environment", "-S", "both"])
def test_the_library_is_told_to_the_agent(
    openssh_agent: PeerAgent, add: tuple[str, ...], where: str, security_key: Path, tmp_path: Path
) -> None:
    """OpenSSH's agent accepts a library only below /usr/lib; -S counts more than SSH_SK_PROVIDER."""
    library = tmp_path / "library.so"
    library.write_text("")
    accepted = next(path for path in Path("/usr/lib").rglob("libc.so.6"))
    words, environment = ["-S", str(library)], {"SSH_SK_PROVIDER": str(library)}
    if where == "environment":
        words = []
    elif where == "both":
        environment["SSH_SK_PROVIDER"] = str(accepted)
    else:
        environment = {}
    openssh_agent.run(*add, *words, str(security_key), environment=environment, status=1)
    if words:
        words[1] = str(accepted)
    else:
        environment["SSH_SK_PROVIDER"] = str(accepted)
    openssh_agent.run(*add, *words, str(security_key), environment=environment)
    assert "ED25519-SK" in openssh_agent.ssh_add("-l")


def test_other_keys_are_added_without_a_library(openssh_agent: PeerAgent, add: tuple[str, ...], tmp_path: Path) -> None:
    """OpenSSH's agent refuses a library for a key that is in no device."""
    key = ssh_keygen(tmp_path / "key")
    openssh_agent.run(*add, "-S", "/nowhere.so", str(key), environment={"SSH_SK_PROVIDER": "/nowhere.so"})
