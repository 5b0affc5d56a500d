"""Host keys that are told after the login: what is read, what is planned, what is proved."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import ProtocolError, SignatureError
from jupyter_ssh.ssh.keys import PublicKey, generate
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from jupyter_ssh.ssh.trust import KnownHosts
from jupyter_ssh.ssh.trust.host_names import hash_name
from jupyter_ssh.ssh.trust.rotation import (
    MAX_KEYS,
    Plan,
    check_proof,
    decode_announcement,
    encode_keys,
    plan_update,
    prove,
)
from jupyter_ssh.ssh.wire.types import string
from tests.support.made_keys import PLAIN_TYPE, SoftwareSecurityKey, key_of

ALL = frozenset(SIGNATURE_ALGORITHMS)
ONE, TWO, RSA = generate(), generate("ecdsa"), key_of("ssh-rsa")
OLD, OTHER = generate().public, generate().public
KEYS = [ONE, TWO, RSA]
PUBLIC = [key.public for key in KEYS]
CERTIFICATE = sign_certificate(RSA, ONE.public, kind=CertificateKind.HOST, principals=["host.example"])
SESSION = bytes(range(32))
HOST, ADDRESS = "host.example", "192.0.2.1"


# --- what is read -----------------------------------------------------------------------------------------------------


def test_keys_there_and_back() -> None:
    assert decode_announcement(encode_keys(PUBLIC), ALL) == PUBLIC
    assert decode_announcement(b"", ALL) == []


def test_what_is_left_out() -> None:
    unknown = string(string("ssh-of-tomorrow") + string(b"key"))
    damaged = string(ONE.public.blob[:-1])
    certificate = string(CERTIFICATE.blob)
    details = b"".join([unknown, damaged, certificate, string(b""), encode_keys([CERTIFICATE, ONE.public])])
    assert decode_announcement(details, ALL) == [ONE.public]
    assert decode_announcement(encode_keys(PUBLIC), {"rsa-sha2-256"}) == [RSA.public]
    assert decode_announcement(encode_keys(PUBLIC), ()) == []


@pytest.mark.parametrize(
    ("details", "said"),
    [
        (encode_keys(PUBLIC)[:-1], "malformed host keys"),
        (b"\0\0\0", "malformed host keys"),
        (b"\xff\xff\xff\xff", "malformed host keys"),
        (encode_keys([*PUBLIC, ONE.public]), "a host key twice"),
        (string(b"") * (MAX_KEYS + 1), "too many host keys"),
    ],
)
def test_what_is_no_announcement(details: bytes, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        decode_announcement(details, ALL)


pieces = st.one_of(
    st.sampled_from([string(key.blob) for key in PUBLIC] + [string(CERTIFICATE.blob), b"\0\0\0\x0bssh-ed25519"]),
    st.binary(max_size=40),
    st.binary(max_size=40).map(string),
    st.sampled_from(PUBLIC).flatmap(
        lambda key: st.tuples(st.integers(0, len(key.blob) - 1), st.binary(min_size=1, max_size=4)).map(
            lambda change: string(key.blob[: change[0]] + change[1] + key.blob[change[0] + len(change[1]) :])
        )
    ),
)


@given(st.lists(pieces, max_size=5).map(b"".join))
def test_any_announcement_is_keys_or_an_error(details: bytes) -> None:
    try:
        keys = decode_announcement(details, ALL)
    except ProtocolError:
        return
    assert len({key.blob for key in keys}) == len(keys)
    assert all(string(key.blob) in details for key in keys)


# --- what is planned --------------------------------------------------------------------------------------------------


def planned(tmp_path: Path, text: str, announced: list[PublicKey] = PUBLIC, address: str | None = None) -> Plan:
    path = tmp_path / "known_hosts"
    path.write_text(text)
    return plan_update(KnownHosts.load([path]), HOST, 22, address, announced)


def line(hosts: str, key: PublicKey = ONE.public) -> str:
    return f"{hosts} {key.line()}\n"


def test_new_and_old_keys(tmp_path: Path) -> None:
    plan = planned(tmp_path, line(HOST) + line(HOST, OLD) + line("other.example", OTHER))
    assert plan.changes
    assert plan.keys == tuple(PUBLIC)
    assert plan.new == (TWO.public, RSA.public)
    assert [entry.line for entry in plan.old] == [2]


def test_nothing_to_do(tmp_path: Path) -> None:
    plan = planned(tmp_path, "".join(line(HOST, key) for key in PUBLIC))
    assert not plan.changes
    assert plan.obstacle is None
    assert (plan.new, plan.old) == ((), ())


def test_hashed_names_are_names(tmp_path: Path) -> None:
    plan = planned(tmp_path, line(hash_name(HOST, bytes(20))) + line(hash_name(HOST, bytes(range(20))), OLD))
    assert plan.changes
    assert [entry.line for entry in plan.old] == [2]


def test_the_address_has_the_keys_too(tmp_path: Path) -> None:
    plan = planned(tmp_path, line(f"{HOST},{ADDRESS}") + line(ADDRESS, OLD), address=ADDRESS)
    assert plan.changes
    assert [entry.line for entry in plan.old] == [2]
    assert not planned(tmp_path, line(HOST) + line(ADDRESS), address=None).changes


@pytest.mark.parametrize(
    ("text", "address", "why"),
    [
        (line("*.example"), None, "written by a person"),
        (line(f"a,b,{HOST}"), None, "written by a person"),
        (line(HOST) + f"@revoked {line(HOST, OLD)}", None, "written by a person"),
        (line(HOST) + f"@cert-authority {line('*', OLD)}", None, "written by a person"),
        (line(HOST) + line("other.example"), None, "another name"),
        (line(HOST) + line("other.example", RSA.public), None, "another name"),
        (line(HOST) + line(HOST, OLD) + line("other.example", OLD), None, "another name"),
        (line(HOST) + f"@revoked {line('other.example', RSA.public)}", None, "another name"),
        (line(f"{HOST},alias"), ADDRESS, "another name or address"),
    ],
)
def test_obstacles(text: str, address: str | None, why: str, tmp_path: Path) -> None:
    plan = planned(tmp_path, text, address=address)
    assert plan.obstacle is not None
    assert why in plan.obstacle
    assert not plan.changes


def test_an_announcement_of_nothing_says_that_all_is_old(tmp_path: Path) -> None:
    # So the caller has to see to it that this is not done.
    assert [entry.line for entry in planned(tmp_path, line(HOST), []).old] == [1]


# --- what is proved ---------------------------------------------------------------------------------------------------


def test_a_servers_security_key_is_not_touched() -> None:
    sk = [SoftwareSecurityKey(key_type) for key_type in PLAIN_TYPE]
    for key in sk:
        key.flags_said = 0
    keys = [ONE, *sk]
    public = [key.public for key in keys]
    check_proof(prove(encode_keys(public), SESSION, keys, "ssh-ed25519"), SESSION, public)


def test_an_rsa_key_by_the_name_of_its_signatures_is_announced_too() -> None:
    blob = string("rsa-sha2-512") + RSA.public.blob[len(string("ssh-rsa")) :]
    assert decode_announcement(string(blob), ALL) == [RSA.public]


@pytest.mark.parametrize("exchange", ["ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512", "something else"])
def test_a_proof(exchange: str) -> None:
    proof = prove(encode_keys(PUBLIC[1:]), SESSION, KEYS, exchange)
    check_proof(proof, SESSION, PUBLIC[1:])
    if exchange.startswith("rsa"):
        assert string(exchange) in proof
    assert prove(b"", SESSION, KEYS, exchange) == b""


@pytest.mark.parametrize(
    "demand", [encode_keys([OTHER]), encode_keys([ONE.public, OTHER]), string(b""), b"\0", string(CERTIFICATE.blob)]
)
def test_no_proof_for_what_is_not_ours(demand: bytes) -> None:
    with pytest.raises(ProtocolError):
        prove(demand, SESSION, KEYS, "ssh-ed25519")


PROOF = prove(encode_keys(PUBLIC), SESSION, KEYS, "rsa-sha2-512")


@pytest.mark.parametrize(
    ("proof", "session", "keys"),
    [
        (PROOF, bytes(32), PUBLIC),
        (PROOF, SESSION, PUBLIC[::-1]),
        (PROOF, SESSION, PUBLIC[:2]),
        (PROOF, SESSION, [*PUBLIC, OTHER]),
        (PROOF, SESSION, [OTHER, *PUBLIC[1:]]),
        (PROOF[:-1], SESSION, PUBLIC),
        (PROOF + b"\0", SESSION, PUBLIC),
        (b"", SESSION, PUBLIC),
    ],
)
def test_no_proof(proof: bytes, session: bytes, keys: list[PublicKey]) -> None:
    with pytest.raises(SignatureError):
        check_proof(proof, session, keys)


@given(st.integers(0, len(PROOF) - 1), st.integers(1, 255))
def test_any_bit_of_a_proof_counts(place: int, change: int) -> None:
    damaged = bytearray(PROOF)
    damaged[place] ^= change
    with pytest.raises(SignatureError):
        check_proof(bytes(damaged), SESSION, PUBLIC)


@given(st.lists(st.one_of(st.binary(max_size=90), st.binary(max_size=90).map(string)), max_size=4).map(b"".join))
def test_any_bytes_are_no_proof_and_no_demand(data: bytes) -> None:
    with pytest.raises(SignatureError):
        check_proof(data, SESSION, PUBLIC)
    if data:
        with pytest.raises(ProtocolError):
            prove(data, SESSION, KEYS, "ssh-ed25519")
