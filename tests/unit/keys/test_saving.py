"""Writing private keys in each format; passphrases and comments changed, in agreement with ssh-keygen."""

from __future__ import annotations

import base64
import itertools
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, PassphraseNeeded, WrongPassphrase
from jupyter_ssh.ssh.keys import (
    KEY_TYPES,
    generate,
    load_private_key,
    load_public_key,
    open_key_file,
    parse_private_key,
    save_private_key,
)
from jupyter_ssh.ssh.keys.certificates.certificate import CertifiedKey
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.files import pem, pem_encryption
from jupyter_ssh.ssh.keys.files.saving import change_comment, change_passphrase, save_public_key
from tests.support.identities import run_quietly
from tests.support.made_keys import OPENSSH_TYPES, key_of
from tests.support.peers import require_tool

PASSPHRASE = "correct horse µ"
PEM_TYPES = ["ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
PKCS8_TYPES = [*PEM_TYPES, "ssh-ed25519", "ssh-ed448"]


def ssh_keygen(*arguments: object) -> str:
    return run_quietly([require_tool("ssh-keygen", "openssh-client"), *map(str, arguments)])


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("file_format", ["openssh", "pem", "pkcs8"])
def test_every_type_in_every_format(file_format: str, key_type: str, passphrase: str, tmp_path: Path) -> None:
    key = key_of(key_type)
    path = tmp_path / "key"
    if key_type not in {"openssh": KEY_TYPES, "pem": PEM_TYPES, "pkcs8": PKCS8_TYPES}[file_format]:
        with pytest.raises(KeyFormatError):
            save_private_key(path, key, passphrase, file_format=file_format)
        assert not list(tmp_path.iterdir())
        return
    save_private_key(path, key, passphrase, file_format=file_format, rounds=2)
    file = open_key_file(path)
    assert file.encrypted == bool(passphrase)
    assert file.file_format == file_format
    assert file.public == key.public
    read = load_private_key(path, passphrase)
    assert read.private_fields() == key.private_fields()
    assert read.needs_agent == key.needs_agent
    if passphrase:
        with pytest.raises(WrongPassphrase):
            load_private_key(path, "wrong")
        with pytest.raises(PassphraseNeeded):
            load_private_key(path)
    # ssh-keygen of those days reads Ed25519 in no other format than its own.
    if key_type in OPENSSH_TYPES and not (file_format == "pkcs8" and key_type == "ssh-ed25519"):
        assert ssh_keygen("-y", "-P", passphrase, "-f", path).split()[:2] == key.public.line().split()


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
@pytest.mark.parametrize("style", ["PEM", "PKCS8"])
@pytest.mark.parametrize("key_type", PEM_TYPES)
def test_what_ssh_keygen_converts(key_type: str, style: str, passphrase: str, tmp_path: Path) -> None:
    key = key_of(key_type)
    path = tmp_path / "key"
    save_private_key(path, key)
    ssh_keygen("-q", "-p", "-m", style, "-P", "", "-N", passphrase, "-f", path)
    assert open_key_file(path).file_format == style.lower()
    assert load_private_key(path, passphrase).private_fields() == key.private_fields()


def test_ed25519_in_pkcs8_of_openssl(tmp_path: Path) -> None:
    openssl = require_tool("openssl", "openssl")
    for key_type, name in (("ssh-ed25519", "ED25519"), ("ssh-ed448", "ED448")):
        path = tmp_path / name
        run_quietly([openssl, "genpkey", "-algorithm", name, "-out", str(path)])
        path.chmod(0o600)
        key = load_private_key(path)
        assert key.public.key_type == key_type
        save_private_key(f"{path}-ours", key, PASSPHRASE, file_format="pkcs8")
        shown = run_quietly([openssl, "pkey", "-in", f"{path}-ours", "-passin", f"pass:{PASSPHRASE}"])
        assert shown == path.read_text()


def test_ec_key_of_openssl_with_its_parameters(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    openssl = require_tool("openssl", "openssl")
    path.write_text(run_quietly([openssl, "ecparam", "-name", "prime256v1", "-genkey"]))
    assert "EC PARAMETERS" in path.read_text()
    assert load_private_key(path).public.key_type == "ecdsa-sha2-nistp256"


@pytest.mark.parametrize(("old", "new"), [*itertools.permutations(["", "first", PASSPHRASE], 2)])
def test_changing_the_passphrase(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = generate(comment="kept")
    save_private_key(path, key, old, rounds=2)
    changed = change_passphrase(path, old, new, rounds=3)
    assert changed.public == key.public
    assert ssh_keygen("-y", "-P", new, "-f", path).strip() == key.public.line("kept")
    assert open_key_file(path).encrypted == bool(new)
    ssh_keygen("-q", "-p", "-P", new, "-N", old, "-f", path)
    assert load_private_key(path, old).comment == "kept"


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_changing_the_comment(passphrase: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    save_private_key(path, generate(comment="old"), passphrase, rounds=2)
    before = load_private_key(path, passphrase).public
    change_comment(path, "new\none", lambda prompt: passphrase, rounds=2)
    assert load_private_key(path, passphrase).comment == "new one"
    assert load_public_key(f"{path}.pub") == (before, "new one")
    ssh_keygen("-q", "-c", "-C", "theirs", "-P", passphrase, "-f", path)
    assert load_private_key(path, passphrase).comment == "theirs"


@pytest.mark.parametrize(
    ("file_format", "new_format"), [("openssh", "pkcs8"), ("pem", "ppk3"), ("ppk2", "pem"), ("pkcs8", "openssh")]
)
def test_changing_the_format(file_format: str, new_format: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = key_of("ecdsa-sha2-nistp384")
    save_private_key(path, key, "old", file_format=file_format)
    change_passphrase(path, "old", "new", file_format=new_format)
    assert open_key_file(path).file_format == new_format
    assert load_private_key(path, "new").public == key.public


def test_nothing_is_written_when_something_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "key"
    save_private_key(path, generate(), "right", rounds=2)
    before = {place: place.read_bytes() for place in tmp_path.iterdir()}
    with pytest.raises(WrongPassphrase):
        change_passphrase(path, "wrong", "new")
    with pytest.raises(PassphraseNeeded):
        change_passphrase(path, None, "new")
    with pytest.raises(WrongPassphrase):
        change_comment(path, "x", "wrong")
    with pytest.raises(KeyFormatError):
        change_passphrase(path, "right", "new", file_format="pem")
    with pytest.raises(KeyFormatError, match="unknown key file format"):
        change_passphrase(path, "right", "new", file_format="der")
    with pytest.raises(KeyFileError, match="already exists"):
        save_public_key(f"{path}.pub", generate().public)
    assert {place: place.read_bytes() for place in tmp_path.iterdir()} == before


def test_pem_has_no_comment(tmp_path: Path) -> None:
    save_private_key(tmp_path / "key", key_of("ecdsa-sha2-nistp256"), file_format="pem")
    with pytest.raises(KeyFileError, match="no comment"):
        change_comment(tmp_path / "key", "x")


def test_a_certified_key_is_saved_without_its_certificate(tmp_path: Path) -> None:
    key = key_of("ssh-ed25519")
    certified = CertifiedKey(key, sign_certificate(generate(), key.public, principals=["me"]))
    save_private_key(tmp_path / "key", certified)
    assert load_private_key(tmp_path / "key").public == key.public
    assert load_public_key(tmp_path / "key.pub")[0] == key.public


def test_a_passphrase_too_long_for_pem(tmp_path: Path) -> None:
    with pytest.raises(KeyFormatError) as caught:
        save_private_key(tmp_path / "key", key_of("ecdsa-sha2-nistp256"), "S3CRET" * 400, file_format="pem")
    assert "S3CRET" not in str(caught.value)
    assert caught.value.__context__ is None


def pkcs8_of_openssl(*options: str) -> bytes:
    openssl = require_tool("openssl", "openssl")
    key = subprocess.run([openssl, "genpkey", "-algorithm", "ED25519"], capture_output=True, check=True, timeout=60)
    command = [openssl, "pkcs8", "-topk8", "-passout", "pass:secret", *options]
    return subprocess.run(command, input=key.stdout, capture_output=True, check=True, timeout=60).stdout


def test_passphrases_stretched_by_openssl() -> None:
    for options in (["-scrypt"], ["-iter", "100000"], ["-v2", "aes-128-cbc"]):
        data = pkcs8_of_openssl(*options)
        assert parse_private_key(data, "secret").public.key_type == "ssh-ed25519"
        with pytest.raises(WrongPassphrase):
            parse_private_key(data, "wrong")


def test_a_file_that_asks_for_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = pkcs8_of_openssl("-scrypt").splitlines()
    der = base64.b64decode(b"".join(lines[1:-1]))
    cheap, dear = b"\2\1\10\2\1\1", b"\2\1\177\2\1\177"  # r and p
    assert der.count(cheap) == 1
    scrypt = b"\n".join([lines[0], base64.b64encode(der.replace(cheap, dear)), lines[-1], b""])
    with pytest.raises(KeyFormatError, match="too much work"):
        parse_private_key(scrypt, "secret")
    data = pkcs8_of_openssl("-iter", "65537")
    monkeypatch.setattr(pem_encryption, "MAX_ITERATIONS", 65537)
    parse_private_key(data, "secret")
    monkeypatch.setattr(pem_encryption, "MAX_ITERATIONS", 65536)
    with pytest.raises(KeyFormatError, match="too much work"):
        parse_private_key(data, "secret")


@pytest.mark.parametrize("end", [b"", b"\r", b"\r\n"])
def test_no_form_of_the_text_hides_the_work_that_a_file_asks_for(end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    data = end.join(pkcs8_of_openssl("-iter", "65537").splitlines())
    parse_private_key(data, "secret")
    monkeypatch.setattr(pem_encryption, "MAX_ITERATIONS", 65536)
    with pytest.raises(KeyFormatError, match="too much work"):
        parse_private_key(data, "secret")


def test_pkcs8_with_headers_is_malformed() -> None:
    first, *others = pkcs8_of_openssl("-iter", "65537").splitlines()
    with pytest.raises(KeyFormatError, match="malformed"):
        parse_private_key(b"\n".join([first, b"A: B", b"", *others]), "secret")


@given(st.binary(max_size=200))
def test_any_bytes_as_pkcs8(data: bytes) -> None:
    for label in (b"ENCRYPTED PRIVATE KEY", b"PRIVATE KEY", b"EC PRIVATE KEY", b"RSA PRIVATE KEY"):
        text = b"-----BEGIN " + label + b"-----\n" + base64.b64encode(data) + b"\n-----END " + label + b"-----\n"
        with pytest.raises((KeyFormatError, KeyFileError)):
            parse_private_key(text, "secret")


LOCKED_PEM = pem.dump(key_of("ecdsa-sha2-nistp256"), b"secret")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"DEK-Info: AES-256-CBC,00",
        b"DEK-Info: AES-256-CBC," + b"0" * 34,
        b"DEK-Info: DES-EDE3-CBC," + b"0" * 32,
        b"DEK-Info: AES-256-CBC,zz",
        b"DEK-Info: ROT13," + b"0" * 32,
    ],
)
def test_impossible_encryption_headers(header: bytes) -> None:
    data = re.sub(rb"DEK-Info: .*", header, LOCKED_PEM)
    assert data != LOCKED_PEM
    with pytest.raises((KeyFormatError, KeyFileError)):
        parse_private_key(data, "secret")


@given(st.data())
def test_damaged_pem(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(LOCKED_PEM) - 1))
    damaged = LOCKED_PEM[:at] + data.draw(st.binary(max_size=3)) + LOCKED_PEM[at + data.draw(st.integers(0, 3)) :]
    try:
        assert parse_private_key(damaged, "secret").public == key_of("ecdsa-sha2-nistp256").public
    except (KeyFormatError, KeyFileError):
        return
