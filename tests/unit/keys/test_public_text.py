"""Public keys in RFC 4716 and PEM, exchanged with ssh-keygen and puttygen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError
from jupyter_ssh.ssh.keys import KEY_TYPES, generate, load_certificate, load_public_key
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.files.public_text import dump_pem, dump_rfc4716, parse_public_text
from jupyter_ssh.ssh.keys.files.reading import certificate_beside
from jupyter_ssh.ssh.keys.files.saving import dump_public_key, save_public_key
from tests.support.identities import run_quietly
from tests.support.made_keys import OPENSSH_TYPES, key_of
from tests.support.peers import require_tool

PEM_TYPES = ["ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
PUTTY_TYPES = [*PEM_TYPES, "ssh-ed25519", "ssh-ed448"]


def ssh_keygen(*arguments: object) -> str:
    return run_quietly([require_tool("ssh-keygen", "openssh-client"), *map(str, arguments)])


@pytest.mark.parametrize("key_type", OPENSSH_TYPES)
def test_rfc_4716_with_ssh_keygen(key_type: str, tmp_path: Path) -> None:
    key = key_of(key_type).public
    (tmp_path / "key.pub").write_text(key.line("a comment") + "\n")
    theirs = ssh_keygen("-e", "-m", "RFC4716", "-f", tmp_path / "key.pub")
    parsed, comment = parse_public_text(theirs)
    assert parsed == key
    assert "from OpenSSH" in comment
    path = tmp_path / "ours"
    save_public_key(path, key, 'a "long" ' + "comment " * 20, file_format="rfc4716")
    assert max(map(len, path.read_text().splitlines())) <= 72
    assert ssh_keygen("-i", "-m", "RFC4716", "-f", path).strip() == key.line()
    assert load_public_key(path) == (key, ('a "long" ' + "comment " * 20))
    assert dump_rfc4716(key, comment) == theirs


@pytest.mark.parametrize("key_type", PUTTY_TYPES)
def test_rfc_4716_with_puttygen(key_type: str, tmp_path: Path) -> None:
    key = key_of(key_type).public
    tool = require_tool("puttygen", "putty-tools")
    (tmp_path / "ours").write_text(dump_rfc4716(key, "a comment"))
    assert run_quietly([tool, str(tmp_path / "ours"), "-L"]).strip() == key.line("a comment")
    (tmp_path / "key.pub").write_text(key.line("a comment") + "\n")
    theirs = run_quietly([tool, str(tmp_path / "key.pub"), "-p"])
    assert parse_public_text(theirs) == (key, "a comment")


@pytest.mark.parametrize("key_type", PEM_TYPES)
def test_pem_with_ssh_keygen(key_type: str, tmp_path: Path) -> None:
    key = key_of(key_type).public
    (tmp_path / "key.pub").write_text(key.line() + "\n")
    (tmp_path / "ours").write_text(dump_pem(key))
    assert ssh_keygen("-i", "-m", "PKCS8", "-f", tmp_path / "ours").strip() == key.line()
    theirs = ssh_keygen("-e", "-m", "PKCS8", "-f", tmp_path / "key.pub")
    assert parse_public_text(theirs) == (key, "")
    assert dump_pem(key) == theirs
    if key_type == "ssh-rsa":
        (tmp_path / "ours").write_text(dump_pem(key, pkcs8=False))
        assert ssh_keygen("-i", "-m", "PEM", "-f", tmp_path / "ours").strip() == key.line()
        theirs = ssh_keygen("-e", "-m", "PEM", "-f", tmp_path / "key.pub")
        assert parse_public_text(theirs) == (key, "")
        assert dump_pem(key, pkcs8=False) == theirs
    else:
        with pytest.raises(KeyFormatError, match="PKCS#1"):
            dump_pem(key, pkcs8=False)


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("file_format", ["openssh", "rfc4716", "pkcs8"])
def test_there_and_back(key_type: str, file_format: str) -> None:
    key = key_of(key_type).public
    if file_format == "pkcs8" and (key_type.startswith("sk-") or "mldsa" in key_type):
        with pytest.raises(KeyFormatError, match="only in OpenSSH's format"):
            dump_public_key(key, file_format=file_format)
        return
    text = dump_public_key(key, "two\r\nlines", file_format=file_format)
    assert parse_public_text(text) == (key, "" if file_format == "pkcs8" else "two  lines")
    assert parse_public_text(text.replace("\n", "\r\n"))[0] == key


def test_certificates(tmp_path: Path) -> None:
    key = key_of("ssh-ed25519").public
    certificate = sign_certificate(generate(), key, principals=["alice"])
    save_public_key(tmp_path / "id-cert.pub", certificate, "of alice")
    assert load_certificate(tmp_path / "id-cert.pub") == (certificate, "of alice")
    assert certificate_beside(tmp_path / "id") == certificate_beside(tmp_path / "id.pub") == certificate
    assert certificate_beside(tmp_path / "other") is None
    assert parse_public_text(dump_rfc4716(certificate, "x")) == (certificate, "x")
    with pytest.raises(KeyFormatError, match="this is a certificate"):
        load_public_key(tmp_path / "id-cert.pub")
    save_public_key(tmp_path / "wrong-cert.pub", key)
    with pytest.raises(KeyFormatError, match="this is a public key"):
        certificate_beside(tmp_path / "wrong")
    name, base64, *_ = certificate.line().split()
    with pytest.raises(KeyFormatError, match="that precedes it"):
        parse_public_text(f"{name.replace('ed25519', 'rsa')} {base64}")


KEY = key_of("ssh-ed25519").public
GOOD = dump_rfc4716(KEY, "c")
REFUSED = {
    "nothing": ("\n# comment\n", "no public key"),
    "truncated": (GOOD[:-20], "truncated"),
    "two": (GOOD + GOOD, "more than one"),
    "header after": (GOOD.replace("---- END", "X: y\n---- END"), "header after"),
    "not base64": (GOOD.replace("AAAA", "!!!!"), "base64"),
    "private key of ssh.com": (GOOD.replace("PUBLIC", "ENCRYPTED PRIVATE"), "truncated"),
    "PEM twice": (dump_pem(KEY) * 2, "one block"),
    "PEM certificate": ("-----BEGIN CERTIFICATE-----\n", "CERTIFICATE"),
    "damaged PEM": ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "malformed"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(text)
    with pytest.raises((KeyFormatError, KeyFileError)) as caught:
        load_public_key(tmp_path / "key.pub")
    assert why in str(caught.value)
    assert "key.pub" in str(caught.value)


def test_utf_16(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(KEY.line(), encoding="utf-16")
    with pytest.raises(KeyFileError, match="UTF-16"):
        load_public_key(tmp_path / "key.pub")
    (tmp_path / "key.pub").write_text(KEY.line("c"), encoding="utf-8-sig")
    assert load_public_key(tmp_path / "key.pub") == (KEY, "c")


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    for wrapped in (
        text,
        f"---- BEGIN SSH2 PUBLIC KEY ----\n{text}\n---- END SSH2 PUBLIC KEY ----\n",
        f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n",
        f"ssh-ed25519-cert-v01@openssh.com {text}",
    ):
        with pytest.raises((KeyFormatError, KeyFileError)):
            parse_public_text(wrapped)


@given(st.data())
def test_damaged(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    damaged = GOOD[:at] + data.draw(st.text(max_size=4)) + GOOD[at + data.draw(st.integers(0, 4)) :]
    try:
        parse_public_text(damaged)
    except (KeyFormatError, KeyFileError):
        return
