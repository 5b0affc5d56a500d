"""``keygen -e`` and ``-i``: the same texts as ssh-keygen's, both directions."""

from __future__ import annotations

import subprocess

import pytest

from tests.commands.keygen.conftest import PASSPHRASE
from tests.support.keygen import Twins, ours, theirs
from tests.support.peers import require_tool

NAMES = ["ed25519", "ecdsa", "ecdsa521", "rsa", "short_rsa", "dsa", "locked_rsa"]
HAS_PEM = [name for name in NAMES if name != "ed25519"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["", ".pub"], ids=["private", "public"])
def test_rfc4716(twins: Twins, name: str, suffix: str) -> None:
    text = twins.same_messages("-e", "-f", f"{name}{suffix}").out
    twins.write("converted", text)
    assert twins.same_messages("-i", "-f", "converted").out.split() == _blob(twins, name)


@pytest.mark.parametrize("name", HAS_PEM)
@pytest.mark.parametrize("key_format", ["PKCS8", "pkcs8"])
def test_pkcs8(twins: Twins, name: str, key_format: str) -> None:
    text = twins.same_messages("-e", "-m", key_format, "-f", f"{name}.pub").out
    twins.write("converted", text)
    assert twins.same_messages("-i", "-m", "PKCS8", "-f", "converted").out.split() == _blob(twins, name)


@pytest.mark.parametrize("name", [name for name in HAS_PEM if name != "dsa"])
def test_pem(twins: Twins, name: str) -> None:
    text = twins.same_messages("-e", "-m", "PEM", "-f", f"{name}.pub").out
    twins.write("converted", text)
    if "rsa" in name:
        assert twins.same_messages("-i", "-m", "PEM", "-f", "converted").out.split() == _blob(twins, name)


def test_pkcs8_of_ed25519(twins: Twins) -> None:
    text = ours(twins.ours, "-e", "-m", "PKCS8", "-f", "ed25519.pub").out
    assert text.startswith("-----BEGIN PUBLIC KEY-----\n")
    (twins.ours / "converted").write_text(text)
    assert ours(twins.ours, "-i", "-m", "PKCS8", "-f", "converted").out.split() == _blob(twins, "ed25519")


def test_a_type_without_the_format(twins: Twins) -> None:
    ours(twins.ours, "-q", "-t", "mldsa44-ed25519", "-N", "", "-f", "new")
    answer = ours(twins.ours, "-e", "-m", "PKCS8", "-f", "new.pub")
    assert (answer.status, answer.out) == (255, "")
    assert "RFC4716" in answer.err
    text = ours(twins.ours, "-e", "-f", "new.pub").out
    (twins.ours / "converted").write_text(text)
    assert ours(twins.ours, "-i", "-f", "converted").out.split() == (twins.ours / "new.pub").read_text().split()[:2]


def test_puttys_public_format(twins: Twins) -> None:
    puttygen = require_tool("puttygen", "putty-tools")
    (twins.ours / "converted").write_text(ours(twins.ours, "-e", "-m", "PuTTY", "-f", "ecdsa").out)
    shown = subprocess.run([puttygen, "-L", str(twins.ours / "converted")], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[:2] == _blob(twins, "ecdsa")


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_private_key_of_putty_comes_out_as_locked_as_it_went_in(twins: Twins, passphrase: str) -> None:
    puttygen = require_tool("puttygen", "putty-tools")
    secret = twins.ours / "secret"
    secret.write_text(passphrase)
    words = [puttygen, str(twins.ours / "ecdsa"), "-o", str(twins.ours / "key.ppk"), "--new-passphrase", str(secret)]
    subprocess.run([*words, "--ppk-param", "passes=1"], check=True, timeout=60)
    answer = ours(twins.ours, "-i", "-m", "PuTTY", "-f", "key.ppk", "-a", "1", input=f"{passphrase}\n".encode())
    assert answer.status == 0, answer.err
    converted = twins.ours / "converted"
    converted.touch(0o600)
    converted.write_text(answer.out)
    assert theirs(twins.ours, "-y", "-P", passphrase, "-f", "converted").out.split()[:2] == _blob(twins, "ecdsa")
    if passphrase:
        assert theirs(twins.ours, "-y", "-P", "", "-f", "converted").status == 255
        assert ours(twins.ours, "-i", "-m", "PuTTY", "-P", "wrong", "-f", "key.ppk").status == 255


def test_a_private_key_of_pkcs8(twins: Twins) -> None:
    theirs(twins.ours, "-p", "-m", "PKCS8", "-N", "", "-f", "rsa")
    answer = ours(twins.ours, "-i", "-m", "PKCS8", "-f", "rsa")
    assert answer.lines[0] == "-----BEGIN OPENSSH PRIVATE KEY-----"
    (twins.ours / "rsa").write_text(answer.out)
    assert theirs(twins.ours, "-yf", "rsa").out.split() == _blob(twins, "rsa")


@pytest.mark.parametrize(
    "words",
    [
        ("-e", "-f", "missing"),
        ("-i", "-f", "missing"),
        ("-e", "-f", "text"),
        ("-i", "-f", "text"),
        ("-i", "-f", "ed25519"),
        ("-i", "-m", "PKCS8", "-f", "ed25519.pub"),
        ("-i", "-m", "PEM", "-f", "ed25519"),
        ("-i", "-f", "damaged"),
        ("-e", "-m", "nonsense", "-f", "ed25519"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_converted(twins: Twins, words: tuple[str, ...]) -> None:
    twins.write("text", "no key at all\n")
    twins.write("damaged", ours(twins.ours, "-e", "-f", "ecdsa").out.replace("A", "B"))
    mine, other = twins.run(*words)
    assert (mine.status, mine.out) == (other.status, other.out) == (255, "")
    assert mine.err


def _blob(twins: Twins, name: str) -> list[str]:
    return (twins.ours / f"{name}.pub").read_text().split()[:2]
