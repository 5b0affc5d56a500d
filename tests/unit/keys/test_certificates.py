"""Certificates: those of ssh-keygen read and judged by us, ours read by ssh-keygen and asyncssh, and the wrong ones."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.errors import CertificateError, CertificateSignatureError, KeyFormatError, SignatureError
from jupyter_ssh.ssh.keys import KEY_TYPES, PrivateKey, PublicKey, generate, load_public_key, parse_public_key
from jupyter_ssh.ssh.keys.certificates.certificate import (
    ALL_ALGORITHMS,
    CERTIFICATE_ALGORITHMS,
    CERTIFICATE_TYPES,
    Certificate,
    CertificateKind,
    CertifiedKey,
    certificate_name,
    parse_added_key,
    parse_certificate,
    parse_key_or_certificate,
)
from jupyter_ssh.ssh.keys.certificates.check import check_host_certificate, check_user_certificate
from jupyter_ssh.ssh.keys.certificates.options import UserOptions
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.certificates.text import describe
from jupyter_ssh.ssh.keys.certificates.validity import FOREVER
from jupyter_ssh.ssh.keys.types.table import decode_base64
from jupyter_ssh.ssh.wire.types import Reader, string, uint32, uint64
from tests.support.identities import run_quietly
from tests.support.made_keys import OPENSSH_TYPES, key_of
from tests.support.peers import require_tool

CA = generate()
NOW = 1_800_000_000.0
VECTORS = Path(__file__).parents[2] / "vectors" / "mldsa44-ed25519"


def ssh_keygen(*arguments: object) -> str:
    return run_quietly([require_tool("ssh-keygen", "openssh-client"), *map(str, arguments)])


def read_certificate(path: Path) -> Certificate:
    return parse_certificate(decode_base64(path.read_text().split()[1]))


def user_certificate(key: PublicKey | None = None, **statement: object) -> Certificate:
    statement = {"principals": ["alice", "bob"], **statement}
    return sign_certificate(CA, key or key_of("ssh-ed25519").public, **statement)  # type: ignore[arg-type]


def check_user(certificate: Certificate, user: str = "alice", **options: object) -> UserOptions:
    return check_user_certificate(certificate, [user], **{"authorities": [CA.public], "now": NOW, **options})  # type: ignore[arg-type]


class TestWithSshKeygen:
    @pytest.mark.parametrize("key_type", OPENSSH_TYPES)
    def test_theirs(self, key_type: str, tmp_path: Path) -> None:
        key = key_of(key_type)
        (tmp_path / "key.pub").write_text(key.public.line("comment") + "\n")
        ssh_keygen("-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "ca")
        options = ["-O", "clear", "-O", "force-command=ls -l", "-O", "source-address=192.0.2.0/24,2001:db8::/32"]
        options += ["-O", "verify-required", "-O", "permit-pty", "-O", "no-touch-required"]
        ssh_keygen(
            "-q",
            "-s",
            tmp_path / "ca",
            "-I",
            "the id",
            "-n",
            "alice,bob",
            "-z",
            2**63 + 1,
            "-V",
            "20260101000000:20270101",
            *options,
            tmp_path / "key.pub",
        )
        certificate = read_certificate(tmp_path / "key-cert.pub")
        assert certificate.key == key.public
        assert certificate.key_type == certificate_name(key_type)
        assert certificate.authority == load_public_key(tmp_path / "ca.pub")[0]
        statement = certificate.statement
        assert statement.kind is CertificateKind.USER
        assert (statement.key_id, statement.principals, statement.serial) == ("the id", ("alice", "bob"), 2**63 + 1)
        assert certificate.permits("permit-pty")
        assert certificate.permits("no-touch-required")
        assert not certificate.permits("permit-port-forwarding")
        assert certificate.fingerprint == key.public.fingerprint
        now = (statement.valid_after + statement.valid_before) / 2
        found = check_user(certificate, authorities=[certificate.authority], now=now, address="192.0.2.77")
        assert found.force_command == "ls -l"
        assert found.verify_required
        assert [found.admits(address) for address in ("2001:db8::7", "::ffff:192.0.2.1", "192.0.3.1", "?")] == [
            True,
            True,
            False,
            False,
        ]
        shown = ssh_keygen("-L", "-f", tmp_path / "key-cert.pub")
        assert shown.splitlines()[1:] == describe(certificate)
        art = ssh_keygen("-lv", "-f", tmp_path / "key-cert.pub")
        assert art.partition("\n")[2] == certificate.randomart + "\n"

    @pytest.mark.parametrize("authority", OPENSSH_TYPES)
    @pytest.mark.parametrize("key_type", ["ssh-ed25519", "ssh-rsa"])
    def test_ours(self, key_type: str, authority: str, tmp_path: Path) -> None:
        certificate = sign_certificate(
            key_of(authority),
            key_of(key_type).public,
            key_id="our id",
            principals=["alice", "bob"],
            serial=77,
            valid_after=1_700_000_000,
            valid_before=1_900_000_000,
            critical_options={"source-address": "192.0.2.0/24", "force-command": "ls"},
        )
        path = tmp_path / "key-cert.pub"
        path.write_text(certificate.line() + "\n")
        assert ssh_keygen("-L", "-f", path).splitlines()[1:] == describe(certificate)

    @pytest.mark.parametrize("key_type", OPENSSH_TYPES)
    def test_ours_of_a_host(self, key_type: str, tmp_path: Path) -> None:
        key = key_of(key_type).public
        certificate = sign_certificate(CA, key, kind=CertificateKind.HOST, principals=["a.example"])
        path = tmp_path / "key-cert.pub"
        path.write_text(certificate.line() + "\n")
        lines = ssh_keygen("-L", "-f", path).splitlines()
        assert lines[1:] == describe(certificate)
        assert lines[-1].endswith("Extensions: (none)")
        assert "Valid: forever" in lines[6]

    @pytest.mark.parametrize(("after", "before"), [(0, 1_900_000_000), (1_700_000_000, FOREVER), (0, FOREVER)])
    def test_validity_in_words(self, after: int, before: int, tmp_path: Path) -> None:
        certificate = user_certificate(valid_after=after, valid_before=before, principals=[], extensions={})
        path = tmp_path / "key-cert.pub"
        path.write_text(certificate.line() + "\n")
        assert ssh_keygen("-L", "-f", path).splitlines()[1:] == describe(certificate)

    def test_names_are_those_of_openssh(self) -> None:
        theirs = set(run_quietly([require_tool("ssh", "openssh-client"), "-Q", "key-sig"]).split())
        theirs.discard("webauthn-sk-ecdsa-sha2-nistp256@openssh.com")
        theirs.discard("webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com")
        ours = {name for name, row in ALL_ALGORITHMS.items() if "ed448" not in name and "mldsa" not in name}
        assert ours == theirs


def test_the_certificate_of_openssh_10_5() -> None:
    certificate = read_certificate(VECTORS / "key-cert.pub")
    assert certificate.key == load_public_key(VECTORS / "key.pub")[0]
    assert certificate.key_type == "ssh-mldsa44-ed25519-cert-v01@openssh.com"
    assert certificate.statement.principals == ("alice",)
    assert certificate.statement.kind is CertificateKind.USER
    used = certificate.signature_algorithm
    now = certificate.statement.valid_after
    check_user(certificate, authorities=[certificate.authority], now=now, ca_signature_algorithms=[used])


@pytest.mark.parametrize("key_type", [name for name in KEY_TYPES if "mldsa" not in name])
def test_asyncssh_agrees(key_type: str) -> None:
    ours = sign_certificate(CA, key_of(key_type).public, key_id="me", principals=["alice"], serial=9)
    theirs = asyncssh.import_certificate(ours.line())
    theirs.validate(1, "alice")
    with pytest.raises(ValueError):
        theirs.validate(1, "bob")
    if key_type in ("ssh-ed25519", "ssh-ed448", "ssh-rsa"):
        authority = asyncssh.generate_private_key(key_type)
        made = authority.generate_user_certificate(authority, "key id", principals=["carol"], serial=5)
        certificate = parse_certificate(decode_base64(made.export_certificate().split()[1]))
        assert certificate.statement.principals == ("carol",)
        check_user(certificate, "carol", authorities=[certificate.authority])


class TestTables:
    def test_every_type_has_its_certificate(self) -> None:
        assert list(CERTIFICATE_TYPES) == [certificate_name(name) for name in KEY_TYPES]
        assert not set(CERTIFICATE_TYPES).intersection(KEY_TYPES)
        for name, row in CERTIFICATE_ALGORITHMS.items():
            assert row.key_type in CERTIFICATE_TYPES
            assert name.endswith("-cert-v01@openssh.com")
        assert CERTIFICATE_ALGORITHMS["rsa-sha2-512-cert-v01@openssh.com"].key_type == "ssh-rsa-cert-v01@openssh.com"

    def test_no_plain_reader_takes_one(self) -> None:
        certificate = user_certificate()
        with pytest.raises(KeyFormatError):
            parse_public_key(certificate.blob)
        assert parse_key_or_certificate(certificate.blob) == certificate
        assert parse_key_or_certificate(CA.public.blob) == CA.public


class TestUse:
    @pytest.mark.parametrize("key_type", KEY_TYPES)
    def test_signing_with_it(self, key_type: str) -> None:
        key = key_of(key_type)
        certified = CertifiedKey(key, user_certificate(key.public))
        for name in certified.public.signature_algorithms:
            signature = certified.sign(b"data", name)
            assert Reader(signature).text() == name.replace("-cert-v01@openssh.com", "").replace("@openssh.com", "") + (
                "@openssh.com" if key_type.endswith("@openssh.com") else ""
            )
            assert certified.public.verify(signature, b"data", [name]) == name
            with pytest.raises(SignatureError):
                certified.public.verify(signature, b"other", [name])
            with pytest.raises(SignatureError):
                certified.public.verify(signature, b"data", [key_type])
        with pytest.raises(SignatureError):
            certified.sign(b"data", key_type)

    def test_another_algorithm_than_agreed(self) -> None:
        certified = CertifiedKey(key_of("ssh-rsa"), user_certificate(key_of("ssh-rsa").public))
        signature = certified.sign(b"data", "rsa-sha2-256-cert-v01@openssh.com")
        with pytest.raises(SignatureError):
            certified.public.verify(signature, b"data", ["rsa-sha2-512-cert-v01@openssh.com"])
        sha1 = certified.sign(b"data", "ssh-rsa-cert-v01@openssh.com")
        with pytest.raises(SignatureError):
            certified.public.verify(sha1, b"data")

    def test_of_another_key(self) -> None:
        with pytest.raises(KeyFormatError, match="another key"):
            CertifiedKey(generate(), user_certificate())

    def test_certifying_a_certificate_certifies_its_key(self) -> None:
        first = user_certificate(key_id="first")
        second = sign_certificate(CertifiedKey(CA, user_certificate(CA.public)), first, key_id="second")
        assert second.key == first.key
        assert second.authority == CA.public

    def test_small_rsa_keys(self) -> None:
        small = generate("rsa", 1024, required_rsa_size=1024)
        certificate = sign_certificate(CA, small.public)
        with pytest.raises(KeyFormatError, match="at least 2048"):
            parse_certificate(certificate.blob)
        assert parse_certificate(certificate.blob, 1024) == certificate
        signed = sign_certificate(small, CA.public)
        with pytest.raises(KeyFormatError, match=r"authority.*too short"):
            parse_certificate(signed.blob)
        assert parse_certificate(signed.blob, 1024).authority == small.public


REFUSED: dict[str, tuple[Callable[[], object], type[CertificateError]]] = {
    "expired": (lambda: check_user(user_certificate(valid_before=int(NOW))), errors.CertificateExpired),
    "not yet valid": (lambda: check_user(user_certificate(valid_after=int(NOW) + 1)), errors.CertificateNotYetValid),
    "another principal": (lambda: check_user(user_certificate(), "carol"), errors.CertificatePrincipalError),
    "principals are no patterns": (
        lambda: check_user(user_certificate(principals=["*"])),
        errors.CertificatePrincipalError,
    ),
    "no principals": (lambda: check_user(user_certificate(principals=[])), errors.CertificatePrincipalError),
    "principals, though any would do": (
        lambda: check_user(user_certificate(), "carol", any_principal=True),
        errors.CertificatePrincipalError,
    ),
    "another authority": (
        lambda: check_user(user_certificate(), authorities=[generate().public]),
        errors.CertificateAuthorityUnknown,
    ),
    "no authority": (lambda: check_user(user_certificate(), authorities=[]), errors.CertificateAuthorityUnknown),
    "its own key as authority": (
        lambda: check_user(user_certificate(), authorities=[key_of("ssh-ed25519").public]),
        errors.CertificateAuthorityUnknown,
    ),
    "host for user": (
        lambda: check_user(user_certificate(kind=CertificateKind.HOST)),
        errors.CertificateTypeError,
    ),
    "user for host": (
        lambda: check_host_certificate(user_certificate(), "alice", authorities=[CA.public], now=NOW),
        errors.CertificateTypeError,
    ),
    "unknown option": (
        lambda: check_user(user_certificate(critical_options={"new@example.com": None})),
        errors.CertificateOptionError,
    ),
    "flag with a value": (
        lambda: check_user(user_certificate(critical_options={"verify-required": "yes"})),
        errors.CertificateOptionError,
    ),
    "value missing": (
        lambda: check_user(user_certificate(critical_options={"force-command": None})),
        errors.CertificateOptionError,
    ),
    "bad address": (
        lambda: check_user(user_certificate(critical_options={"source-address": "192.0.2.1/24"})),
        errors.CertificateOptionError,
    ),
    "user's option of a host": (
        lambda: check_host_certificate(
            user_certificate(kind=CertificateKind.HOST, critical_options={"force-command": "ls"}),
            "alice",
            authorities=[CA.public],
            now=NOW,
        ),
        errors.CertificateOptionError,
    ),
    "another address": (
        lambda: check_user(
            user_certificate(critical_options={"source-address": "192.0.2.0/24"}), address="198.51.100.1"
        ),
        errors.CertificateAddressError,
    ),
    "signed with SHA-1": (
        lambda: check_user(
            sign_certificate(key_of("ssh-rsa"), CA.public, principals=["alice"], algorithm="ssh-rsa"),
            authorities=[key_of("ssh-rsa").public],
        ),
        errors.CertificateSignatureError,
    ),
}


@pytest.mark.parametrize(("check", "error"), REFUSED.values(), ids=REFUSED)
def test_refused(check: Callable[[], object], error: type[CertificateError]) -> None:
    with pytest.raises(CertificateError) as caught:
        check()
    assert type(caught.value) is error
    assert caught.value.phase == "certificate"


def test_accepted() -> None:
    assert check_user(user_certificate()) == UserOptions()
    assert check_user(user_certificate(), "bob") == UserOptions()
    assert check_user(user_certificate(valid_after=int(NOW), valid_before=int(NOW) + 1)) == UserOptions()
    assert check_user(user_certificate(principals=[]), any_principal=True) == UserOptions()
    host = sign_certificate(CA, CA.public, kind=CertificateKind.HOST, principals=["*.Example", "plain"])
    for name in ("a.example", "plain"):
        check_host_certificate(host, name, authorities=[generate().public, CA.public], now=NOW)
    with pytest.raises(errors.CertificatePrincipalError):
        check_host_certificate(host, "a.example.org", authorities=[CA.public], now=NOW)


KEY = generate("ecdsa", 256).public


def body(
    *,
    name: str = "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    fields: bytes = KEY.fields,
    kind: int = 1,
    principals: bytes = b"",
    critical: bytes = b"",
    extensions: bytes = b"",
    authority: bytes = CA.public.blob,
) -> bytes:
    """A certificate up to its signature."""
    start = string(name) + string(b"nonce") + fields + uint64(0) + uint32(kind) + string("id") + string(principals)
    return start + uint64(0) + uint64(FOREVER) + b"".join(map(string, (critical, extensions, b"", authority)))


def signed(data: bytes) -> bytes:
    return data + string(CA.sign(data))


OFF_CURVE = string("nistp256") + string(b"\4" + bytes(63) + b"\7")
FLAG = string("a") + string(b"")
MALFORMED: dict[str, tuple[bytes, type[KeyFormatError], str]] = {
    "by a certificate": (
        signed(body(authority=user_certificate().blob)),
        errors.CertificateSignedByCertificate,
        "by a",
    ),
    "by another key": (body() + string(generate().sign(body())), CertificateSignatureError, "not signed by"),
    "changed since": (signed(body()).replace(b"nonce", b"ounce"), CertificateSignatureError, "not signed by"),
    "no signature": (body() + string(b""), CertificateSignatureError, "not signed by"),
    "kind 3": (signed(body(kind=3)), KeyFormatError, "unknown kind"),
    "point off the curve": (signed(body(fields=OFF_CURVE)), KeyFormatError, "not on its curve"),
    "key of another type": (signed(body(fields=CA.public.fields)), KeyFormatError, "another curve"),
    "option twice": (signed(body(critical=FLAG * 2)), KeyFormatError, "duplicate"),
    "extension twice": (signed(body(extensions=FLAG * 2)), KeyFormatError, "duplicate"),
    "options cut off": (signed(body(critical=FLAG[:-1])), KeyFormatError, "malformed"),
    "principals cut off": (signed(body(principals=b"\0\0\0\2x")), KeyFormatError, "truncated"),
    "many principals": (signed(body(principals=string("x") * 257)), KeyFormatError, "too many"),
    "unknown type": (signed(body(name="ssh-xss-cert-v01@openssh.com")), KeyFormatError, "unknown certificate type"),
    "a plain key": (CA.public.blob, KeyFormatError, "unknown certificate type"),
    "RSA name of an algorithm": (
        signed(body(name="rsa-sha2-512-cert-v01@openssh.com", fields=key_of("ssh-rsa").public.fields)),
        KeyFormatError,
        "unknown certificate type",
    ),
    "authority that is no key": (signed(body(authority=b"x")), KeyFormatError, "authority"),
    "byte too many": (signed(body()) + b"\0", KeyFormatError, "longer"),
    "cut off": (signed(body())[:-1], KeyFormatError, "truncated"),
    "too long": (bytes(70_000), KeyFormatError, "too long"),
    "empty": (b"", KeyFormatError, "truncated"),
}


@pytest.mark.parametrize(("blob", "error", "why"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(blob: bytes, error: type[KeyFormatError], why: str) -> None:
    with pytest.raises(KeyFormatError) as caught:
        parse_certificate(blob)
    assert type(caught.value) is error
    assert why in str(caught.value)


def test_what_is_not_made() -> None:
    for wrong in (
        {"serial": -1},
        {"serial": 2**64},
        {"valid_after": 5, "valid_before": 5},
        {"valid_before": 2**64},
        {"principals": ["x"] * 257},
        {"principals": [""]},
    ):
        with pytest.raises(KeyFormatError, match="invalid"):
            user_certificate(**wrong)


def test_text_of_strangers_is_made_harmless() -> None:
    certificate = user_certificate(
        key_id='\x1b[2J"', principals=["a\nb"], critical_options={"force-command": "\x07"}, extensions={"\x1b": "x"}
    )
    assert "\x1b" not in "".join(describe(certificate))
    assert all(line.isprintable() for line in describe(certificate))


GOOD = signed(body(principals=string("alice"), critical=FLAG))


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for blob in (data, string("ssh-ed25519-cert-v01@openssh.com") + data, signed(body(critical=data))):
        try:
            parse_certificate(blob)
        except KeyFormatError:
            continue


@given(st.data())
def test_damaged_certificates(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    damaged = GOOD[:at] + data.draw(st.binary(max_size=6)) + GOOD[at + data.draw(st.integers(0, 6)) :]
    if damaged == GOOD:
        return
    with pytest.raises(KeyFormatError):
        parse_certificate(damaged)


class TestAgentForm:
    """A private key with its certificate, as an agent is told it."""

    @pytest.mark.parametrize("with_certificate", [False, True])
    @pytest.mark.parametrize("key_type", KEY_TYPES)
    def test_there_and_back(self, key_type: str, with_certificate: bool) -> None:
        key: PrivateKey = key_of(key_type)
        if with_certificate:
            key = CertifiedKey(key, user_certificate(key.public))
        data = string(key.public.key_type) + key.private_fields() + string("comment")
        parsed, rest = parse_added_key(data)
        assert parsed.public == key.public
        assert parsed.private_fields() == key.private_fields()
        assert (rest.text(), rest.remaining) == ("comment", 0)
        for end in range(0, len(data) - 11, 7):
            with pytest.raises(KeyFormatError):
                parse_added_key(data[:end])

    @pytest.mark.parametrize("key_type", [name for name in OPENSSH_TYPES if not name.startswith("sk-")])
    def test_ssh_agent_takes_it(self, key_type: str, agent: socket.socket) -> None:
        certified = CertifiedKey(key_of(key_type), user_certificate(key_of(key_type).public))
        # draft-ietf-sshm-ssh-agent §3.2, §3.5 and §3.6
        added = ask(agent, bytes((17,)) + string(certified.public.key_type) + certified.private_fields() + string("me"))
        assert added == bytes((6,))
        listed = Reader(ask(agent, bytes((11,))))
        assert (listed.byte(), listed.uint32()) == (12, 1)
        assert parse_key_or_certificate(listed.string()) == certified.public
        assert listed.text() == "me"
        flags = uint32(4) if key_type == "ssh-rsa" else uint32(0)
        signed = Reader(ask(agent, bytes((13,)) + string(certified.public.blob) + string(b"data") + flags))
        assert signed.byte() == 14
        certified.public.verify(signed.string(), b"data", certified.public.signature_algorithms)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[socket.socket]:
    """A connection to an ssh-agent of its own."""
    path = tmp_path / "agent"
    process = subprocess.Popen(
        [require_tool("ssh-agent", "openssh-client"), "-D", "-a", str(path)], stdout=subprocess.PIPE
    )
    try:
        # It speaks once it listens.
        assert process.stdout is not None
        assert b"SSH_AUTH_SOCK" in process.stdout.readline()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(path))
            yield connection
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ask(agent: socket.socket, request: bytes) -> bytes:
    agent.sendall(string(request))
    with agent.makefile("rb") as stream:
        return stream.read(int.from_bytes(stream.read(4), "big"))
