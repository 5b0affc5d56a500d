"""Public keys: their blobs and lines, what is refused, and the picture of their fingerprint."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys import (
    HOST_KEY_ALGORITHMS,
    KEY_TYPES,
    fingerprint,
    generate,
    parse_public_key,
    parse_public_line,
)
from jupyter_ssh.ssh.wire.types import mpint, string
from tests.support.identities import run_quietly
from tests.support.made_keys import PLAIN_TYPE, key_of
from tests.support.peers import require_tool

BLOBS = [key_of(name).public.blob for name in KEY_TYPES]
MODULUS = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
GENERATED = [
    ("ed25519", None),
    ("ecdsa", 256),
    ("ecdsa", 384),
    ("ecdsa", 521),
    ("rsa", 2048),
    ("rsa", 2056),
    ("dsa", 1024),
]


@pytest.mark.parametrize(("key_type", "bits"), GENERATED)
def test_ssh_keygen_sees_the_same(key_type: str, bits: int | None, tmp_path: Path) -> None:
    key = generate(key_type, bits, comment="me@here").public
    file = tmp_path / "key.pub"
    file.write_text(key.line("me@here") + "\n")
    tool = require_tool("ssh-keygen", "openssh-client")
    shown = run_quietly([tool, "-lv", "-f", str(file)])
    assert shown == f"{key.size} {key.fingerprint} me@here ({key.nickname})\n{key.randomart}\n"
    assert run_quietly([tool, "-l", "-E", "md5", "-f", str(file)]).split()[1] == key.fingerprint_md5


def test_randomart_of_many_keys(tmp_path: Path) -> None:
    keys = [generate().public for _ in range(100)]
    (tmp_path / "keys").write_text("".join(key.line() + "\n" for key in keys))
    shown = run_quietly([require_tool("ssh-keygen", "openssh-client"), "-lv", "-f", str(tmp_path / "keys")])
    pictures = ["\n".join(shown.splitlines()[start + 1 : start + 12]) for start in range(0, 1200, 12)]
    assert pictures == [key.randomart for key in keys]


@pytest.mark.parametrize(("key_type", "bits"), [("ed25519", 256), ("ecdsa", 256), ("rsa", 2048)])
def test_randomart_title_that_hardly_fits(key_type: str, bits: int, tmp_path: Path) -> None:
    tool = require_tool("ssh-keygen", "openssh-client")
    key = tmp_path / "key"
    run_quietly([tool, "-q", "-t", key_type, "-b", str(bits), "-N", "", "-f", str(key)])
    run_quietly([tool, "-q", "-s", str(key), "-I", "me", f"{key}.pub"])
    top = run_quietly([tool, "-lv", "-f", str(tmp_path / "key-cert.pub")]).splitlines()[1]
    assert fingerprint.randomart(b"x", f"{key_type.upper()}-CERT", bits).splitlines()[0] == top


@pytest.mark.parametrize("blob", BLOBS, ids=KEY_TYPES)
def test_blob_and_line_and_back(blob: bytes) -> None:
    key = parse_public_key(blob)
    assert key.blob == blob
    assert parse_public_line(key.line("a comment")) == (key, "a comment")
    assert parse_public_line(f"  {key.key_type}\t{base64.b64encode(blob).decode()}\r\n") == (key, "")
    assert {key, parse_public_key(bytes(blob))} == {key}
    assert key != generate().public
    assert key.fingerprint in repr(key)


def test_host_key_algorithms_in_the_order_of_openssh() -> None:
    config = run_quietly([require_tool("ssh", "openssh-client"), "-F", "none", "-G", "somewhere"])
    line = next(line for line in config.splitlines() if line.startswith("hostkeyalgorithms "))
    theirs = line.split()[1].split(",")
    assert [name for name in theirs if "-cert-" not in name] + ["ssh-ed448"] == list(HOST_KEY_ALGORITHMS)


COMPOSITE = "ssh-mldsa44-ed25519@openssh.com"
DSS = key_of("ssh-dss").to_cryptography().private_numbers().public_numbers  # type: ignore[attr-defined]


def rsa_blob(e: int, n: int) -> bytes:
    return string("ssh-rsa") + mpint(e) + mpint(n)


def ecdsa_blob(point: bytes, name: str = "ecdsa-sha2-nistp256", curve: str = "nistp256") -> bytes:
    return string(name) + string(curve) + string(point)


def dss_blob(p: int, q: int, g: int, y: int) -> bytes:
    return string("ssh-dss") + b"".join(map(mpint, (p, q, g, y)))


def point_of(key_type: str) -> bytes:
    return generate(key_type).public.blob[-65:]


REFUSED = {
    "short RSA": (rsa_blob(65537, MODULUS >> 1024 | 1), "at least 2048 bits"),
    "2047 bits": (rsa_blob(65537, MODULUS >> 1 | 1), "got 2047 bits"),
    "negative modulus": (rsa_blob(65537, -MODULUS), "at least 2048 bits"),
    "long RSA": (rsa_blob(65537, (1 << 16384) + 1), "at most 16384 bits"),
    "even modulus": (rsa_blob(65537, MODULUS - 1), "even"),
    "exponent 1": (rsa_blob(1, MODULUS), "3 or more"),
    "even exponent": (rsa_blob(65536, MODULUS), "odd"),
    "negative exponent": (rsa_blob(-3, MODULUS), "3 or more"),
    "exponent beyond the modulus": (rsa_blob(MODULUS + 2, MODULUS), "exponent"),
    "modulus with a zero too many": (
        string("ssh-rsa") + mpint(65537) + string(b"\0\0" + MODULUS.to_bytes(256, "big")),
        "superfluous",
    ),
    "short Ed25519": (string("ssh-ed25519") + string(b"\1" * 31), "32 bytes"),
    "long Ed25519": (string("ssh-ed25519") + string(b"\1" * 33), "32 bytes"),
    "point off the curve": (ecdsa_blob(b"\4" + b"\1" * 64), "not on its curve"),
    "point at infinity": (ecdsa_blob(b"\0"), "uncompressed"),
    "compressed point": (ecdsa_blob(b"\2" + point_of("ecdsa-sha2-nistp256")[1:33]), "uncompressed"),
    "hybrid point": (ecdsa_blob(b"\6" + point_of("ecdsa-sha2-nistp256")[1:]), "uncompressed"),
    "another curve": (ecdsa_blob(point_of("ecdsa-sha2-nistp256"), curve="nistp384"), "nistp384"),
    "huge exponent": (rsa_blob((1 << 64) + 1, MODULUS), "exponent"),
    "exponent zero": (rsa_blob(0, MODULUS), "exponent"),
    "modulus zero": (rsa_blob(65537, 0), "got 0 bits"),
    "modulus shown negative": (
        string("ssh-rsa") + mpint(65537) + string(MODULUS.to_bytes(256, "big")),
        "at least 2048",
    ),
    "Ed25519 off the curve": (string("ssh-ed25519") + string(b"\2" + bytes(31)), "not on its curve"),
    "Ed25519 of order 1": (string("ssh-ed25519") + string(b"\1" + bytes(31)), "low order"),
    "Ed25519 of order 4": (string("ssh-ed25519") + string(bytes(32)), "low order"),
    "Ed25519 of order 8": (
        string("ssh-ed25519")
        + string(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
        "low order",
    ),
    "Ed25519 not reduced": (string("ssh-ed25519") + string(b"\xff" * 31 + b"\x7f"), "not on its curve"),
    "security key of low order": (
        string("sk-ssh-ed25519@openssh.com") + string(b"\1" + bytes(31)) + string("ssh:"),
        "low order",
    ),
    "security key off the curve": (
        string("sk-ecdsa-sha2-nistp256@openssh.com") + string("nistp256") + string(b"\4" + b"\1" * 64) + string("ssh:"),
        "not on its curve",
    ),
    "security key without application": (
        string("sk-ssh-ed25519@openssh.com") + string(key_of("ssh-ed25519").public.blob[-32:]),
        "truncated",
    ),
    "Ed448 off the curve": (string("ssh-ed448") + string(b"\6" + bytes(56)), "not on its curve"),
    "Ed448 of order 1": (string("ssh-ed448") + string(b"\1" + bytes(56)), "low order"),
    "Ed448 of order 2": (
        string("ssh-ed448") + string(((1 << 448) - (1 << 224) - 2).to_bytes(57, "little")),
        "low order",
    ),
    "Ed448 of order 4": (string("ssh-ed448") + string(bytes(57)), "low order"),
    "Ed448 not reduced": (
        string("ssh-ed448") + string(((1 << 448) - (1 << 224) + 2).to_bytes(57, "little")),
        "not on its curve",
    ),
    "short Ed448": (string("ssh-ed448") + string(b"\5" * 56), "57 bytes"),
    "short composite": (string(COMPOSITE) + string(bytes(1343)), "1344 bytes"),
    "composite of low order": (string(COMPOSITE) + string(bytes(1312) + b"\1" + bytes(31)), "low order"),
    "DSA of 512 bits": (dss_blob(1 << 511 | 1, DSS.parameter_numbers.q, 2, 2), "wrong size"),
    "DSA with long q": (dss_blob(DSS.parameter_numbers.p, 1 << 255 | 1, 2, 2), "wrong size"),
    "DSA with even p": (dss_blob(DSS.parameter_numbers.p - 1, DSS.parameter_numbers.q, 2, 2), "modulus"),
    "DSA whose q does not divide": (
        dss_blob(DSS.parameter_numbers.p, DSS.parameter_numbers.q + 2, DSS.parameter_numbers.g, DSS.y),
        "modulus",
    ),
    "DSA with generator 1": (dss_blob(DSS.parameter_numbers.p, DSS.parameter_numbers.q, 1, DSS.y), "generator"),
    "DSA with y of order 2": (
        dss_blob(
            DSS.parameter_numbers.p, DSS.parameter_numbers.q, DSS.parameter_numbers.g, DSS.parameter_numbers.p - 1
        ),
        "public value",
    ),
    "DSA with y 0": (dss_blob(DSS.parameter_numbers.p, DSS.parameter_numbers.q, DSS.parameter_numbers.g, 0), "public"),
    "DSA with y of another group": (
        dss_blob(DSS.parameter_numbers.p, DSS.parameter_numbers.q, DSS.parameter_numbers.g, DSS.y + 1),
        "public value",
    ),
    "negative DSA": (dss_blob(-DSS.parameter_numbers.p, DSS.parameter_numbers.q, 2, 2), "wrong size"),
    "certificate": (string("ssh-ed25519-cert-v01@openssh.com") + bytes(100), "unknown key type"),
    "unknown type": (string("ssh-xss") + string(b"x"), "unknown key type"),
    "empty": (b"", "truncated"),
    "one byte more": (BLOBS[0] + b"\0", "longer than its fields"),
    "endless": (string("ssh-ed25519") + bytes(70_000), "too long"),
}


@pytest.mark.parametrize(("blob", "why"), REFUSED.values(), ids=REFUSED)
def test_refused(blob: bytes, why: str) -> None:
    with pytest.raises(KeyFormatError) as caught:
        parse_public_key(blob)
    assert why in str(caught.value)


@pytest.mark.parametrize("line", ["", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-ed25519 AAAA", "ssh-rsa \u00e9"])
def test_refused_lines(line: str) -> None:
    with pytest.raises(KeyFormatError):
        parse_public_line(line)


def test_line_whose_first_word_lies() -> None:
    with pytest.raises(KeyFormatError, match="that precedes it"):
        parse_public_line(f"ssh-rsa {generate().public.line().split()[1]}")


@pytest.mark.parametrize(
    ("key_type", "bits"),
    [
        ("ed25519", 255),
        ("ecdsa", 200),
        ("rsa", 2047),
        ("rsa", 16385),
        ("x", None),
        ("dsa", 2048),
        ("ed448", 256),
        ("mldsa44-ed25519", 1),
        ("ssh-ed25519-cert-v01@openssh.com", None),
    ],
)
def test_what_is_not_generated(key_type: str, bits: int | None) -> None:
    with pytest.raises(KeyFormatError):
        generate(key_type, bits)


@pytest.mark.parametrize("key_type", [name for name in KEY_TYPES if name not in PLAIN_TYPE and name != "ssh-rsa"])
def test_generated_by_either_name(key_type: str) -> None:
    row = KEY_TYPES[key_type]
    for name in (key_type, row.keygen_name):
        key = generate(name, row.default_size, "me")
        assert (key.public.key_type, key.comment) == (key_type, "me")
        assert parse_public_key(key.public.blob).signature_algorithms == key.public.signature_algorithms


def test_small_rsa_keys_only_where_allowed() -> None:
    small = generate("rsa", 1024, required_rsa_size=1024).public
    for allowed in (None, 2048, 1025):
        with pytest.raises(KeyFormatError, match="too short"):
            parse_public_key(small.blob, allowed)
    assert parse_public_key(small.blob, 1024) == parse_public_key(small.blob, 0) == small
    assert parse_public_line(small.line("x"), 1024) == (small, "x")
    with pytest.raises(KeyFormatError, match="at least 768"):
        parse_public_key(rsa_blob(65537, MODULUS >> 1400 | 1), 0)
    with pytest.raises(KeyFormatError, match="at least 1024"):
        generate("rsa", 1000, required_rsa_size=800)


def test_generated_comment_stays_on_its_line() -> None:
    assert generate(comment="a\nssh-rsa").comment == "a ssh-rsa"


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    for blob in (data, *(string(name) + data for name in KEY_TYPES), ecdsa_blob(data)):
        _refused_or_canonical(blob)


@given(st.sampled_from(BLOBS), st.data())
def test_damaged_keys(blob: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(blob) - 1))
    _refused_or_canonical(blob[:at] + data.draw(st.binary(max_size=6)) + blob[at + data.draw(st.integers(0, 6)) :])


@given(st.text(max_size=100))
def test_any_text_as_a_line(text: str) -> None:
    for line in (text, f"ssh-ed25519 {text}"):
        with pytest.raises(KeyFormatError):
            parse_public_line(line)


def _refused_or_canonical(blob: bytes) -> None:
    try:
        key = parse_public_key(blob)
    except KeyFormatError:
        return
    assert key.blob == blob


def test_importing_loads_no_cryptographic_library() -> None:
    program = (
        "import sys, jupyter_ssh.ssh.keys, jupyter_ssh.ssh.trust\n"
        "print([name for name in ('cryptography', 'nacl', 'bcrypt') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
