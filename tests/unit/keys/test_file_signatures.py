"""File signatures and allowed_signers: every verdict is compared with that of ssh-keygen -Y."""

from __future__ import annotations

import io
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFormatError, SignatureError
from jupyter_ssh.ssh.keys import PrivateKey, generate, load_private_key
from jupyter_ssh.ssh.keys.allowed_signers import AllowedSigners
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind, CertifiedKey
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.certificates.validity import parse_date
from jupyter_ssh.ssh.keys.file_signatures import (
    BEGIN,
    END,
    check_novalidate,
    find_principals,
    parse_signature,
    sign_file,
    verify_file,
)
from jupyter_ssh.ssh.keys.files import openssh_file
from jupyter_ssh.ssh.keys.revoked_keys import RevokedKeyLines
from tests.support.made_keys import OPENSSH_TYPES, SoftwareSecurityKey, key_of
from tests.support.peers import require_tool

MESSAGE = b"a message\x00\xff"
VECTORS = Path(__file__).parents[2] / "vectors" / "mldsa44-ed25519"
SIGNING_TYPES = [name for name in OPENSSH_TYPES if name != "ssh-dss"]
ALICE, CA = generate(), generate()
NOW = 1_800_000_000


def ssh_keygen(action: str, *arguments: object, message: bytes = MESSAGE) -> subprocess.CompletedProcess[bytes]:
    command = [require_tool("ssh-keygen", "openssh-client"), "-Y", action, *map(str, arguments)]
    return subprocess.run(command, input=message, capture_output=True, timeout=60)


def certified(*principals: str, kind: CertificateKind = CertificateKind.USER, after: int = 0) -> CertifiedKey:
    certificate = sign_certificate(CA, ALICE.public, principals=principals, kind=kind, valid_after=after)
    return CertifiedKey(ALICE, certificate)


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
@pytest.mark.parametrize("key_type", SIGNING_TYPES)
def test_ours_in_their_eyes(key_type: str, hash_name: str, tmp_path: Path) -> None:
    key = key_of(key_type)
    (tmp_path / "sig").write_text(sign_file(key, io.BytesIO(MESSAGE), "file", hash_name=hash_name))
    (tmp_path / "signers").write_text(f"alice@example.com {key.public.line()}\n")
    done = ssh_keygen(
        "verify", "-f", tmp_path / "signers", "-I", "alice@example.com", "-n", "file", "-s", tmp_path / "sig"
    )
    assert done.returncode == 0, done.stderr
    done = ssh_keygen("check-novalidate", "-n", "file", "-s", tmp_path / "sig", message=b"other")
    assert done.returncode != 0


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
@pytest.mark.parametrize("key_type", [name for name in SIGNING_TYPES if not key_of(name).needs_agent])
def test_theirs_in_our_eyes(key_type: str, hash_name: str, tmp_path: Path) -> None:
    key = key_of(key_type)
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(openssh_file.dump(key))
    done = ssh_keygen("sign", "-q", "-f", path, "-n", "file", "-O", f"hashalg={hash_name}")
    assert done.returncode == 0, done.stderr
    signature = parse_signature(done.stdout.decode())
    assert signature.hash_name == hash_name
    assert check_novalidate(signature, MESSAGE, "file") == key.public.signature_algorithms[0]
    assert sign_file(key, MESSAGE, "file").splitlines()[0] == done.stdout.decode().splitlines()[0]
    with pytest.raises(SignatureError, match="invalid"):
        check_novalidate(signature, MESSAGE + b"!", "file")
    with pytest.raises(SignatureError, match="another namespace"):
        check_novalidate(signature, MESSAGE, "git")


def test_a_signature_of_openssh_10_5() -> None:
    signature = parse_signature((VECTORS / "message.sig").read_text())
    message = (VECTORS / "message").read_bytes()
    with (VECTORS / "message").open("rb") as stream:
        assert check_novalidate(signature, stream, "file") == "ssh-mldsa44-ed25519@openssh.com"
    for damaged in (message[:-1], message + b"\n"):
        with pytest.raises(SignatureError):
            check_novalidate(signature, damaged, "file")
    secret = openssh_file.parse((VECTORS / "key").read_bytes()).open(None)
    assert secret.public == signature.key
    again = parse_signature(sign_file(secret, message, "file"))
    assert check_novalidate(again, message, "file") == "ssh-mldsa44-ed25519@openssh.com"


@pytest.mark.parametrize("half", [0, 2420])
def test_both_halves_of_the_composite_count(half: int) -> None:
    key = key_of("ssh-mldsa44-ed25519@openssh.com")
    good, other = key.sign(MESSAGE), key.sign(b"other")
    start = len(good) - 2484 + half
    end = start + (2420 if half == 0 else 64)
    key.public.verify(good, MESSAGE)
    with pytest.raises(SignatureError):
        key.public.verify(good[:start] + other[start:end] + good[end:], MESSAGE)


LINE = ALICE.public.line()
CA_LINE = CA.public.line()
VERDICTS: dict[str, tuple[str, PrivateKey]] = {
    "plain": (f"alice@example.com {LINE}", ALICE),
    "pattern": (f"*@example.com {LINE}", ALICE),
    "list": (f"bob@example.com,alice@* {LINE}", ALICE),
    "negated": (f"!alice@example.com,* {LINE}", ALICE),
    "quoted": (f'"bob@example.com,alice@example.com" {LINE}', ALICE),
    "tabs": (f"alice@example.com\t{LINE}", ALICE),
    "another identity": (f"bob@example.com {LINE}", ALICE),
    "upper case": (f"ALICE@example.com {LINE}", ALICE),
    "another key": (f"alice@example.com {CA_LINE}", ALICE),
    "namespace": (f'alice@example.com namespaces="git,file" {LINE}', ALICE),
    "namespace pattern": (f'alice@example.com namespaces="f*" {LINE}', ALICE),
    "other namespaces": (f'alice@example.com namespaces="git" {LINE}', ALICE),
    "capital option": (f'alice@example.com Namespaces="file" {LINE}', ALICE),
    "valid": (f'alice@example.com valid-after="20200101Z",valid-before="20990101Z" {LINE}', ALICE),
    "later": (f'alice@example.com valid-after="20980101" {LINE}', ALICE),
    "earlier": (f'alice@example.com valid-before="20200101" {LINE}', ALICE),
    "empty period": (f'alice@example.com valid-after="20300101",valid-before="20200101" {LINE}', ALICE),
    "bad date": (f'alice@example.com valid-before="2020" {LINE}', ALICE),
    "unknown option": (f"alice@example.com no-such-option {LINE}", ALICE),
    "option twice": (f'alice@example.com namespaces="file",namespaces="file" {LINE}', ALICE),
    "second line": (f"alice@example.com {CA_LINE}\n# comment\n\nalice@example.com {LINE} words", ALICE),
    "bad line first": (f"alice@example.com nonsense\nalice@example.com {LINE}", ALICE),
    "authority's key itself": (f"alice@example.com cert-authority {LINE}", ALICE),
    "certificate": (f"*@example.com cert-authority {CA_LINE}", certified("alice@example.com", "x@example.com")),
    "certificate and namespace": (
        f'*@example.com cert-authority,namespaces="file" {CA_LINE}',
        certified("alice@example.com"),
    ),
    "certificate without cert-authority": (f"*@example.com {CA_LINE}", certified("alice@example.com")),
    "key of the certificate": (f"*@example.com {LINE}", certified("alice@example.com")),
    "certificate for another": (f"*@example.com cert-authority {CA_LINE}", certified("bob@example.com")),
    "names no principals": (f"*@example.com cert-authority {CA_LINE}", certified()),
    "certificate not yet valid": (
        f"*@example.com cert-authority {CA_LINE}",
        certified("alice@example.com", after=4_000_000_000),
    ),
    "certificate of a host": (
        f"*@example.com cert-authority {CA_LINE}",
        certified("alice@example.com", kind=CertificateKind.HOST),
    ),
    "certificate of another": (f"*@example.com cert-authority {LINE}", certified("alice@example.com")),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdicts_of_ssh_keygen(name: str, tmp_path: Path) -> None:
    text, key = VERDICTS[name]
    signature = sign_file(key, MESSAGE, "file")
    (tmp_path / "sig").write_text(signature)
    (tmp_path / "signers").write_text(text + "\n")
    signers = AllowedSigners.parse(text + "\n")
    now = time.time()
    where = ("-f", tmp_path / "signers", "-s", tmp_path / "sig")
    theirs = ssh_keygen("verify", *where, "-I", "alice@example.com", "-n", "file")
    try:
        verify_file(
            parse_signature(signature),
            MESSAGE,
            signers=signers,
            identity="alice@example.com",
            namespace="file",
            now=now,
        )
        verdict = True
    except SignatureError:
        verdict = False
    assert verdict == (theirs.returncode == 0), theirs.stderr

    theirs = ssh_keygen("find-principals", *where)
    try:
        found = find_principals(parse_signature(signature), signers=signers, now=now)
    except SignatureError:
        found = []
    assert found == theirs.stdout.decode().split()

    if name == "bad line first":
        return  # which ssh-keygen does not read on after, here alone
    theirs = ssh_keygen("match-principals", "-f", tmp_path / "signers", "-I", "alice@example.com")
    assert signers.match_principals("alice@example.com") == theirs.stdout.decode().splitlines()


def test_verify_time(tmp_path: Path) -> None:
    text = f'alice@example.com valid-after="20260101000000Z",valid-before="20260201000000Z" {LINE}\n'
    signature = sign_file(ALICE, MESSAGE, "file")
    (tmp_path / "sig").write_text(signature)
    (tmp_path / "signers").write_text(text)
    for second in ("20251231235959", "20260101000000", "20260201000000", "20260201000001"):
        # Local time, with which older versions of ssh-keygen are content: the tests run in UTC or do not care.
        at = parse_date(second)
        theirs = ssh_keygen(
            "verify",
            "-f",
            tmp_path / "signers",
            "-s",
            tmp_path / "sig",
            "-I",
            "alice@example.com",
            "-n",
            "file",
            "-O",
            f"verify-time={second}",
        )
        try:
            AllowedSigners.parse(text).check("alice@example.com", ALICE.public, "file", at)
            verdict = True
        except SignatureError:
            verdict = False
        assert verdict == (theirs.returncode == 0)


def test_problems_are_told() -> None:
    signers = AllowedSigners.parse(f'a\nb namespaces="x {LINE}\nc ssh-ed25519 AAAA\nd valid-after="1" {LINE}\ne {LINE}')
    assert [problem.line for problem in signers.problems] == [1, 2, 3, 4]
    assert [entry.principals for entry in signers.entries] == ["e"]
    assert signers.entries[0].line == 5


def test_revoked_keys() -> None:
    signers = AllowedSigners.parse(f"* cert-authority {CA_LINE}\n* {LINE}\n")
    for key, revoked in ((ALICE, ALICE), (certified("alice"), ALICE), (certified("alice"), CA)):
        signature = parse_signature(sign_file(key, MESSAGE, "file"))
        with pytest.raises(SignatureError, match="revoked"):
            verify_file(
                signature,
                MESSAGE,
                signers=signers,
                identity="alice",
                namespace="file",
                now=NOW,
                revoked=RevokedKeyLines({revoked.public}),
            )
        with pytest.raises(SignatureError, match="revoked"):
            find_principals(signature, signers=signers, now=NOW, revoked=RevokedKeyLines({revoked.public}))


def test_touch() -> None:
    key = SoftwareSecurityKey("sk-ssh-ed25519@openssh.com")
    key.flags_said = 0
    signature = parse_signature(sign_file(key, MESSAGE, "file"))
    check_novalidate(signature, MESSAGE, "file")
    with pytest.raises(SignatureError, match="not touched"):
        check_novalidate(signature, MESSAGE, "file", touch_required=True)


def test_what_is_not_signed() -> None:
    with pytest.raises(SignatureError, match="empty"):
        sign_file(ALICE, MESSAGE, "")
    with pytest.raises(SignatureError, match="unknown hash"):
        sign_file(ALICE, MESSAGE, "file", hash_name="sha1")
    with pytest.raises(SignatureError, match="too weak"):
        sign_file(key_of("ssh-rsa"), MESSAGE, "file", algorithm="ssh-rsa")
    with pytest.raises(SignatureError, match="too weak"):
        sign_file(key_of("ssh-dss"), MESSAGE, "file")


GOOD = sign_file(ALICE, MESSAGE, "file")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a signature file"),
        ("x" + GOOD, "not a signature file"),
        (GOOD + GOOD, "not a signature file"),
        (GOOD[: len(GOOD) // 2], "not a signature file"),
        (f"{BEGIN}\n!!!!\n{END}\n", "base64"),
        (f"{BEGIN}\nAAAAAAAA\n{END}\n", "SSHSIG"),
        (f"{BEGIN}\nU1NIU0lH\n{END}\n", "truncated"),
        (f"{BEGIN}\nU1NIU0lHAAAAAg==\n{END}\n", "unknown version"),
        ("x" * (1 << 21), "too long"),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(SignatureError) as caught:
        parse_signature(text)
    assert why in str(caught.value)


def test_line_ends_of_windows() -> None:
    assert parse_signature(GOOD.replace("\n", "\r\n")) == parse_signature(GOOD)


@given(st.data())
def test_damaged_signatures(data: st.DataObject) -> None:
    body = "".join(GOOD.splitlines()[1:-1])
    at = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:at] + data.draw(st.text("ABCxyz019+/=", max_size=8)) + body[at + data.draw(st.integers(0, 8)) :]
    try:
        signature = parse_signature(f"{BEGIN}\n{damaged}\n{END}\n")
        check_novalidate(signature, MESSAGE, "file")
    except (SignatureError, KeyFormatError):
        return
    assert damaged == body


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    with pytest.raises((SignatureError, KeyFormatError)):
        parse_signature(f"{BEGIN}\n{text}\n{END}\n")
    signers = AllowedSigners.parse(f"{text}\na {text} {LINE}\n{text} {LINE}")
    signers.match_principals("alice")
    signers.find_principals(ALICE.public, NOW)


def test_no_text_takes_long() -> None:
    """Quotation marks and backslashes can only be read in one way."""
    for part in ('\\"', '"\\"', 'a="\\"', '",', "*a"):
        AllowedSigners.parse(
            f"alice {part * 10_000}\nalice {part * 10_000} {LINE}\n{part * 10_000} {LINE}"
        ).match_principals("alice")


def test_a_key_file_signs(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(
        [require_tool("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True
    )
    key = load_private_key(path)
    assert check_novalidate(parse_signature(sign_file(key, MESSAGE, "x")), MESSAGE, "x") == "ssh-ed25519"
