"""%ssh_add in a kernel: its own agent, what uses it, and questions that hang nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import load_private_key, save_private_key
from tests.notebook.kernels import Kernel, running_kernel, write_config
from tests.support.identities import ssh_keygen


@pytest.fixture(scope="module")
def agent_kernel(sshd, embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose person has no agent, and no key that the servers let in."""
    folder = tmp_path_factory.mktemp("agent")
    lines = ("IdentityFile none", "IdentitiesOnly no", "PasswordAuthentication no")
    config = write_config(folder, *lines, box=sshd, ours=embedded)
    text = config.read_text()
    config.write_text("\n".join(line for line in text.splitlines() if str(sshd.client_key) not in line))
    with running_kernel(folder, config) as kernel:
        yield kernel


@pytest.fixture
def kernel(agent_kernel: Kernel) -> Iterator[Kernel]:
    """The same, with an empty agent afterwards."""
    yield agent_kernel
    agent_kernel.run("%ssh_close --all")
    agent_kernel.run("%ssh_add --own -D")


@pytest.fixture
def key(sshd, tmp_path: Path) -> Path:
    """A key that lets in to both servers, and asks for a passphrase."""
    path = ssh_keygen(tmp_path / "key", passphrase="open sesame")
    sshd.authorize(path.with_suffix(".pub").read_text())
    return path


def run_program(kernel: Kernel, command: str) -> str:
    """What a program prints that a cell starts; not by "!", which loses what is printed just before the end."""
    program = f"subprocess.run({command!r}, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)"
    return kernel.run(f"import subprocess\nprint({program}.stdout)").stdout


def test_the_kernel_has_an_agent_once_a_key_is_added(kernel, sshd, key):
    assert "no agent" in kernel.run("%ssh_add -l").result["text/plain"].lower()
    assert kernel.run("%ssh box echo in").error == "AuthenticationError"
    cell = kernel.run(f"%ssh_add {key}", answers=["wrong", "open sesame"])
    assert [password for _, password in cell.questions] == [True, True]
    assert "Started an agent in this kernel" in cell.stdout
    assert "ED25519" in cell.result["text/plain"]
    assert "open sesame" not in cell.everything()
    # %ssh, and programs in the cell, use it by the same rule as everywhere.
    assert kernel.run("%ssh box echo in").stdout == "in\n"
    assert "made for a test" in run_program(kernel, "ssh-add -l")
    # What ssh-add takes out there is gone here.
    run_program(kernel, "ssh-add -D")
    assert "no keys" in kernel.run("%ssh_add -l").result["text/plain"]


def test_a_table_with_the_limits_of_each_key(kernel, key):
    kernel.run(f"%ssh_add -t 8h -c {key}", answers=["open sesame"])
    shown = kernel.run("%ssh_add -l").result
    for face in shown.values():
        assert "until" in face
        assert "asks each time" in face
    assert "<table" in shown["text/html"]


def test_the_cell_that_connects_is_asked(kernel, sshd, key):
    kernel.run(f"%ssh_add -q -c {key}", answers=["open sesame"])
    cell = kernel.run("%ssh box echo in", answers=["yes"])
    assert cell.stdout.endswith("in\n")
    assert f"log in as '{sshd.user}'" in cell.stdout
    kernel.run("%ssh_close --all")
    assert kernel.run("%ssh box echo in", answers=["no"]).error == "AuthenticationError"


def test_a_question_that_nobody_can_answer_is_a_no(kernel, key):
    kernel.run(f"%ssh_add -q -c {key}", answers=["open sesame"])
    assert kernel.run("%ssh box echo in", allow_stdin=False).error == "AuthenticationError"
    # A cell that runs another program cannot be asked either; it ends, and the kernel goes on.
    assert "refused" in run_program(kernel, f"ssh-add -T {key}.pub")
    assert kernel.run("print('on')").stdout == "on\n"


def test_a_key_of_the_agent_goes_along_with_the_connection_only_when_asked(kernel, key):
    kernel.run(f"%ssh_add -q {key}", answers=["open sesame"])
    assert "made for a test" in kernel.run("%ssh -A box ssh-add -l").stdout
    kernel.run("%ssh_close --all")
    assert "made for a test" not in kernel.run("%ssh --no-raise-error box ssh-add -l").stdout


def test_locking(kernel, key):
    kernel.run(f"%ssh_add -q {key}", answers=["open sesame"])
    password = secrets.token_urlsafe(8)
    cell = kernel.run("%ssh_add -x", answers=[password, password])
    assert "locked" in cell.result["text/plain"]
    assert password not in cell.everything()
    assert kernel.run("%ssh box echo in").error == "AuthenticationError"
    assert kernel.run("%ssh_add -X", answers=["guess"]).error == "AgentError"
    kernel.run("%ssh_add -X", answers=[password])
    assert kernel.run("%ssh box echo in").stdout == "in\n"


def test_errors_end_the_cell(kernel, tmp_path):
    assert kernel.run(f"%ssh_add {tmp_path}/nothing").error == "AgentError"
    assert kernel.run("%ssh_add -Z").error == "Usage"
    assert (
        kernel.run(f"%ssh_add {ssh_keygen(tmp_path / 'k', passphrase='x' * 8)}", allow_stdin=False).error
        == "AgentError"
    )


def test_keygen_signs_with_a_key_of_the_agent(kernel, tmp_path):
    authority, user = ssh_keygen(tmp_path / "ca"), ssh_keygen(tmp_path / "user")
    kernel.run(f"%ssh_add -q -c {authority}")
    cell = kernel.run(f"%ssh_keygen -U -s {authority}.pub -I me -n alice {user}.pub", answers=["yes"])
    assert cell.error is None
    assert (tmp_path / "user-cert.pub").exists()


def test_tab_offers_letters_values_and_key_files(kernel, tmp_path):
    key = ssh_keygen(tmp_path / "a_key")
    assert {"%ssh_add -t", "%ssh_add -l", "%ssh_add --own"} <= set(kernel.complete("%ssh_add -"))
    assert "%ssh_add -s" not in kernel.complete("%ssh_add -")
    assert kernel.complete("%ssh_add -E ") == ["%ssh_add -E sha256", "%ssh_add -E md5"]
    assert f"%ssh_add -t 8h {key}" in kernel.complete(f"%ssh_add -t 8h {tmp_path}/a")
    assert {"%ssh_add -h box", "%ssh_add -h ours"} <= set(kernel.complete("%ssh_add -h "))


def test_nothing_in_a_key_steers_the_page(kernel, tmp_path):
    key = ssh_keygen(tmp_path / "quiet")
    evil = load_private_key(key)
    evil.comment = "mine\x1b]0;title\x07\u202e"
    save_private_key(key, evil, overwrite=True)
    for line in (f"%ssh_add {key}", "%ssh_add -L", f"%ssh_add -d {key}", f"%ssh_keygen -l -f {key}"):
        cell = kernel.run(line)
        assert cell.error is None
        assert "mine" in cell.everything() or "title" in cell.everything()
        for character in "\x1b\x07\u202e":
            assert character not in cell.stdout + str(cell.result)
