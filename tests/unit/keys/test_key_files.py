"""Private key files against those of ssh-keygen and OpenSSL, in both directions."""

from __future__ import annotations

import base64
import os
import pickle
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from hypothesis import given
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
from jupyter_ssh.ssh.keys.files import openssh_file
from jupyter_ssh.ssh.keys.files.openssh_ciphers import FILE_CIPHERS
from jupyter_ssh.ssh.keys.files.public_text import dump_rfc4716
from jupyter_ssh.ssh.keys.files.saving import dump_private_key
from jupyter_ssh.ssh.wire.types import Reader, string, uint32
from tests.support.identities import run_quietly
from tests.support.made_keys import key_of
from tests.support.peers import require_tool

TYPES = [("ed25519", 256), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 2048), ("rsa", 2056), ("dsa", 1024)]
PASSPHRASE = "correct horse µ"
PLAIN = openssh_file.dump(generate(comment="plain"))
LOCKED = openssh_file.dump(generate(comment="locked"), PASSPHRASE.encode(), rounds=1)


@pytest.fixture(scope="module", autouse=True)
def few_rounds() -> Iterator[None]:
    """Damaged files may ask for many rounds of bcrypt: the limit is one the tests can wait for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openssh_file, "MAX_ROUNDS", 50)
        yield


def ssh_keygen(*arguments: object) -> str:
    return run_quietly([require_tool("ssh-keygen", "openssh-client"), *map(str, arguments)])


def write_private(path: Path, data: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
@pytest.mark.parametrize(("key_type", "bits"), TYPES)
def test_load_what_ssh_keygen_made(key_type: str, bits: int, passphrase: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    ssh_keygen("-q", "-t", key_type, "-b", bits, "-a", 2, "-N", passphrase, "-C", "some comment é", "-f", path)
    public, comment = load_public_key(f"{path}.pub")
    file = open_key_file(path)
    assert file.encrypted == bool(passphrase)
    assert file.public == public
    key = load_private_key(path, passphrase or None)
    assert key.public == public
    assert key.public.size == bits
    assert key.comment == comment == "some comment é"
    public.verify(key.sign(b"data"), b"data", public.signature_algorithms)


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
@pytest.mark.parametrize(("key_type", "bits"), TYPES)
def test_ssh_keygen_reads_what_we_wrote(key_type: str, bits: int, passphrase: str, tmp_path: Path) -> None:
    key = generate(key_type, bits, "some comment é")
    path = tmp_path / "key"
    save_private_key(path, key, passphrase, **({} if key_type == "ed25519" else {"rounds": 2}))
    assert ssh_keygen("-y", "-P", passphrase, "-f", path).strip() == key.public.line("some comment é")
    assert Path(f"{path}.pub").read_text() == key.public.line("some comment é") + "\n"
    assert ssh_keygen("-l", "-f", path).split()[1] == key.public.fingerprint
    assert load_private_key(path, passphrase).public == key.public


@pytest.mark.parametrize("cipher", [*FILE_CIPHERS])
def test_every_cipher_written(cipher: str, tmp_path: Path) -> None:
    key = generate(comment="c")
    save_private_key(tmp_path / "key", key, PASSPHRASE, cipher=cipher, rounds=1)
    assert ssh_keygen("-y", "-P", PASSPHRASE, "-f", tmp_path / "key").strip() == key.public.line("c")
    with pytest.raises(WrongPassphrase):
        load_private_key(tmp_path / "key", "wrong")


@pytest.mark.parametrize("options", [{"cipher": "none"}, {"rounds": 0}, {"rounds": 51}])
def test_encryption_that_is_none(options: dict[str, Any]) -> None:
    with pytest.raises(KeyFormatError, match="unsupported encryption"):
        dump_private_key(generate(), "x", **options)


@pytest.mark.parametrize("cipher", [*FILE_CIPHERS])
def test_every_cipher_of_the_table(cipher: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    ssh_keygen("-q", "-t", "ed25519", "-Z", cipher, "-a", 1, "-N", PASSPHRASE, "-f", path)
    assert load_private_key(path, PASSPHRASE).public == load_public_key(f"{path}.pub")[0]
    with pytest.raises(WrongPassphrase):
        load_private_key(path, "wrong")


@pytest.mark.parametrize("passphrase", [b"", PASSPHRASE.encode()])
@pytest.mark.parametrize("style", ["PEM", "PKCS8"])
@pytest.mark.parametrize(("key_type", "bits"), [("rsa", 2048), ("ecdsa", 256), ("ecdsa", 521)])
def test_pem_files(key_type: str, bits: int, style: str, passphrase: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    ssh_keygen("-q", "-t", key_type, "-b", bits, "-m", style, "-N", passphrase.decode(), "-f", path)
    key = load_private_key(path, passphrase)
    assert key.public == load_public_key(f"{path}.pub")[0]
    assert open_key_file(path).public == key.public
    assert open_key_file(path).encrypted == bool(passphrase)
    if passphrase:
        with pytest.raises(WrongPassphrase):
            load_private_key(path, "wrong")
        with pytest.raises(PassphraseNeeded):
            load_private_key(path)
        Path(f"{path}.pub").unlink()
        assert open_key_file(path).public is None


def pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_ed25519_as_pkcs8() -> None:
    theirs = ed25519.Ed25519PrivateKey.generate()
    ours = parse_private_key(pem(theirs))
    assert ours.public.blob.endswith(theirs.public_key().public_bytes_raw())


def dsa_out_of_range() -> bytes:
    """A DSA key in OpenSSL's own form whose private value is larger than q; OpenSSL signs with it all the same."""
    secret = dsa.generate_private_key(1024).private_numbers()
    public = secret.public_numbers
    domain = public.parameter_numbers
    values = (0, domain.p, domain.q, domain.g, public.y, secret.x + domain.q)
    fields = b"".join(der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in values)
    text = base64.encodebytes(der(0x30, fields))
    return b"-----BEGIN DSA PRIVATE KEY-----\n" + text + b"-----END DSA PRIVATE KEY-----\n"


def der(tag: int, content: bytes) -> bytes:
    """A value in DER (X.690 §8.1.3)."""
    size = len(content)
    length = (
        bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
    )
    return bytes([tag]) + length + content


UNSUITABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "weak RSA": (lambda: pem(rsa.generate_private_key(65537, 1024)), "at least 2048 bits"),
    "strange DSA": (lambda: pem(dsa.generate_private_key(2048)), "q of 160"),
    "DSA out of range": (dsa_out_of_range, "out of range"),
    "strange curve": (lambda: pem(ec.generate_private_key(ec.SECP256K1())), "unknown type"),
    "public key": (lambda: generate().public.line().encode(), "this is a public key"),
    "PuTTY of tomorrow": (lambda: b"PuTTY-User-Key-File-4: ssh-ed25519\n", "versions 1 to 3"),
    "security key": (lambda: key_of("sk-ssh-ed25519@openssh.com").public.line().encode(), "this is a public key"),
    "RFC 4716": (lambda: dump_rfc4716(generate().public).encode(), "public key"),
    "UTF-16": (lambda: PLAIN.decode().encode("utf-16"), "plain text"),
    "truncated PEM": (lambda: pem(ed25519.Ed25519PrivateKey.generate())[:-9], "truncated"),
    "protocol 1": (lambda: b"SSH PRIVATE KEY FILE FORMAT 1.1\n\0", "ssh-keygen -t ed25519"),
    "certificate": (lambda: b"-----BEGIN CERTIFICATE-----\n", "X.509 certificate"),
    "nothing": (lambda: b"", "none of these"),
    "half of a file": (lambda: PLAIN[: len(PLAIN) // 2], "truncated"),
    "damaged PEM": (lambda: b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "ssh-keygen -p"),
}


@pytest.mark.parametrize(("make", "why"), UNSUITABLE.values(), ids=UNSUITABLE)
def test_unsuitable_files(make: Callable[[], bytes], why: str, tmp_path: Path) -> None:
    path = write_private(tmp_path / "a key", make())
    with pytest.raises((KeyFileError, KeyFormatError)) as caught:
        load_private_key(path)
    assert why in str(caught.value)
    assert str(path) in str(caught.value)
    assert "FILE " not in str(caught.value).replace("FILE FORMAT", "")


@pytest.mark.parametrize("make", [lambda text: text.replace(b"\n", b"\r\n"), lambda text: b"\xef\xbb\xbf" + text])
@pytest.mark.parametrize("file_format", ["openssh", "pem", "pkcs8", "ppk3"])
def test_line_ends_and_byte_order_marks_of_windows(make: Callable[[bytes], bytes], file_format: str) -> None:
    key = generate("ecdsa")
    assert parse_private_key(make(dump_private_key(key, file_format=file_format))).public == key.public
    assert parse_private_key(make(dump_private_key(key, "x", file_format=file_format)), "x").public == key.public


def test_weak_rsa_in_openssh_format_names_the_floor(tmp_path: Path) -> None:
    path = tmp_path / "key"
    ssh_keygen("-q", "-t", "rsa", "-b", 1024, "-N", "", "-f", path)
    with pytest.raises(KeyFormatError, match=r"at least 2048 bits, got 1024 bits"):
        load_private_key(path)
    key = load_private_key(path, required_rsa_size=1024)
    assert key.public.size == 1024
    with pytest.raises(KeyFormatError, match="at least 2048"):
        load_public_key(f"{path}.pub")
    assert load_public_key(f"{path}.pub", 1024)[0] == key.public
    for file_format in ("pem", "pkcs8", "ppk2"):
        data = dump_private_key(key, file_format=file_format)
        with pytest.raises(KeyFormatError, match="at least 2048"):
            parse_private_key(data)
        assert parse_private_key(data, required_rsa_size=1024).public == key.public


def test_places_that_are_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    places: list[Path | str] = [tmp_path, tmp_path / "missing", "a\0b"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        places.append(pipe)
    for place in places:
        with pytest.raises(KeyFileError):
            load_private_key(place)


def test_a_file_too_long(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="too long"):
        load_private_key(write_private(tmp_path / "key", b"x" * (1 << 20) + b"x"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o644])
def test_a_file_that_others_can_read(mode: int, tmp_path: Path) -> None:
    path = write_private(tmp_path / "my key", PLAIN)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"{mode:04o}") as caught:
        load_private_key(path)
    assert caught.value.next_step is not None
    subprocess.run(caught.value.next_step.partition(": ")[2], shell=True, check=True)
    assert load_private_key(path).comment == "plain"
    path.chmod(0o400)
    assert load_private_key(path).comment == "plain"


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_ours_to_close(tmp_path: Path) -> None:
    path = write_private(tmp_path / "key", PLAIN)
    os.chown(path, 12345, 12345)
    path.chmod(0o644)
    assert load_private_key(path).comment == "plain"


class TestPassphrases:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return write_private(tmp_path / "key", LOCKED)

    def test_given(self, path: Path) -> None:
        for passphrase in (PASSPHRASE, PASSPHRASE.encode(), lambda prompt: PASSPHRASE):
            assert load_private_key(path, passphrase).comment == "locked"

    def test_missing(self, path: Path) -> None:
        for passphrase in (None, "", lambda prompt: None, lambda prompt: ""):
            with pytest.raises(PassphraseNeeded, match="encrypted"):
                load_private_key(path, passphrase)

    def test_wrong(self, path: Path) -> None:
        for passphrase in ("wrong", b"\0"):
            with pytest.raises(WrongPassphrase, match=r"key: wrong passphrase"):
                load_private_key(path, passphrase)

    @pytest.mark.parametrize("good_at", [1, 2, 3, 4])
    def test_asked_three_times(self, good_at: int, path: Path) -> None:
        prompts: list[str] = []

        def ask(prompt: str) -> str:
            prompts.append(prompt)
            return PASSPHRASE if len(prompts) == good_at else "wrong"

        if good_at <= 3:
            assert load_private_key(path, ask).comment == "locked"
        else:
            with pytest.raises(WrongPassphrase):
                load_private_key(path, ask)
        assert prompts == [f"Enter passphrase for key '{path}': "] * min(good_at, 3)

    def test_not_asked_for_an_open_file(self, tmp_path: Path) -> None:
        path = write_private(tmp_path / "open", PLAIN)
        assert load_private_key(path, lambda prompt: pytest.fail("asked")).comment == "plain"
        assert load_private_key(path, "not needed").comment == "plain"

    def test_no_frame_of_ours_shows_it(self, path: Path) -> None:
        file = open_key_file(path)
        try:
            file.unlock("S3CRET-passphrase")
        except WrongPassphrase as error:
            caught = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert caught.stack[-1].name == "unlock"
        shown = [frame for frame in caught.stack if "jupyter_ssh/" in frame.filename.replace("\\", "/")]
        assert shown
        for frame in shown:
            assert "S3CRET" not in str(frame.locals)
        assert caught.__cause__ is None
        assert caught.__context__ is None


@pytest.mark.parametrize(("key_type", "bits"), TYPES)
def test_nothing_shows_the_key(key_type: str, bits: int) -> None:
    key = generate(key_type, bits, "comment")
    assert repr(key) == str(key) == f"<{type(key).__name__} {key.public.key_type} {key.public.fingerprint}>"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert "lambda" not in repr(openssh_file.parse(openssh_file.dump(key)))


class TestSaving:
    def test_modes(self, tmp_path: Path) -> None:
        save_private_key(tmp_path / "key", generate())
        if sys.platform != "win32":
            assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
            assert stat.S_IMODE((tmp_path / "key.pub").stat().st_mode) == 0o644
        assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "key.pub"]

    def test_an_old_key_is_kept(self, tmp_path: Path) -> None:
        first, second = generate(), generate()
        save_private_key(tmp_path / "key", first)
        with pytest.raises(KeyFileError, match="already exists"):
            save_private_key(tmp_path / "key", second)
        assert load_private_key(tmp_path / "key").public == first.public
        save_private_key(tmp_path / "key", second, overwrite=True)
        assert load_private_key(tmp_path / "key").public == second.public

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "key").symlink_to(tmp_path / "real" / "key")
        save_private_key(tmp_path / "key", generate(), overwrite=True)
        assert (tmp_path / "key").is_symlink()
        assert (tmp_path / "real" / "key").exists()

    def test_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        for place in (tmp_path / "missing" / "key", tmp_path / "folder"):
            with pytest.raises(KeyFileError, match="cannot write"):
                save_private_key(place, generate(), overwrite=True)
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]

    def test_the_same_randomness_gives_the_same_file(self) -> None:
        key = generate()
        assert openssh_file.dump(key, b"x", rounds=1, random=bytes) == openssh_file.dump(
            key, b"x", rounds=1, random=bytes
        )
        assert openssh_file.dump(key, b"x", rounds=1) != openssh_file.dump(key, b"x", rounds=1)


def container(
    cipher: str, kdf: str, options: bytes, count: int, public: bytes, section: bytes, tag: bytes = b""
) -> bytes:
    body = openssh_file.AUTH_MAGIC + string(cipher) + string(kdf) + string(options) + uint32(count)
    return armoured(body + string(public) + string(section) + tag)


def armoured(body: bytes) -> bytes:

    return b"\n".join((openssh_file.BEGIN, base64.encodebytes(body), openssh_file.END, b""))


def section_of(
    key: PrivateKey, *, check: bytes = bytes(8), comment: bytes = b"", padding: bytes | None = None
) -> bytes:
    section = check + string(key.public.key_type) + key.private_fields() + string(comment)
    return section + (bytes(range(1, 1 + -len(section) % 8)) if padding is None else padding)


class TestMalformed:
    key = generate()
    other = generate()

    def refused(self, data: bytes, why: str, passphrase: str | None = None) -> None:
        with pytest.raises((KeyFormatError, KeyFileError)) as caught:
            parse_private_key(data, passphrase)
        assert why in str(caught.value)

    def test_container(self) -> None:
        blob, section = self.key.public.blob, section_of(self.key)
        options = string(bytes(16)) + uint32(1)
        aes = "aes256-ctr"
        assert parse_private_key(container("none", "none", b"", 1, blob, section)).public == self.key.public
        self.refused(container("none", "none", b"", 2, blob, section), "got 2 keys")
        self.refused(container("none", "none", b"", 0, blob, section), "got 0 keys")
        self.refused(container("none", "bcrypt", options, 1, blob, section), "cipher")
        self.refused(container(aes, "none", b"", 1, blob, section), "KDF")
        self.refused(container("none", "none", b"x", 1, blob, section), "encrypted one")
        self.refused(container("none", "none", b"", 1, blob, section, b"tag"), "encrypted one")
        self.refused(container(aes, "scrypt", options, 1, blob, section), "not supported", "x")
        self.refused(container(aes, "bcrypt", string(b"") + uint32(1), 1, blob, section), "bcrypt", "x")
        self.refused(container(aes, "bcrypt", string(b"salt") + uint32(0), 1, blob, section), "rounds", "x")
        self.refused(container(aes, "bcrypt", string(b"salt") + uint32(1 << 31), 1, blob, section), "rounds", "x")
        self.refused(container(aes, "bcrypt", options, 1, blob, b"x" * 17), "invalid length", "x")
        self.refused(container(aes, "bcrypt", options, 1, blob, b""), "invalid length", "x")
        self.refused(container("aes256-gcm@openssh.com", "bcrypt", options, 1, blob, bytes(16)), "invalid length", "x")
        self.refused(armoured(b"openssh-key-v2\0" + bytes(60)), "openssh-key-v1")
        self.refused(openssh_file.BEGIN + b"\n???\n" + openssh_file.END, "base64")

    def test_private_section(self) -> None:
        blob = self.key.public.blob
        for section, why in (
            (section_of(self.key, check=bytes(7) + b"\1"), "check numbers"),
            (section_of(self.other), "do not match"),
            (section_of(self.key, padding=b"\1\2\3\4\5\6\7\7"), "padding"),
            (section_of(self.key, padding=b""), "padding"),
            (section_of(self.key, comment=b"x", padding=b"\0" * 7), "padding"),
            (section_of(self.key)[:-20], "truncated"),
            (b"", "truncated"),
            (bytes(8) + string("ssh-xss"), "unknown key type"),
        ):
            self.refused(container("none", "none", b"", 1, blob, section), why)

    def test_halves_that_do_not_belong_together(self) -> None:
        for key_type, bits in TYPES[:5]:
            key, other = generate(key_type, bits), generate(key_type, bits)
            section = section_of(Mixed(key, other))
            self.refused(
                container("none", "none", b"", 1, key.public.blob, section),
                "RSA" if key_type == "rsa" else "private part",
            )

    def test_ed25519_seed_of_another_key(self) -> None:
        mixed = Mixed(self.key, self.key)
        mixed.fields[1] = fields_of(self.other)[1][:32] + fields_of(self.key)[1][32:]
        self.refused(container("none", "none", b"", 1, self.key.public.blob, section_of(mixed)), "private part")


class Mixed(PrivateKey):
    """The public fields of one key with the secret fields of another."""

    def __init__(self, key: PrivateKey, other: PrivateKey) -> None:
        super().__init__(key.public)
        public_fields = 1 if key.public.key_type == "ssh-ed25519" else 2
        self.fields = [*fields_of(key)[:public_fields], *fields_of(other)[public_fields:]]

    def _sign(self, algorithm: object, data: bytes) -> bytes:
        raise NotImplementedError

    def private_fields(self) -> bytes:
        return b"".join(map(string, self.fields))


def fields_of(key: PrivateKey) -> list[bytes]:
    """Strings and mpints as bytes."""
    fields = Reader(key.private_fields())
    found = []
    while fields.remaining:
        found.append(fields.string())
    return found


@given(st.binary(max_size=300), st.sampled_from([PLAIN, LOCKED]))
def test_any_bytes(data: bytes, file: bytes) -> None:
    body = openssh_file.dearmour(file)
    for text in (data, armoured(data), armoured(openssh_file.AUTH_MAGIC + data), b"-----BEGIN PRIVATE KEY-----" + data):
        with pytest.raises((KeyFileError, KeyFormatError)):
            parse_private_key(text, "x")
    assert body


@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    body = openssh_file.dearmour(data.draw(st.sampled_from([PLAIN, LOCKED])))
    at = data.draw(st.integers(0, len(body) - 1))
    body = body[:at] + data.draw(st.binary(max_size=5)) + body[at + data.draw(st.integers(0, 5)) :]
    try:
        key = parse_private_key(armoured(body), PASSPHRASE)
    except (KeyFileError, KeyFormatError):
        return
    key.public.verify(key.sign(b"data"), b"data")


RSA_KEY = generate("rsa", 2048)


@given(st.data())
def test_damaged_rsa_numbers(data: st.DataObject) -> None:
    section = section_of(RSA_KEY)
    at = data.draw(st.integers(0, len(section) - 1))
    section = section[:at] + data.draw(st.binary(min_size=1, max_size=1)) + section[at + 1 :]
    try:
        key = parse_private_key(container("none", "none", b"", 1, RSA_KEY.public.blob, section))
    except (KeyFileError, KeyFormatError):
        return
    key.public.verify(key.sign(b"data"), b"data")
