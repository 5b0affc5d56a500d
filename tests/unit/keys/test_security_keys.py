"""Security keys: what their signatures must say, and what a file has of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFormatError, SignatureError
from jupyter_ssh.ssh.keys import generate, load_private_key, parse_public_key, save_private_key
from jupyter_ssh.ssh.keys.certificates.certificate import CertifiedKey
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.types.security_keys import (
    USER_PRESENT,
    USER_VERIFIED,
    SecurityKeyPrivateKey,
    SecurityKeyPublicKey,
)
from jupyter_ssh.ssh.wire.types import string
from tests.support.made_keys import PLAIN_TYPE, SoftwareSecurityKey
from tests.support.peers import require_tool

TYPES = [*PLAIN_TYPE]
DATA = b"signed data"


@pytest.fixture(params=TYPES)
def key(request: pytest.FixtureRequest) -> SoftwareSecurityKey:
    return SoftwareSecurityKey(request.param)


@pytest.mark.parametrize("certified", [False, True])
def test_touch_and_verification(key: SoftwareSecurityKey, certified: bool) -> None:
    signer = CertifiedKey(key, sign_certificate(generate(), key.public)) if certified else key
    public = signer.public
    outcomes = {}
    for flags in (0, USER_PRESENT, USER_VERIFIED, USER_PRESENT | USER_VERIFIED):
        key.flags_said = flags
        signature = signer.sign(DATA)
        for options in ({}, {"no_touch_required": True}, {"verify_required": True}):
            try:
                public.verify(signature, DATA, **options)
                outcomes[(flags, *options)] = True
            except SignatureError:
                outcomes[(flags, *options)] = False
    touch, free, pin = (), ("no_touch_required",), ("verify_required",)
    assert [outcomes[(flags, *touch)] for flags in (0, 1, 4, 5)] == [False, True, False, True]
    assert [outcomes[(flags, *free)] for flags in (0, 1, 4, 5)] == [True, True, True, True]
    assert [outcomes[(flags, *pin)] for flags in (0, 1, 4, 5)] == [False, False, False, True]


def test_what_the_device_says_is_signed(key: SoftwareSecurityKey) -> None:
    key.flags_said = 0
    signature = key.sign(DATA)
    public = key.public
    assert public.assertion(signature).counter == 1
    assert public.assertion(key.sign(DATA)).counter == 2
    assert not public.assertion(signature).user_present
    lied = signature[:-5] + b"\x05" + signature[-4:]
    counted = signature[:-1] + b"\x09"
    for changed in (lied, counted, signature[:-1], signature[:-5], signature + b"\0"):
        with pytest.raises(SignatureError):
            public.verify(changed, DATA, no_touch_required=True)


def test_of_another_application(key: SoftwareSecurityKey) -> None:
    fields = key.public.fields.removesuffix(string("ssh:")) + string("ssh:other")
    other = parse_public_key(string(key.public.key_type) + fields)
    assert isinstance(other, SecurityKeyPublicKey)
    assert other.application == "ssh:other"
    with pytest.raises(SignatureError):
        other.verify(key.sign(DATA), DATA)


def test_a_plain_signature_of_the_same_key(key: SoftwareSecurityKey) -> None:
    plain = key.inner.sign(DATA)
    name = string(key.inner.public.key_type)
    for forged in (plain, string(key.public.key_type) + plain[len(name) :] + b"\x01" + bytes(4)):
        with pytest.raises(SignatureError):
            key.public.verify(forged, DATA)


def test_a_file_holds_the_handle(key: SoftwareSecurityKey, tmp_path: Path) -> None:
    key.comment = "in a drawer"
    path = tmp_path / "id_sk"
    save_private_key(path, key, "passphrase", rounds=1)
    loaded = load_private_key(path, "passphrase")
    assert isinstance(loaded, SecurityKeyPrivateKey)
    assert loaded.public == key.public
    assert loaded.flags == USER_PRESENT
    assert loaded.private_fields() == key.private_fields()
    assert loaded.needs_agent
    assert not generate().needs_agent
    with pytest.raises(SignatureError, match="ssh-add"):
        loaded.sign(DATA)
    tool = require_tool("ssh-keygen", "openssh-client")
    done = subprocess.run([tool, "-y", "-P", "passphrase", "-f", str(path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == key.public.line("in a drawer")


@pytest.mark.parametrize("key_type", [*TYPES, "ed25519-sk", "ecdsa-sk"])
def test_only_devices_make_them(key_type: str) -> None:
    with pytest.raises(KeyFormatError, match="ssh-keygen -t"):
        generate(key_type)


@given(data=st.data())
def test_any_bytes_as_a_signature(data: st.DataObject) -> None:
    key = KEYS[data.draw(st.sampled_from(TYPES))]
    for signature in (
        string(key.public.key_type) + data.draw(st.binary(max_size=120)),
        string(key.public.key_type) + string(data.draw(st.binary(min_size=64, max_size=64))) + b"\1\0\0\0\1",
    ):
        with pytest.raises(SignatureError):
            key.public.verify(signature, DATA, no_touch_required=True)


KEYS = {key_type: SoftwareSecurityKey(key_type) for key_type in TYPES}
