"""Private key files as ssh-keygen and OpenSSL encrypt them, and files with more than a key in them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, PassphraseNeeded, SSHError, WrongPassphrase
from jupyter_ssh.ssh.keys import generate, load_private_key, load_public_key, open_key_file, parse_private_key
from jupyter_ssh.ssh.keys.files import openssh_file
from jupyter_ssh.ssh.keys.files.saving import dump_private_key
from tests.support.identities import run_quietly, ssh_keygen
from tests.support.peers import require_tool

PASSPHRASE = "correct horse µ"
OPENSSH_CIPHERS = (
    "3des-cbc",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
)


def keygen(*arguments: object) -> str:
    return run_quietly([require_tool("ssh-keygen", "openssh-client"), *map(str, arguments)])


def openssl(*arguments: object) -> str:
    return run_quietly([require_tool("openssl", "openssl"), *map(str, arguments)])


def test_the_list_above_is_that_of_openssh() -> None:
    ssh = require_tool("ssh", "openssh-client")
    assert sorted(subprocess.check_output([ssh, "-Q", "cipher"], text=True).split()) == sorted(OPENSSH_CIPHERS)


# --- OpenSSH's own format ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", ["ed25519", "rsa"])
@pytest.mark.parametrize("cipher", OPENSSH_CIPHERS)
def test_every_cipher_of_ssh_keygen_is_read(cipher: str, key_type: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    bits = ["-b", 2048] if key_type == "rsa" else []
    keygen("-q", "-t", key_type, *bits, "-Z", cipher, "-a", 1, "-N", PASSPHRASE, "-C", "c", "-f", path)
    key = load_private_key(path, PASSPHRASE)
    assert (key.public, key.comment) == load_public_key(f"{path}.pub")
    with pytest.raises(WrongPassphrase):
        load_private_key(path, "wrong")


@pytest.mark.parametrize("cipher", OPENSSH_CIPHERS)
def test_ssh_keygen_reads_every_cipher_we_write(cipher: str, tmp_path: Path) -> None:
    path, key = tmp_path / "key", generate(comment="c")
    path.touch(0o600)
    path.write_bytes(dump_private_key(key, PASSPHRASE, cipher=cipher, rounds=1))
    assert keygen("-y", "-P", PASSPHRASE, "-f", path).strip() == key.public.line("c")


@pytest.mark.parametrize("cipher", ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"])
def test_a_changed_byte_is_noticed(cipher: str) -> None:
    data = bytearray(openssh_file.dearmour(dump_private_key(generate(), "x", cipher=cipher, rounds=1)))
    for place in (-1, -40):  # in the tag, and in what it covers
        changed = data[:]
        changed[place] ^= 1
        text = openssh_file.BEGIN + b"\n" + _base64(bytes(changed)) + b"\n" + openssh_file.END
        with pytest.raises(WrongPassphrase):
            parse_private_key(text, "x")


def _base64(data: bytes) -> bytes:
    import base64

    return base64.b64encode(data)


# --- OpenSSL's formats ------------------------------------------------------------------------------------------------


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A PKCS#1 file without a passphrase, and its public key beside it."""
    path = ssh_keygen(tmp_path / "plain", "rsa", bits=2048)
    keygen("-q", "-p", "-m", "PEM", "-N", "", "-f", path)
    return path


@pytest.mark.parametrize("cipher", ["aes128", "aes192", "aes256", "des3"])
def test_the_ciphers_of_the_older_format(pem: Path, cipher: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    openssl("rsa", "-traditional", "-in", pem, f"-{cipher}", "-passout", "pass:secret", "-out", path)
    path.chmod(0o600)
    assert "DEK-Info" in path.read_text()
    assert load_private_key(path, "secret").public == load_public_key(f"{pem}.pub")[0]
    with pytest.raises(WrongPassphrase):
        load_private_key(path, "wrong")
    with pytest.raises(PassphraseNeeded):
        load_private_key(path)


def test_aes192_over_an_ec_key(tmp_path: Path) -> None:
    path = ssh_keygen(tmp_path / "plain", "ecdsa")
    keygen("-q", "-p", "-m", "PEM", "-N", "", "-f", path)
    openssl("ec", "-in", path, "-aes192", "-passout", "pass:secret", "-out", tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    assert "AES-192-CBC" in (tmp_path / "key").read_text()
    assert load_private_key(tmp_path / "key", "secret").public == load_public_key(f"{path}.pub")[0]


def _named(path: Path, name: str) -> None:
    """The cipher is named, without a question, and the advice helps."""
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        open_key_file(path)
    error = caught.value
    assert name in str(error)
    assert "wrong" not in str(error)
    assert error.next_step is not None
    command = error.next_step.partition(": ")[2].split()
    keygen(*command[1:], "-P", "secret", "-N", "")
    assert load_private_key(path).public.size == 2048


@pytest.mark.parametrize(
    ("cipher", "name"),
    [
        ("camellia128", "CAMELLIA-128-CBC"),
        ("camellia256", "CAMELLIA-256-CBC"),
        ("aria192", "ARIA-192-CBC"),
        ("aes-256-ctr", "AES-256-CTR"),
    ],
)
def test_a_cipher_of_the_older_format_that_is_not_supported(pem: Path, cipher: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    openssl("rsa", "-traditional", "-in", pem, f"-{cipher}", "-passout", "pass:secret", "-out", path)
    _named(path, name)


@pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3"])
@pytest.mark.parametrize("function", ["hmacWithSHA1", "hmacWithSHA256", "hmacWithSHA512"])
def test_the_ciphers_of_pkcs8(pem: Path, cipher: str, function: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    words = ("-v2", cipher, "-v2prf", function, "-passout", "pass:secret")
    openssl("pkcs8", "-topk8", "-in", pem, *words, "-out", path)
    path.chmod(0o600)
    assert load_private_key(path, "secret").public == load_public_key(f"{pem}.pub")[0]
    with pytest.raises(WrongPassphrase):
        load_private_key(path, "wrong")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["-v2", "camellia-256-cbc"], "CAMELLIA-256-CBC"),
        (["-v2", "camellia-128-cbc"], "CAMELLIA-128-CBC"),
        (["-v2", "aria-256-cbc"], "ARIA-256-CBC"),
        (["-v2", "aes-256-cfb"], "AES-256-CFB"),
        (["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512-256"], "1.2.840.113549.2.13"),
        (["-v1", "PBE-SHA1-2DES"], "PBE-SHA1-2DES"),
    ],
)
def test_encryption_of_pkcs8_that_is_not_supported(pem: Path, words: list[str], name: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    openssl("pkcs8", "-topk8", "-in", pem, *words, "-passout", "pass:secret", "-out", path)
    _named(path, name)


def test_scrypt(pem: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    openssl("pkcs8", "-topk8", "-in", pem, "-scrypt", "-passout", "pass:secret", "-out", path)
    path.chmod(0o600)
    assert load_private_key(path, "secret").public == load_public_key(f"{pem}.pub")[0]


def _der(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x84)) + len(content).to_bytes(4, "big") + content


def _encrypted(identifier: bytes) -> bytes:
    """A PKCS#8 file whose algorithm has this identifier."""
    data = _der(0x30, _der(0x30, _der(0x06, identifier)) + _der(0x04, bytes(16)))
    label = b"ENCRYPTED PRIVATE KEY-----\n"
    return b"-----BEGIN " + label + _base64(data) + b"\n-----END " + label


# --- more than one block ----------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(pem: Path, tmp_path: Path) -> Path:
    """An X.509 certificate of the key."""
    path = tmp_path / "cert.pem"
    openssl("req", "-x509", "-key", pem, "-subj", "/CN=x", "-days", 1, "-out", path)
    return path


@pytest.mark.parametrize("passphrase", ["", "secret"])
def test_what_pkcs12_was_exported_to(pem: Path, certificate: Path, passphrase: str, tmp_path: Path) -> None:
    """``openssl pkcs12 -nodes``: "Bag Attributes", the certificate, and then the key."""
    store, path = tmp_path / "store.p12", tmp_path / "key"
    openssl("pkcs12", "-export", "-inkey", pem, "-in", certificate, "-passout", "pass:x", "-out", store)
    words = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
    openssl("pkcs12", "-in", store, "-passin", "pass:x", *words, "-out", path)
    path.chmod(0o600)
    assert path.read_text().startswith("Bag Attributes")
    assert path.read_text().count("-----BEGIN ") == 2
    assert load_private_key(path, passphrase).public == load_public_key(f"{pem}.pub")[0]


@pytest.mark.parametrize("order", [("key", "certificate"), ("certificate", "key"), ("public", "key")])
def test_a_key_and_its_certificate(pem: Path, certificate: Path, order: tuple[str, ...]) -> None:
    texts = {"key": pem.read_bytes(), "certificate": certificate.read_bytes()}
    texts["public"] = keygen("-e", "-m", "PKCS8", "-f", pem).encode()
    assert parse_private_key(b"".join(texts[name] for name in order)).public == load_public_key(f"{pem}.pub")[0]


FORMATS = ("openssh", "pem", "pkcs8")


@pytest.mark.parametrize("second", FORMATS)
@pytest.mark.parametrize("first", FORMATS)
def test_the_first_private_key_is_the_key(first: str, second: str, tmp_path: Path) -> None:
    """As ssh-keygen reads them."""
    keys = [generate("ecdsa"), generate("ecdsa")]
    formats = (first, second)
    data = b"".join(dump_private_key(key, file_format=name) for key, name in zip(keys, formats, strict=True))
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(data)
    assert keygen("-y", "-f", path).split()[:2] == keys[0].public.line().split()
    assert load_private_key(path).public == keys[0].public


def test_a_first_key_that_cannot_be_read_is_not_passed_over(pem: Path) -> None:
    broken = b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"
    with pytest.raises(KeyFormatError, match="malformed"):
        parse_private_key(broken + pem.read_bytes())


@pytest.mark.parametrize(
    "text", [b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", b"a\nb\n", b"0\x82"]
)
def test_advice_on_files_without_a_private_key(text: bytes) -> None:
    with pytest.raises(SSHError) as caught:
        parse_private_key(text)
    assert "Convert" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN CERTIFICATE-----\n" * 35_000,
        b"-----BEGIN RSA PRIVATE KEY-----\n" * 30_000,
        _encrypted(b"\xff" * 600_000),
        _encrypted(b""),
        _encrypted(b"\xff"),
    ],
    ids=["beginnings", "keys that begin", "a long identifier", "an empty one", "an incomplete one"],
)
def test_files_that_would_take_long_to_read(text: bytes) -> None:
    """A mebibyte is the limit; the work for one grows no faster than its size."""
    with pytest.raises(SSHError):
        parse_private_key(text, "x")
