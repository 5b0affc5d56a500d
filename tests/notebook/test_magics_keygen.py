"""``%ssh_keygen`` in a kernel: its card, its questions, and what must never be seen."""

from __future__ import annotations

import html
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import load_private_key, load_public_key
from tests.notebook.kernels import Kernel, running_kernel, write_config
from tests.support.identities import run_quietly, ssh_keygen
from tests.support.keygen import theirs
from tests.support.peers import require_tool


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """In place of the one that knows servers."""
    folder = tmp_path_factory.mktemp("kernel")
    with running_kernel(folder, write_config(folder)) as kernel:
        yield kernel


@pytest.fixture
def kernel(shared_kernel: Kernel, tmp_path: Path) -> Kernel:
    """Working in a folder of the test, which is the home too."""
    shared_kernel.run(f"import os\nos.chdir({str(tmp_path)!r})\nos.environ['HOME'] = {str(tmp_path)!r}")
    return shared_kernel


def hidden(path: Path) -> list[str]:
    """The lines of a private key file that must be nowhere else."""
    lines = path.read_text().splitlines()[1:-1]
    assert lines
    return lines


def test_a_new_key_with_a_passphrase(kernel, tmp_path):
    passphrase = secrets.token_urlsafe(12)
    path = tmp_path / ".ssh" / "id_ed25519"
    cell = kernel.run("%ssh_keygen -a 2 -C me@here", answers=["", "mistyped", passphrase, passphrase, passphrase])
    assert cell.error is None, cell.traceback
    assert [(str(path) in prompt, password) for prompt, password in cell.questions] == [
        (True, False),
        (True, True),
        (False, True),
        (True, True),
        (False, True),
    ]
    assert "do not match" in cell.stdout
    public = theirs(tmp_path, "-y", "-P", passphrase, "-f", str(path)).out.strip()
    fingerprint, *art = theirs(tmp_path, "-lvf", str(path)).lines
    plain, page = cell.result["text/plain"], cell.result["text/html"]
    for text in (public, fingerprint.split()[1], "me@here", str(path), "a passphrase", *art):
        assert text in plain
        assert html.escape(text) in page
    assert "MD5" not in plain + page
    assert "authorized_keys" in plain
    everything = cell.everything() + repr(
        kernel.value("[repr(value) for value in In] + [repr(value) for value in Out]")
    )
    for secret in (passphrase, "mistyped", "PRIVATE", *hidden(path)):
        assert secret not in everything
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_key_without_a_question(kernel, tmp_path):
    cell = kernel.run("key = %ssh_keygen -t ecdsa -f key -N ''", allow_stdin=False)
    assert (cell.error, cell.stdout, cell.stderr, cell.result) == (None, "", "", None)
    assert theirs(tmp_path, "-yf", "key").status == 0
    assert kernel.value("key.public_line") == (tmp_path / "key.pub").read_text().strip()
    assert kernel.value("(key.fingerprint, key.key_type, key.path)") == (
        theirs(tmp_path, "-lf", "key").out.split()[1],
        "ecdsa-sha2-nistp256",
        "key",
    )
    cell = kernel.run("%ssh_keygen -q -f quiet -N ''", allow_stdin=False)
    assert (cell.error, cell.stdout, cell.result) == (None, "", None)
    assert (tmp_path / "quiet").exists()


@pytest.mark.parametrize("line", ["%ssh_keygen -f key", "%ssh_keygen", "%ssh_keygen -N ''", "%ssh_keygen -p -f there"])
def test_where_nobody_can_answer(kernel, tmp_path, line):
    ssh_keygen(tmp_path / "there")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    cell = kernel.run(line, allow_stdin=False)
    assert cell.error == "PromptUnavailable"
    assert "-N ''" in cell.traceback
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_passphrase_in_the_cell_is_warned_of(kernel, tmp_path):
    cell = kernel.run("%ssh_keygen -q -a 2 -f key -N 'in the cell'")
    assert "this cell contains the passphrase after -N" in cell.stderr
    assert load_private_key(tmp_path / "key", "in the cell")
    assert "this cell contains the passphrase after -P" in kernel.run("%ssh_keygen -y -f key -P 'in the cell'").stderr
    kernel.run("secret = 'of a ' + 'variable'")
    cell = kernel.run("%ssh_keygen -p -a 2 -f key -P {'in'+' the cell'!r} -N '{secret}'")
    assert "this cell contains the passphrase" not in cell.stderr
    assert load_private_key(tmp_path / "key", "of a variable")


@pytest.mark.parametrize("answer", ["n", "", "y"])
def test_a_key_that_is_there(kernel, tmp_path, answer):
    before = ssh_keygen(tmp_path / "key").read_bytes()
    cell = kernel.run("%ssh_keygen -f key -N ''", answers=[answer])
    assert cell.questions == [("key already exists.\nOverwrite (y/n)? ", False)]
    assert cell.error == (None if answer == "y" else "KeygenError")
    assert ((tmp_path / "key").read_bytes() == before) == (answer != "y")


def test_an_interrupted_question(kernel, tmp_path):
    def interrupt(prompt: str) -> str:
        kernel.interrupt()
        return "too late"

    cell = kernel.run("%ssh_keygen -f key", answers=["first", interrupt])
    assert cell.error == "KeyboardInterrupt"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_computation(kernel, tmp_path):
    # A key of that size takes minutes.
    code = "print('begun')\n%ssh_keygen -t rsa -b 16384 -N '' -f key"
    cell = kernel.run(code, on_text=lambda text: kernel.interrupt())
    assert cell.error == "KeyboardInterrupt"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key_type", ["ed25519", "rsa"])
def test_the_card_of_a_public_key(kernel, tmp_path, key_type):
    ssh_keygen(tmp_path / "key", key_type, bits=2048 if key_type == "rsa" else None)
    (shown,) = theirs(tmp_path, "-lf", "key").lines
    (old,) = theirs(tmp_path, "-l", "-E", "md5", "-f", "key").lines
    card = kernel.run("%ssh_keygen -l -f key.pub").result
    assert shown.split()[1] in card["text/plain"]
    assert old.split()[1] not in card["text/plain"]
    assert "authorized_keys" not in card["text/plain"]  # whose key that is, nobody said
    card = kernel.run("%ssh_keygen -E md5 -l -f key.pub").result
    for text in (shown.split()[1], old.split()[1], "made for a test"):
        assert text in card["text/plain"]
        assert html.escape(text) in card["text/html"]


def test_the_card_of_a_private_key(kernel, tmp_path):
    passphrase = secrets.token_urlsafe(12)
    ssh_keygen(tmp_path / "key", passphrase=passphrase)
    cell = kernel.run("%ssh_keygen -y -f key", answers=[passphrase])
    assert (tmp_path / "key.pub").read_text().strip() in cell.result["text/plain"]
    assert "authorized_keys" in cell.result["text/plain"]
    for secret in (passphrase, "PRIVATE", *hidden(tmp_path / "key")):
        assert secret not in cell.everything()
    cell = kernel.run("%xmode Verbose\n%ssh_keygen -y -f key", answers=["wrong one"])
    assert cell.error == "KeygenError"
    assert "wrong one" not in cell.everything()
    kernel.run("%xmode Context")


def test_several_keys_are_ssh_keygens_lines(kernel, tmp_path):
    lines = [ssh_keygen(tmp_path / name).with_suffix(".pub").read_text() for name in "ab"]
    (tmp_path / "keys").write_text("".join(lines))
    cell = kernel.run("%ssh_keygen -lvf keys")
    assert (cell.stdout, cell.result) == (theirs(tmp_path, "-lvf", "keys").out, None)


def test_a_comment_is_no_markup(kernel):
    cell = kernel.run("%ssh_keygen -f key -N '' -C '<b>bold</b> & \"quoted\" \\x1b[7m'")
    page = cell.result["text/html"]
    assert "<b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;" in page
    assert "\x1b" not in page + cell.result["text/plain"]


def test_a_private_key_is_not_shown_when_it_is_converted(kernel, tmp_path):
    ssh_keygen(tmp_path / "key", "rsa", bits=2048)
    theirs(tmp_path, "-p", "-m", "PKCS8", "-N", "", "-f", "key")
    cell = kernel.run("%ssh_keygen -i -m PKCS8 -f key")
    assert cell.error is None
    assert (tmp_path / "key.pub").read_text().split()[1] in cell.result["text/plain"]
    assert "-p -m RFC4716 -f key" in cell.stderr
    # The first lines hold the modulus, which the public key has too.
    for secret in ("PRIVATE", *hidden(tmp_path / "key")[8:]):
        assert secret not in cell.everything()


def test_known_hosts(kernel, tmp_path):
    (tmp_path / ".ssh").mkdir()
    path = tmp_path / ".ssh" / "known_hosts"
    key = ssh_keygen(tmp_path / "key").with_suffix(".pub").read_text()
    path.write_text(f"host.example {key}other.example {key}")
    assert (
        kernel.run("%ssh_keygen -F host.example").stdout == theirs(tmp_path, "-F", "host.example", "-f", str(path)).out
    )
    assert kernel.complete("%ssh_keygen -R ") == ["%ssh_keygen -R host.example", "%ssh_keygen -R other.example"]
    cell = kernel.run("%ssh_keygen -R host.example")
    assert cell.error is None
    assert path.read_text() == f"other.example {key}"
    cell = kernel.run("%ssh_keygen -F host.example")
    assert cell.error == "KeygenError"
    assert "host.example is not in" in cell.traceback
    assert "unhashed" in kernel.run("%ssh_keygen -H").stderr
    assert "other.example" not in path.read_text()
    assert "found: line 1" in kernel.run("%ssh_keygen -F other.example").stdout


def test_the_text_of_a_cell_is_signed_and_verified(kernel, tmp_path):
    key = ssh_keygen(tmp_path / "key").with_suffix(".pub").read_text()
    (tmp_path / "signers").write_text(f"me@here {key}")
    cell = kernel.run("%%ssh_keygen -Y sign -f key -n file\nhello\n")
    (tmp_path / "msg.sig").write_text(cell.stdout)
    (tmp_path / "msg").write_text("hello\n")
    verify = "-Y verify -f signers -I me@here -n file -s msg.sig"
    good = theirs(tmp_path, *verify.split(), input=b"hello\n").out
    assert good.startswith("Good ")
    assert kernel.run(f"%%ssh_keygen {verify}\nhello\n").stdout == good
    assert kernel.run(f"%ssh_keygen {verify} < msg").stdout == good
    assert kernel.run(f"%ssh_keygen {verify} <msg").stdout == good
    cell = kernel.run(f"%%ssh_keygen {verify}\nanother text\n")
    assert (cell.error, cell.stdout) == ("KeygenError", "Could not verify signature.\n")
    for line, what in ((f"%ssh_keygen {verify}", "no standard input"), (f"%ssh_keygen {verify} < missing", "missing")):
        cell = kernel.run(line)
        assert cell.error == "KeygenError"
        assert what in cell.traceback


@pytest.mark.parametrize("line", ["-x", "-t", "a b", "-f 'open"])
def test_what_is_not_of_its_form(kernel, line):
    cell = kernel.run(f"%ssh_keygen {line}")
    assert cell.error == "Usage"
    assert "Traceback" not in cell.traceback


def test_options_and_their_values_complete(kernel, tmp_path):
    (tmp_path / "id_mine").touch()
    offered = kernel.complete("%ssh_keygen -")
    assert {"%ssh_keygen -t", "%ssh_keygen -l", "%ssh_keygen -Y"} <= set(offered)
    assert "%ssh_keygen -D" not in offered
    assert kernel.complete("%ssh_keygen -q -t ed2") == ["%ssh_keygen -q -t ed25519"]
    assert kernel.complete("%ssh_keygen -lf id_") == ["%ssh_keygen -lf id_mine"]
    assert kernel.complete("%ssh_keygen -p -m Pu") == ["%ssh_keygen -p -m PuTTY"]
    assert "%%ssh_keygen -Y verify" in kernel.complete("%%ssh_keygen -Y v")
    assert kernel.complete("%ssh_keygen -s ca -I me id_") == ["%ssh_keygen -s ca -I me id_mine"]
    assert kernel.complete("%ssh_keygen -E md") == ["%ssh_keygen -E md5"]


def test_the_line_that_installs_a_key_does(kernel, tmp_path, embedded_server):
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host ours\n    HostName {embedded_server.host}\n    Port {embedded_server.port}\n"
        f"    User {embedded_server.user}\n    IdentityFile {embedded_server.client_key}\n"
        f"    UserKnownHostsFile {embedded_server.known_hosts}\n    GlobalKnownHostsFile none\n"
    )
    installed = embedded_server.home / ".ssh" / "authorized_keys"
    for number, comment in enumerate(("me@here", 'it\'s \\"quoted\\" {braces}')):
        card = kernel.run(
            f"%ssh_keygen -f new{number} -N '' -C \"{comment.replace('{', '{{').replace('}', '}}')}\""
        ).result
        line = card["text/plain"].splitlines()[-1]
        assert line.startswith("%ssh USER@MACHINE ")
        cell = kernel.run(line.replace("USER@MACHINE", f"-F {config} ours"))
        assert cell.error is None, cell.traceback
        key, _ = load_public_key(tmp_path / f"new{number}.pub")
        assert key.line() in installed.read_text()
        installed.write_text(installed.read_text().rstrip("\n"))  # as an editor may leave it
    assert stat.S_IMODE(installed.stat().st_mode) == 0o600
    assert stat.S_IMODE(installed.parent.stat().st_mode) == 0o700
    tool = require_tool("ssh-keygen", "openssh-client")
    assert len(run_quietly([tool, "-lf", str(installed)]).splitlines()) == 2
    kernel.run("%ssh_close --all")


def test_help(kernel):
    assert "-Y verify" in kernel.value("get_ipython().find_line_magic('ssh_keygen').__doc__")
