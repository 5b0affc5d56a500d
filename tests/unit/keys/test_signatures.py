"""Signatures of every algorithm, made by one implementation and checked by another."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.errors import SignatureError
from jupyter_ssh.ssh.keys import KEY_TYPES, SIGNATURE_ALGORITHMS, PrivateKey, load_private_key
from jupyter_ssh.ssh.keys.files.openssh_file import dump
from jupyter_ssh.ssh.wire.types import Reader, mpint, string, uint32
from tests.support.identities import run_quietly
from tests.support.made_keys import OPENSSH_TYPES, key_of, new_key
from tests.support.peers import require_tool

MESSAGE = b"signed data \x00\xff"
NAMESPACE = "test"


def sshsig_data(message: bytes, hash_name: str) -> bytes:
    """What ``ssh-keygen -Y`` signs (OpenSSH's PROTOCOL.sshsig)."""
    digest = hashlib.new(hash_name, message).digest()
    return b"SSHSIG" + string(NAMESPACE) + string(b"") + string(hash_name) + string(digest)


def sshsig(key: PrivateKey, signature: bytes, hash_name: str) -> str:
    """A signature file as ``ssh-keygen -Y`` reads it."""
    body = b"SSHSIG" + uint32(1) + string(key.public.blob) + string(NAMESPACE) + string(b"") + string(hash_name)
    body += string(signature)
    return f"-----BEGIN SSH SIGNATURE-----\n{base64.encodebytes(body).decode()}-----END SSH SIGNATURE-----\n"


# `ssh-keygen -Y` takes no SHA-1 signature of an RSA key; asyncssh verifies that one.
@pytest.mark.parametrize(
    "algorithm",
    [name for name, row in SIGNATURE_ALGORITHMS.items() if row.key_type in OPENSSH_TYPES and name != "ssh-rsa"],
)
def test_ssh_keygen_accepts_ours(algorithm: str, tmp_path: Path) -> None:
    key = key_of(SIGNATURE_ALGORITHMS[algorithm].key_type)
    signature = tmp_path / "signature"
    signature.write_text(sshsig(key, key.sign(sshsig_data(MESSAGE, "sha512"), algorithm), "sha512"))
    signers = tmp_path / "signers"
    signers.write_text(f"me {key.public.line()}\n")
    tool = require_tool("ssh-keygen", "openssh-client")
    command = [tool, "-Y", "verify", "-f", str(signers), "-I", "me", "-n", NAMESPACE, "-s", str(signature)]
    done = subprocess.run(command, input=MESSAGE, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"Good" in done.stdout


@pytest.mark.parametrize("key_type", [name for name in OPENSSH_TYPES if not key_of(name).needs_agent])
def test_we_accept_those_of_ssh_keygen(key_type: str, tmp_path: Path) -> None:
    key = key_of(key_type)
    key_file = tmp_path / "key"
    key_file.write_bytes(dump(key))
    key_file.chmod(0o600)
    (tmp_path / "message").write_bytes(MESSAGE)
    tool = require_tool("ssh-keygen", "openssh-client")
    run_quietly([tool, "-q", "-Y", "sign", "-f", str(key_file), "-n", NAMESPACE, str(tmp_path / "message")])
    lines = (tmp_path / "message.sig").read_text().splitlines()
    fields = Reader(base64.b64decode("".join(lines[1:-1])))
    assert fields.raw(6) == b"SSHSIG"
    assert fields.uint32() == 1
    assert fields.string() == key.public.blob
    assert fields.text() == NAMESPACE
    fields.string()
    hash_name, signature = fields.text(), fields.string()
    algorithm = key.public.verify(signature, sshsig_data(MESSAGE, hash_name), key.public.signature_algorithms)
    assert algorithm in key.public.signature_algorithms


@pytest.mark.parametrize(
    "algorithm", [name for name, row in SIGNATURE_ALGORITHMS.items() if row.grade is not Grade.EXPERIMENTAL]
)
def test_asyncssh_agrees(algorithm: str) -> None:
    key = key_of(SIGNATURE_ALGORITHMS[algorithm].key_type)
    assert asyncssh.import_public_key(key.public.line()).verify(MESSAGE, key.sign(MESSAGE, algorithm))
    if not key.needs_agent:
        theirs = asyncssh.import_private_key(dump(key))
        assert key.public.verify(theirs.sign(MESSAGE, algorithm.encode()), MESSAGE, [algorithm]) == algorithm


@pytest.mark.parametrize("algorithm", SIGNATURE_ALGORITHMS)
def test_wrong_signatures_are_refused(algorithm: str) -> None:
    key = key_of(SIGNATURE_ALGORITHMS[algorithm].key_type)
    good = key.sign(MESSAGE, algorithm)
    name_end = 4 + len(algorithm)
    damaged = {
        "other data": (good, MESSAGE + b"!"),
        "last bit": (good[:-1] + bytes([good[-1] ^ 1]), MESSAGE),
        "a byte more": (good + b"\0", MESSAGE),
        "no value": (string(algorithm), MESSAGE),
        "empty value": (string(algorithm) + string(b""), MESSAGE),
        "long value": (string(algorithm) + string(b"\1" * 600), MESSAGE),
        "unknown algorithm": (string("none") + good[name_end:], MESSAGE),
        "empty": (b"", MESSAGE),
    }
    for what, (signature, data) in damaged.items():
        with pytest.raises(SignatureError):
            pytest.fail(f"accepted: {what} as {key.public.verify(signature, data)}")


def test_only_the_algorithms_asked_for_count() -> None:
    key = key_of("ssh-rsa")
    with pytest.raises(SignatureError, match="rsa-sha2-512"):
        key.public.verify(key.sign(MESSAGE, "rsa-sha2-256"), MESSAGE, ["rsa-sha2-512"])
    # SHA-1 was never asked for, and the bytes of a SHA-2 signature under its name are no better.
    sha1 = string("ssh-rsa") + key.sign(MESSAGE, "rsa-sha2-256")[4 + len("rsa-sha2-256") :]
    for algorithms in (None, ["ssh-rsa"]):
        with pytest.raises(SignatureError):
            key.public.verify(sha1, MESSAGE, algorithms)
    with pytest.raises(SignatureError, match="cannot sign with ssh-ed25519"):
        key.sign(MESSAGE, "ssh-ed25519")


def test_one_key_does_not_vouch_for_another() -> None:
    for key_type in KEY_TYPES:
        other = new_key(key_type)
        with pytest.raises(SignatureError):
            other.public.verify(key_of(key_type).sign(MESSAGE), MESSAGE)


def test_rsa_signature_without_its_leading_zeros() -> None:
    key = key_of("ssh-rsa")
    prefix = string("rsa-sha2-256")
    for number in range(10_000):
        data = b"%d" % number
        value = Reader(key.sign(data, "rsa-sha2-256"), len(prefix)).string()
        if value[0] == 0:
            break
    assert key.public.verify(prefix + string(value.lstrip(b"\0")), data) == "rsa-sha2-256"
    with pytest.raises(SignatureError):
        key.public.verify(prefix + string(b"\0" + value), data)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (-1, 1), (1, -1), (1 << 256, 1), (1, 1 << 256)])
def test_ecdsa_values_out_of_range(r: int, s: int) -> None:
    key = key_of("ecdsa-sha2-nistp256")
    with pytest.raises(SignatureError):
        key.public.verify(string("ecdsa-sha2-nistp256") + string(mpint(r) + mpint(s)), MESSAGE)


@given(data=st.data())
def test_any_bytes_as_a_signature(data: st.DataObject) -> None:
    algorithm = data.draw(st.sampled_from(sorted(SIGNATURE_ALGORITHMS)))
    key = key_of(SIGNATURE_ALGORITHMS[algorithm].key_type)
    value = data.draw(st.binary(max_size=300))
    pair = b"".join(string(data.draw(st.binary(max_size=40))) for _ in range(2))
    for signature in (
        value,
        string(algorithm) + value,
        string(algorithm) + string(value),
        string(algorithm) + string(pair),
    ):
        with pytest.raises(SignatureError):
            key.public.verify(signature, MESSAGE)


def test_a_key_from_ssh_keygen_signs(tmp_path: Path) -> None:
    run_quietly(
        [require_tool("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "k")]
    )
    key = load_private_key(tmp_path / "k")
    assert asyncssh.read_public_key(tmp_path / "k.pub").verify(MESSAGE, key.sign(MESSAGE))
