"""``keygen -k`` and ``-Q``, beside ssh-keygen given the same words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys.files import locking
from tests.support.keygen import Twins, ours, theirs
from tests.support.processes import run_at_once

SPECIFICATION = """\
# a comment
serial: 5
serial:7-9 # another
  serial: 0x20 \t
serial: 010
id: somebody
ID: with space
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for kind in ("ed25519", "ecdsa", "rsa"):
        theirs(folder, "-q", "-t", kind, "-N", "", "-C", f"the {kind}", "-f", kind)
    theirs(folder, "-q", "-s", "ed25519", "-I", "numbered", "-n", "a", "-z", "77", "rsa.pub")
    theirs(folder, "-q", "-s", "ed25519", "-I", "somebody", "-n", "a", "ecdsa.pub")
    return folder


@pytest.fixture
def twins(keys: Path, tmp_path: Path) -> Twins:
    twins = Twins(tmp_path)
    twins.copy(*keys.iterdir())
    twins.write("spec", SPECIFICATION)
    hashes = [(twins.ours / f"{kind}.pub").read_text().strip() for kind in ("rsa", "ecdsa")]
    twins.write("hashes", f"sha256: {hashes[0]}\nsha1: {hashes[1]}\n")
    return twins


def shown(twins: Twins, name: str = "krl") -> tuple[list[str], list[str]]:
    """What ssh-keygen shows of our list and of its own, without the time."""
    texts = (theirs(place, "-Q", "-l", "-f", name).out for place in (twins.ours, twins.theirs))
    ours_, theirs_ = (re.sub(r"# Generated at .*\n", "", text).splitlines() for text in texts)
    return ours_, theirs_


KEYS = ("rsa.pub", "rsa-cert.pub", "ecdsa.pub", "ecdsa-cert.pub", "ed25519.pub")


@pytest.mark.parametrize(
    "words",
    [
        ("rsa.pub",),
        ("rsa-cert.pub", "ecdsa.pub"),
        ("-s", "ed25519.pub", "spec"),
        ("-s", "none", "-z", "12", "-C", "for everybody", "spec"),
        ("hashes",),
        ("-q", "hashes", "rsa.pub"),
        (),
    ],
    ids=" ".join,
)
def test_making_and_asking(words: tuple[str, ...], twins: Twins) -> None:
    twins.same_messages("-k", "-f", "krl", *words)
    mine, other = shown(twins)
    assert mine == other
    twins.same_messages("-Q", "-f", "krl", *KEYS)
    for place in (twins.ours, twins.theirs):
        assert (place / "krl").stat().st_mode & 0o777 == 0o644


def test_updating(twins: Twins) -> None:
    for words in (("-s", "ed25519.pub", "spec"), ("-u", "rsa.pub"), ("-u", "-s", "none", "spec")):
        twins.same_messages("-k", "-f", "krl", *words)
    mine, other = shown(twins)
    assert mine == other
    assert any("Wildcard" in line for line in mine)


def test_from_standard_input(twins: Twins) -> None:
    twins.same_messages("-k", "-f", "krl", "-s", "ed25519.pub", "-", input=SPECIFICATION.encode())
    assert shown(twins)[0] == shown(twins)[1]


def test_what_is_shown_can_be_revoked_again(twins: Twins) -> None:
    ours(twins.ours, "-k", "-q", "-f", "krl", "-s", "ed25519.pub", "spec", "hashes", "ed25519.pub")
    text = ours(twins.ours, "-Q", "-l", "-f", "krl").out
    twins.write("again", text)
    ours(twins.ours, "-k", "-q", "-f", "krl2", "-s", "ed25519.pub", "again")
    again = ours(twins.ours, "-Q", "-l", "-f", "krl2").out
    lost = {line for line in text.splitlines() if line not in again.splitlines() and not line.startswith("#")}
    assert {line.partition(" #")[0] for line in lost} <= set(again.splitlines())


@pytest.mark.parametrize("name", ["ed25519", "rsa"])
def test_asking_by_the_name_of_the_private_file(name: str, twins: Twins) -> None:
    twins.run("-k", "-f", "krl", f"{name}.pub")
    twins.same("-Q", "-f", "krl", name, "ecdsa")
    (twins.ours / f"{name}.pub").unlink()
    mine = ours(twins.ours, "-Q", "-f", "krl", name)  # ssh-keygen 9.2 crashes here
    assert (mine.status, mine.out) == (1, f"{name} ({name}): REVOKED\n")


@pytest.mark.parametrize(
    "line",
    [
        "serial: x",
        "serial:",
        "serial: 9-8",
        "serial: 9-9",
        "serial: 99999999999999999999999",
        "serial: 08",
        "hash: x",
        "hash: SHA256:short",
        "hash: MD5:00",
        "ssh-ed25519 nonsense",
        "key: nonsense",
        "word: 5",
    ],
)
def test_bad_specifications(line: str, twins: Twins) -> None:
    twins.write("bad", f"serial: 1\n{line}\n")
    answer = twins.same("-q", "-k", "-f", "krl", "-s", "ed25519.pub", "bad")
    assert answer.status == 255
    assert "bad:2: invalid" in answer.err
    assert not (twins.ours / "krl").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("-k", "-f", "krl", "spec"),
        ("-k", "-f", "krl", "missing"),
        ("-k", "-u", "-f", "missing", "rsa.pub"),
        ("-k", "-f", "krl", "-s", "missing", "spec"),
        ("-Q", "-f", "missing", "rsa.pub"),
        ("-Q", "-f", "rsa.pub", "rsa.pub"),
        ("-k",),
        ("-Q",),
    ],
    ids=" ".join,
)
def test_what_cannot_be(words: tuple[str, ...], twins: Twins) -> None:
    answer = twins.same("-q", *words)
    assert answer.status == 255
    assert answer.err


@pytest.mark.parametrize("change", [(), ("-N", "secret"), ("-N", "secret", "-m", "PEM")], ids=["", "locked", "PEM"])
@pytest.mark.parametrize("name", ["ed25519", "rsa"])
@pytest.mark.parametrize("beside", [True, False], ids=["with its .pub", "alone"])
def test_the_private_file_of_an_authority(beside: bool, name: str, change: tuple[str, ...], twins: Twins) -> None:
    twins.write("spec", "serial: 7\nid: somebody\n")
    for folder in (twins.ours, twins.theirs):
        if change:
            theirs(folder, "-q", "-p", *change, "-a", "1", "-f", name)
        if not beside:
            (folder / f"{name}.pub").unlink()
    mine, other = twins.run("-q", "-k", "-f", "krl", "-s", name, "spec")
    if name == "rsa" and "PEM" in change and not beside:
        # An encrypted PEM file does not tell its public key.
        assert mine.status == other.status == 255
        return
    assert (mine.status, mine.err) == (other.status, other.err) == (0, "")
    shown = [theirs(folder, "-Q", "-l", "-f", "krl").lines[2:] for folder in (twins.ours, twins.theirs)]
    assert shown[0] == shown[1]
    assert "serial: 7" in shown[0]


UPDATER = """
import sys
from jupyter_ssh.commands.keys import keygen
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[1]), int(sys.argv[1]) + 10):
    with open(f"id{number}", "w") as file:
        file.write(f"serial: {number}")
    status = keygen.main(["-q", "-k", "-u", "-f", "krl", "-s", "ed25519.pub", f"id{number}"])
    assert status == 0
"""


def test_two_at_once_lose_nothing(twins: Twins) -> None:
    (twins.ours / "none").touch()
    assert ours(twins.ours, "-k", "-f", "krl", "none").status == 0
    run_at_once((UPDATER, "100"), (UPDATER, "200"), cwd=twins.ours)
    shown = theirs(twins.ours, "-Q", "-l", "-f", "krl").lines
    assert [line for line in shown if line.startswith("serial")] == ["serial: 100-109", "serial: 200-209"]


def test_updating_a_locked_list(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(locking, "PATIENCE", 0.1)
    assert ours(twins.ours, "-k", "-f", "krl", "ed25519.pub").status == 0
    before = (twins.ours / "krl").read_bytes()
    with (twins.ours / "krl").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answer = ours(twins.ours, "-k", "-u", "-f", "krl", "ecdsa.pub")
    assert (answer.status, answer.err) == (255, "Unable to load KRL: krl: another program keeps it locked\n")
    assert (twins.ours / "krl").read_bytes() == before
