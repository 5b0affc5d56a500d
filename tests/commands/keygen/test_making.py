"""``keygen`` making keys, and changing their passphrase, format and comment."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import load_private_key
from tests.commands.keygen.conftest import KEYS, PASSPHRASE
from tests.support.keygen import Twins, ours, theirs
from tests.support.peers import require_tool

NEW = "another passphrase"
TYPES = {
    "ed25519": [],
    "ED25519": [],
    "ssh-ed25519": ["-b", "4096"],
    "ecdsa": [],
    "ecdsa-sha2-nistp521": [],
    "rsa": ["-b", "2048"],
    "dsa": [],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    require_tool("ssh-keygen", "openssh-client")
    return tmp_path


@pytest.mark.parametrize("key_type", TYPES)
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_new_key(folder: Path, key_type: str, passphrase: str) -> None:
    words = ["-t", key_type, *TYPES[key_type], "-N", passphrase, "-a", "2", "-C", "some comment", "-f", "new"]
    answer = ours(folder, *words)
    assert (answer.status, answer.err) == (0, "")
    shown, *art = theirs(folder, "-lvf", "new").lines
    assert answer.lines == [
        f"Generating public/private {key_type} key pair.",
        "Your identification has been saved in new",
        "Your public key has been saved in new.pub",
        "The key fingerprint is:",
        f"{shown.split()[1]} some comment",
        "The key's randomart image is:",
        *art,
    ]
    assert theirs(folder, "-y", "-P", passphrase, "-f", "new").out == (folder / "new.pub").read_text()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"new": 0o600, "new.pub": 0o644}


def test_ed25519_is_made_unless_told_otherwise(folder: Path) -> None:
    assert ours(folder, "-q", "-N", "", "-f", "new").out == ""
    assert theirs(folder, "-lf", "new").out.endswith("(ED25519)\n")


@pytest.mark.parametrize("key_type", ["ed448", "mldsa44-ed25519"])
def test_types_that_old_programs_do_not_know(folder: Path, key_type: str) -> None:
    answer = ours(folder, "-t", key_type, "-N", PASSPHRASE, "-a", "2", "-f", "new")
    assert answer.status == 0
    assert load_private_key(folder / "new", PASSPHRASE).public.row.keygen_name == key_type


def test_the_comment_is_user_and_host(folder: Path) -> None:
    comments = []
    for program, name in ((ours, "a"), (theirs, "b")):
        program(folder, "-q", "-t", "ed25519", "-N", "", "-f", name)
        comments.append((folder / f"{name}.pub").read_text().split()[2:])
    assert comments[0] == comments[1]


@pytest.mark.parametrize(
    ("answer", "status"), [(b"n\n", 1), (b"", 1), (b"\n", 1), (b"y\n", 0), (b"Yes\n", 0)], ids=repr
)
def test_a_key_that_is_there_is_only_replaced_after_a_yes(twins: Twins, answer: bytes, status: int) -> None:
    before = (twins.ours / "ed25519").read_bytes()
    mine, other = twins.run("-t", "ed25519", "-N", "", "-f", "ed25519", input=answer)
    question = [
        "Generating public/private ed25519 key pair.",
        "ed25519 already exists.",
        "Overwrite (y/n)? ",
    ]
    assert mine.out.startswith("\n".join(question))
    assert other.out.startswith("\n".join(question))
    assert mine.status == other.status == status
    assert ((twins.ours / "ed25519").read_bytes() == before) == bool(status)


def test_a_file_is_asked_for_and_its_folder_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    answer = ours(folder, "-t", "ecdsa", "-N", "", input=b"\n")
    path = folder / ".ssh" / "id_ecdsa"
    assert answer.status == 0
    assert answer.lines[1:3] == [
        f"Enter file in which to save the key ({path}): Created directory '{path.parent}'.",
        f"Your identification has been saved in {path}",
    ]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert theirs(folder, "-yf", str(path)).status == 0


def test_a_passphrase_is_read_twice_where_there_is_no_terminal(folder: Path) -> None:
    lines = "one\nanother\nthe same\nthe same\n"
    answer = ours(folder, "-a", "2", "-f", "new", input=lines.encode())
    assert answer.status == 0
    assert "Passphrases do not match.  Try again." in answer.lines
    assert theirs(folder, "-y", "-P", "the same", "-f", "new").status == 0


@pytest.mark.parametrize("input", [b"", b"only once\n"])
def test_no_key_is_made_where_no_passphrase_can_be_asked_for(folder: Path, input: bytes) -> None:
    answer = ours(folder, "-f", "new", input=input)
    assert answer.status == 255
    assert "-N ''" in answer.err
    assert list(folder.iterdir()) == []


WRONG = {
    ("-t", "nonsense"): "unknown key type nonsense",
    ("-t", "ecdsa", "-b", "400"): "Invalid ECDSA key length: valid lengths are 256, 384 or 521 bits",
    ("-t", "rsa", "-b", "20000"): "Invalid RSA key length: maximum is 16384 bits",
    ("-t", "dsa", "-b", "2048"): "Invalid DSA key length: must be 1024 bits",
    ("-b", "x"): "Bits has bad value x (invalid)",
    ("-b", "0"): "Bits has bad value 0 (too small)",
    ("-a", "x"): "Invalid number: x (invalid)",
    ("-a", "0"): "Invalid number: 0 (too small)",
    ("-m", "x"): 'Unsupported conversion format "x"',
    ("-E", "x"): 'Invalid hash algorithm "x"',
    ("-Z", "x"): "Invalid OpenSSH-format cipher 'x'",
    ("-z", "x"): 'Invalid serial number "x"',
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_cannot_be(folder: Path, words: tuple[str, ...]) -> None:
    mine, other = (program(folder, *words, "-N", "", "-f", "new") for program in (ours, theirs))
    assert (mine.status, mine.err.splitlines()[0]) == (other.status, WRONG[words]) == (255, other.err.splitlines()[0])
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("words", [("-x",), ("-t",), ("extra", "words"), ("-p", "-c"), ("-l", "-R", "x"), ("-s", "ca")])
def test_what_is_not_of_its_form(folder: Path, words: tuple[str, ...]) -> None:
    mine, other = (program(folder, *words) for program in (ours, theirs))
    assert (mine.status, mine.err.splitlines()[0]) == (other.status, other.err.splitlines()[0])
    assert mine.status == 1
    assert "usage: jupyter-ssh keygen" in mine.err
    # Scripts look for what an ssh-keygen can do.
    lines = [line.split("keygen ", 1)[1] for line in mine.err.splitlines() if "jupyter-ssh keygen" in line]
    for form in ("-e [-f input_keyfile] [-m key_format]", "-i [-f input_keyfile] [-m key_format]"):
        assert form in lines
        assert f"ssh-keygen {form}" in other.err


@pytest.mark.parametrize("words", [("-K",), ("-D", "lib"), ("-w", "lib")])
def test_what_only_ssh_keygen_has(folder: Path, words: tuple[str, ...]) -> None:
    answer = ours(folder, *words, "-f", "x")
    assert (answer.status, answer.out) == (255, "")
    assert f"{words[0]}: " in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("-t", "rsa", "-b", "1024"),
        ("-t", "ed25519-sk"),
        ("-t", "ecdsa-sk"),
        ("-O", "resident"),
        ("-f", "no/such/folder/x"),
    ],
    ids=" ".join,
)
def test_keys_that_are_not_made(folder: Path, words: tuple[str, ...]) -> None:
    answer = ours(folder, "-f", "new", "-N", "", *words)
    assert answer.status in (1, 255)
    assert answer.err
    assert list(folder.iterdir()) == []


# --- host keys --------------------------------------------------------------------------------------------------------


def test_host_keys_that_are_missing(folder: Path) -> None:
    (folder / "etc" / "ssh").mkdir(parents=True)
    answer = ours(folder, "-A", "-f", ".")
    assert answer.out == "jupyter-ssh: generating new host keys: RSA ECDSA ED25519 \n"
    files = {path.name: path.read_bytes() for path in (folder / "etc" / "ssh").iterdir()}
    names = [f"ssh_host_{name}_key" for name in ("ecdsa", "ed25519", "rsa")]
    assert sorted(files) == sorted([*names, *(f"{name}.pub" for name in names)])
    for name in names:
        assert theirs(folder / "etc" / "ssh", "-yf", name).out.encode() == files[f"{name}.pub"]
    assert theirs(folder, "-A", "-f", ".").out == ""
    (folder / "etc" / "ssh" / "ssh_host_ecdsa_key").unlink()
    assert ours(folder, "-A", "-f", ".").out == "jupyter-ssh: generating new host keys: ECDSA \n"
    assert ours(folder, "-A", "-f", ".").out == ""
    changed = {path.name for path in (folder / "etc" / "ssh").iterdir() if path.read_bytes() != files[path.name]}
    assert changed == {"ssh_host_ecdsa_key", "ssh_host_ecdsa_key.pub"}


# --- changes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*KEYS, "pem", "nameless"])
def test_another_passphrase(twins: Twins, name: str) -> None:
    old = PASSPHRASE if name.startswith("locked") else ""
    public = theirs(twins.theirs, "-y", "-P", old, "-f", name).out
    twins.same_messages("-p", "-P", old, "-N", NEW, "-a", "2", "-f", name)
    assert theirs(twins.ours, "-y", "-P", NEW, "-f", name).out == public
    assert ours(twins.theirs, "-y", "-P", NEW, "-f", name).out == public
    twins.same_messages("-p", "-P", old or "wrong", "-N", "", "-f", name)
    twins.same_messages("-p", "-P", NEW, "-N", "", "-f", name)
    assert theirs(twins.ours, "-yf", name).out == ours(twins.theirs, "-yf", name).out == public


@pytest.mark.parametrize("name", ["rsa", "ecdsa384", "dsa"])
@pytest.mark.parametrize("key_format", ["PEM", "pkcs8"])
def test_another_format(twins: Twins, name: str, key_format: str) -> None:
    twins.same_messages("-p", "-m", key_format, "-N", NEW, "-f", name)
    heads = [(folder / name).read_text().splitlines()[0] for folder in (twins.ours, twins.theirs)]
    assert heads[0] == heads[1]
    public = " ".join((twins.ours / f"{name}.pub").read_text().split()[:2]) + "\n"
    assert theirs(twins.ours, "-y", "-P", NEW, "-f", name).out == public
    assert ours(twins.theirs, "-y", "-P", NEW, "-f", name).out == public
    twins.same_messages("-p", "-P", NEW, "-N", "", "-f", name)
    assert (twins.ours / name).read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----")


def test_putty_and_back(twins: Twins) -> None:
    puttygen = require_tool("puttygen", "putty-tools")
    assert ours(twins.ours, "-p", "-m", "PuTTY", "-N", "", "-f", "ed25519").status == 0
    import subprocess

    shown = subprocess.run([puttygen, "-L", str(twins.ours / "ed25519")], capture_output=True, text=True, check=True)
    assert shown.stdout == (twins.ours / "ed25519.pub").read_text()
    # Its other changes leave it a file of PuTTY's.
    assert ours(twins.ours, "-c", "-C", "for PuTTY", "-f", "ed25519").status == 0
    shown = subprocess.run([puttygen, "-L", str(twins.ours / "ed25519")], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[2:] == ["for", "PuTTY"]
    assert ours(twins.ours, "-p", "-m", "RFC4716", "-N", "", "-f", "ed25519").status == 0
    assert theirs(twins.ours, "-yf", "ed25519").out.split()[2:] == ["for", "PuTTY"]


@pytest.mark.parametrize("cipher", ["aes128-ctr", "aes256-cbc", "aes256-gcm@openssh.com"])
def test_another_cipher(twins: Twins, cipher: str) -> None:
    twins.same_messages("-p", "-Z", cipher, "-a", "3", "-N", NEW, "-f", "ed25519")
    for program, place in ((ours, twins.theirs), (theirs, twins.ours)):
        assert program(place, "-y", "-P", NEW, "-f", "ed25519").status == 0
    assert cipher.encode() in _decoded(twins.ours / "ed25519")
    assert _decoded(twins.ours / "ed25519")[:90].hex()[:60] == _decoded(twins.theirs / "ed25519")[:90].hex()[:60]


def _decoded(path: Path) -> bytes:
    import base64

    return base64.b64decode("".join(path.read_text().splitlines()[1:-1]))


def test_a_passphrase_that_is_typed_in_two_ways_changes_nothing(twins: Twins) -> None:
    before = (twins.ours / "ed25519").read_bytes()
    answer = ours(twins.ours, "-p", "-f", "ed25519", input=b"one\nanother\n")
    assert answer.status == 1
    assert (twins.ours / "ed25519").read_bytes() == before


@pytest.mark.parametrize("name", ["ed25519", "locked_rsa", "nameless", "pem"])
@pytest.mark.parametrize("comment", ["another comment", "", "made for a test"])
def test_another_comment(twins: Twins, name: str, comment: str) -> None:
    passphrase = PASSPHRASE if name.startswith("locked") else ""
    twins.same_messages("-c", "-P", passphrase, "-C", comment, "-a", "2", "-f", name)
    for program, place in ((ours, twins.theirs), (theirs, twins.ours)):
        assert program(place, "-y", "-P", passphrase, "-f", name).out.rstrip("\n").split(" ", 2)[2:] == (
            [comment] if comment else []
        )
    mine, other = ((folder / f"{name}.pub").read_text().split() for folder in (twins.ours, twins.theirs))
    assert mine == other


def test_a_comment_is_asked_for(twins: Twins) -> None:
    twins.same("-c", "-f", "ed25519", input=b"typed in\n")
    twins.same("-c", "-f", "ed25519", input=b"")
    assert theirs(twins.ours, "-yf", "ed25519").out.endswith(" typed in\n")


@pytest.mark.parametrize("letter", ["-p", "-c"])
def test_changes_of_what_cannot_be_changed(twins: Twins, letter: str) -> None:
    words = ("-C", "x", "-N", NEW, "-P", "wrong")
    for name in ("missing", "locked"):
        twins.same_messages(letter, *words, "-f", name)
    mine, other = twins.files()
    assert mine == other
