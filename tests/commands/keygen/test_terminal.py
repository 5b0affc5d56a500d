"""``jupyter-ssh keygen`` at a terminal: what it asks, what it does not show, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import load_private_key
from tests.support.keygen import theirs
from tests.support.tree import TREE

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

import pexpect

SECONDS = 120
SECRET = "open sesame"

Start = Callable[..., pexpect.spawn]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(*words)``: in a terminal, in an empty folder that is the home too; ``shell`` is a script to run it in."""
    running: list[pexpect.spawn] = []
    words = [sys.executable, "-m", "jupyter_ssh.commands", "keygen"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(TREE), "LC_ALL": "C.UTF-8"}

    def make(*more: str, shell: str = 'exec "$@"') -> pexpect.spawn:
        argv = ["-c", shell, "sh", *words, *more]
        child = pexpect.spawn("sh", argv, encoding="utf-8", timeout=SECONDS, cwd=str(tmp_path), env=env)
        running.append(child)
        return child

    yield make
    for child in running:
        child.close(force=True)


def _ended(child: pexpect.spawn) -> tuple[str, int | None]:
    """The last lines, and the exit status."""
    child.expect(pexpect.EOF)
    child.close()
    return child.before, child.exitstatus


def test_all_that_is_asked_for_a_new_key(start: Start, tmp_path: Path) -> None:
    child = start("-a", "2")
    path = tmp_path / ".ssh" / "id_ed25519"
    child.expect_exact(f"Enter file in which to save the key ({path}): ")
    child.sendline("")
    for first, second in ((SECRET, "something else"), (SECRET, SECRET)):
        child.expect_exact(f'Enter passphrase for "{path}" (empty for no passphrase): ')
        child.sendline(first)
        child.expect_exact("Enter same passphrase again: ")
        child.sendline(second)
    text, status = _ended(child)
    assert status == 0
    assert f"Your identification has been saved in {path}" in text
    assert SECRET not in text
    assert theirs(tmp_path, "-y", "-P", SECRET, "-f", str(path)).out == Path(f"{path}.pub").read_text()


def test_another_passphrase(start: Start, tmp_path: Path) -> None:
    theirs(tmp_path, "-q", "-t", "ed25519", "-a", "1", "-N", "old one", "-C", "of mine", "-f", "key")
    child = start("-p", "-a", "2", "-f", "key")
    child.expect_exact('Enter old passphrase for "key": ')
    child.sendline("old one")
    child.expect_exact("Key has comment 'of mine'")
    child.expect_exact("Enter new passphrase (empty for no passphrase): ")
    child.sendline(SECRET)
    child.expect_exact("Enter same passphrase again: ")
    child.sendline(SECRET)
    text, status = _ended(child)
    assert (text.strip(), status) == ("Your identification has been saved with the new passphrase.", 0)
    assert load_private_key(tmp_path / "key", SECRET).comment == "of mine"


def test_a_passphrase_is_asked_for_at_the_terminal_while_a_message_comes_in(start: Start, tmp_path: Path) -> None:
    theirs(tmp_path, "-q", "-t", "ed25519", "-a", "1", "-N", SECRET, "-f", "key")
    child = start("-Y", "sign", "-f", "key", "-n", "file", shell='echo hello | "$@" > signature')
    child.expect_exact('Enter passphrase for "key": ')
    child.sendline(SECRET)
    _, status = _ended(child)
    assert status == 0
    checked = theirs(tmp_path, "-Y", "check-novalidate", "-n", "file", "-s", "signature", input=b"hello\n")
    assert checked.status == 0


def test_ctrl_c_at_a_question_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    child = start("-f", "key")
    child.expect_exact("(empty for no passphrase): ")
    child.sendline(SECRET)
    child.expect_exact("Enter same passphrase again: ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus == signal.SIGINT
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_it_computes(start: Start, tmp_path: Path) -> None:
    # A key of that size takes minutes.
    child = start("-t", "rsa", "-b", "16384", "-N", "", "-f", "key")
    child.expect_exact("Generating public/private rsa key pair.")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus == signal.SIGINT
    assert list(tmp_path.iterdir()) == []


def test_the_program_is_named_in_the_list(start: Start) -> None:
    child = start("--help")
    text, status = _ended(child)
    assert status == 0
    for letter in "lyRFHLsYpceitbCNPEA":
        assert f"\r\n  -{letter} " in text
