"""PuTTY's key files, exchanged with puttygen in both directions, and damaged ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, PassphraseNeeded, WrongPassphrase
from jupyter_ssh.ssh.keys import (
    PrivateKey,
    generate,
    load_private_key,
    load_public_key,
    open_key_file,
    parse_private_key,
    save_private_key,
)
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, CertifiedKey
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.files import putty_file
from jupyter_ssh.ssh.keys.files.saving import change_comment, change_passphrase
from tests.support.identities import run_quietly
from tests.support.made_keys import key_of
from tests.support.peers import require_tool

PASSPHRASE = "correct horse"
TYPES = [*putty_file.PUTTY_TYPES]
KEYGEN_TYPES = [("rsa", 2048), ("dsa", 1024), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("ed25519", 255)]
KEYGEN_TYPES.append(("ed448", 448))


def puttygen(*arguments: object) -> str:
    return run_quietly([require_tool("puttygen", "putty-tools"), *map(str, arguments)])


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n")
    return path


def key_with_comment(key_type: str, comment: str = "some comment") -> PrivateKey:
    key = parse_private_key(putty_file.dump(key_of(key_type)))
    key.comment = comment
    return key


THEIRS = [
    (*kind, encrypted, version)
    for kind in KEYGEN_TYPES
    for encrypted in (False, True)
    for version in ("version=2", "version=3")
]
THEIRS += [("ed25519", 255, True, kdf) for kdf in ("kdf=argon2i", "kdf=argon2d,parallelism=2,passes=3,memory=1024")]


@pytest.mark.parametrize(("key_type", "bits", "encrypted", "parameters"), THEIRS)
def test_theirs(key_type: str, bits: int, encrypted: bool, parameters: str, tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "key.ppk"
    passphrase = secret if encrypted else Path("/dev/null")
    size = [] if key_type.startswith("ed") else ["-b", bits]
    puttygen(
        "-q",
        "-t",
        key_type,
        *size,
        "-C",
        "a comment",
        "--new-passphrase",
        passphrase,
        "-o",
        path,
        "--ppk-param",
        parameters,
    )
    path.chmod(0o600)
    (tmp_path / "key.pub").write_text(puttygen("-L", path))
    file = open_key_file(path)
    assert file.encrypted == encrypted
    assert file.file_format == ("ppk2" if parameters == "version=2" else "ppk3")
    public, comment = load_public_key(tmp_path / "key.pub")
    assert file.public == public
    key = load_private_key(path, PASSPHRASE if encrypted else None)
    assert key.public == public
    assert key.comment == comment == "a comment"
    public.verify(key.sign(b"data"), b"data", public.signature_algorithms)
    if encrypted:
        with pytest.raises(WrongPassphrase):
            file.unlock("wrong")
        with pytest.raises(PassphraseNeeded):
            file.unlock()


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("key_type", TYPES)
def test_ours(key_type: str, encrypted: bool, version: int, tmp_path: Path, secret: Path) -> None:
    key = key_with_comment(key_type)
    path = tmp_path / "key.ppk"
    if version == 1 and key_type not in ("ssh-rsa", "ssh-dss"):
        with pytest.raises(KeyFormatError, match="version 1"):
            putty_file.dump(key, version=1)
        return
    save_private_key(path, key, PASSPHRASE if encrypted else None, file_format=f"ppk{version}")
    assert load_private_key(path, PASSPHRASE if encrypted else None).public == key.public
    old = ["--old-passphrase", secret] if encrypted else []
    # Written anew by puttygen, in another format: so it has read and checked the private part.
    puttygen(path, *old, "-O", "private-openssh-new", "--new-passphrase", "/dev/null", "-o", tmp_path / "converted")
    (tmp_path / "converted").chmod(0o600)
    converted = load_private_key(tmp_path / "converted")
    assert converted.public == key.public
    assert converted.private_fields() == key.private_fields()
    assert converted.comment == "some comment"


def test_with_a_certificate(tmp_path: Path, secret: Path) -> None:
    key = key_with_comment("ssh-ed25519")
    certificate = sign_certificate(generate(), key.public, principals=["alice"])
    save_private_key(tmp_path / "plain.ppk", key, file_format="ppk3")
    (tmp_path / "cert.pub").write_text(certificate.line() + "\n")
    theirs = tmp_path / "theirs.ppk"
    puttygen(tmp_path / "plain.ppk", "--certificate", tmp_path / "cert.pub", "-o", theirs)
    theirs.chmod(0o600)
    loaded = load_private_key(theirs)
    assert isinstance(loaded, CertifiedKey)
    assert loaded.public == certificate
    ours = tmp_path / "ours.ppk"
    save_private_key(ours, loaded, PASSPHRASE, file_format="ppk3")
    assert isinstance(open_key_file(ours).public, Certificate)
    assert load_public_key(f"{ours}.pub")[0] == key.public
    puttygen(
        ours,
        "--old-passphrase",
        secret,
        "--remove-certificate",
        "-o",
        tmp_path / "bare.ppk",
        "--new-passphrase",
        "/dev/null",
    )
    (tmp_path / "bare.ppk").chmod(0o600)
    assert load_private_key(tmp_path / "bare.ppk").private_fields() == key.private_fields()


def test_changing_passphrase_and_comment(tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "key.ppk"
    save_private_key(path, key_with_comment("ssh-ed25519"), "old", file_format="ppk2")
    change_passphrase(path, "old", PASSPHRASE)
    change_comment(path, "new\ncomment", lambda prompt: PASSPHRASE)
    assert path.read_text().startswith(
        "PuTTY-User-Key-File-2: ssh-ed25519\nEncryption: aes256-cbc\nComment: new comment\n"
    )
    assert load_public_key(f"{path}.pub")[1] == "new comment"
    puttygen(
        path,
        "--old-passphrase",
        secret,
        "-O",
        "private-openssh",
        "--new-passphrase",
        "/dev/null",
        "-o",
        tmp_path / "out",
    )
    change_passphrase(path, PASSPHRASE)
    assert load_private_key(path).comment == "new comment"
    with pytest.raises(WrongPassphrase):
        change_passphrase(tmp_path / "key.ppk", "x") if open_key_file(path).encrypted else _refuse(path)


def _refuse(path: Path) -> None:
    change_passphrase(path, None, "again")
    change_comment(path, "comment", "wrong")


PLAIN = putty_file.dump(key_with_comment("ssh-ed25519")).decode()
LOCKED = putty_file.dump(key_with_comment("ssh-ed25519"), b"x", memory=8, passes=1).decode()
OTHER = putty_file.dump(generate()).decode()


def changed(pattern: str, replacement: str, text: str = PLAIN) -> str:
    result = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE | re.DOTALL)
    assert result != text
    return result


REFUSED = {
    "truncated": (PLAIN[: len(PLAIN) // 2], "PuTTY key"),
    "without a MAC": (changed("^Private-MAC.*", ""), "Private-MAC"),
    "two": (PLAIN + PLAIN, "two keys in it"),
    "changed comment": (changed("^Comment: some", "Comment: same"), "MAC is invalid"),
    "another public key": (
        changed("^Public-Lines.*(?=Private-L)", OTHER[OTHER.index("Public-") : OTHER.index("Private-L")]),
        "MAC",
    ),
    "another name": (changed("ssh-ed25519", "ssh-rsa"), "not of the type"),
    "plain hash in version 3": (changed("^Private-MAC", "Private-Hash"), "Private-MAC"),
    "MAC that is no number": (changed("^Private-MAC: ..", "Private-MAC: zz"), "hexadecimal"),
    "many lines": (changed("^Public-Lines: .", "Public-Lines: 999999"), "Public-Lines"),
    "no number": (changed("^Public-Lines: .", "Public-Lines: x"), "Public-Lines"),
    "odd cipher": (changed("^Encryption: none", "Encryption: rot13"), "not supported"),
    "not base64": (changed("^AAAA", "!!!!"), "base64"),
    "memory": (changed("^Argon2-Memory: 8", "Argon2-Memory: 9999999", LOCKED), "Argon2-Memory"),
    "passes": (changed("^Argon2-Passes: 1", "Argon2-Passes: 99999999", LOCKED), "Argon2-Passes"),
    "no passes": (changed("^Argon2-Passes: 1", "Argon2-Passes: 0", LOCKED), "Argon2"),
    "lanes": (changed("^Argon2-Parallelism: 1", "Argon2-Parallelism: 2", LOCKED), "Argon2"),
    "salt": (changed("^Argon2-Salt: .*?\n", "Argon2-Salt: 00\n", LOCKED), "Argon2"),
    "odd derivation": (changed("^Key-Derivation: Argon2id", "Key-Derivation: MD5", LOCKED), "key derivation"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, why: str) -> None:
    with pytest.raises((KeyFormatError, KeyFileError)) as caught:
        parse_private_key(text, "x")
    assert why in str(caught.value)


def test_types_putty_does_not_have() -> None:
    with pytest.raises(KeyFormatError, match="do not support keys"):
        putty_file.dump(key_of("ssh-mldsa44-ed25519@openssh.com"))


def test_version_1_does_not_trust_its_public_key(tmp_path: Path) -> None:
    """Its MAC does not cover it."""
    for key_type in ("ssh-rsa", "ssh-dss"):
        good, other = (putty_file.dump(generate(key_type, *size), version=1).decode() for size in [SIZE[key_type]] * 2)
        part = slice(other.index("Public-"), other.index("Private-L"))
        mixed = good[: good.index("Public-")] + other[part] + good[good.index("Private-L") :]
        parse_private_key(good)
        with pytest.raises(KeyFormatError, match=r"do not match|private part|private value .* out of range"):
            parse_private_key(mixed)


SIZE: dict[str, list[int]] = {"ssh-rsa": [2048], "ssh-dss": []}


@given(st.data())
@settings(max_examples=200)
def test_damaged(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([PLAIN, LOCKED])).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.binary(max_size=4)) + text[at + data.draw(st.integers(0, 4)) :]
    try:
        parse_private_key(damaged, "x")
    except (KeyFormatError, KeyFileError):
        return


@given(st.binary(max_size=200), st.sampled_from([1, 2, 3]))
def test_any_bytes(data: bytes, version: int) -> None:
    with pytest.raises((KeyFormatError, KeyFileError)):
        parse_private_key(b"PuTTY-User-Key-File-%d: ssh-rsa\n" % version + data, "x")


def test_nothing_shows_the_key() -> None:
    # What is parsed but not opened yet goes to nobody, but may stand in a traceback.
    file = putty_file._parse_file(PLAIN.encode())
    assert "private" not in repr(file)
    assert "key" not in repr(file.secrets(b"x")).lower().replace("keys", "")
