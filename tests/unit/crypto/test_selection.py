"""Which algorithms are proposed: grades, and the list syntax of ssh_config(5)."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import Graded, names, pick
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from tests.support.peers import require_tool


@dataclass(frozen=True)
class Row:
    grade: Grade


TABLE = {
    "a-ctr": Row(Grade.MODERN),
    "a-cbc": Row(Grade.LEGACY),
    "b-ctr": Row(Grade.MODERN),
    "b-cbc": Row(Grade.LEGACY),
    "arc4": Row(Grade.BROKEN),
    "c-gcm": Row(Grade.MODERN),
}
DEFAULT = ("a-ctr", "b-ctr", "c-gcm")


def test_names_by_grade() -> None:
    assert names(TABLE) == DEFAULT
    assert names(TABLE, legacy=True) == (*DEFAULT, "a-cbc", "b-cbc")
    assert names(CIPHERS)[0] == "aes128-gcm@openssh.com"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, DEFAULT),
        ("", DEFAULT),
        ([], DEFAULT),
        ("+", DEFAULT),
        ("c-gcm", ("c-gcm",)),
        ("c-gcm,a-ctr", ("c-gcm", "a-ctr")),
        (" c-gcm , a-ctr ", ("c-gcm", "a-ctr")),
        (["c-gcm", "a-ctr"], ("c-gcm", "a-ctr")),
        (("+a-cbc", "b-cbc"), (*DEFAULT, "a-cbc", "b-cbc")),
        ("c-gcm,c-gcm,a-ctr", ("c-gcm", "a-ctr")),
        ("+a-cbc", (*DEFAULT, "a-cbc")),
        ("+a-ctr", DEFAULT),
        ("+arc4", (*DEFAULT, "arc4")),
        ("^c-gcm", ("c-gcm", "a-ctr", "b-ctr")),
        ("^b-cbc,c-gcm", ("b-cbc", "c-gcm", "a-ctr", "b-ctr")),
        ("-b-ctr", ("a-ctr", "c-gcm")),
        ("-*-ctr", ("c-gcm",)),
        ("-nobody-knows-it,a-*", ("b-ctr", "c-gcm")),
        ("*-cbc", ("a-cbc", "b-cbc")),
        ("+?-cbc", (*DEFAULT, "a-cbc", "b-cbc")),
        ("*", ("a-ctr", "a-cbc", "b-ctr", "b-cbc", "c-gcm")),
    ],
)
def test_pick(spec: str | Sequence[str] | None, expected: tuple[str, ...]) -> None:
    assert pick(TABLE, spec, DEFAULT) == expected


@pytest.mark.parametrize("spec", ["d-ctr", "+d-ctr", "^d-ctr", "a-ctr,d-ctr", ["d-ctr"], "arc?", "A-CTR", "+-a-ctr"])
def test_an_unknown_name_lists_the_known_ones(spec: str | Sequence[str]) -> None:
    with pytest.raises(ConfigError, match="unknown cipher") as caught:
        pick(TABLE, spec, DEFAULT, "cipher")
    for name in TABLE:
        assert name in (caught.value.expected or "")
    assert caught.value.received


@pytest.mark.parametrize("spec", ["-*", "hmac-ripemd160", "hmac-ripemd160,*-cert-v01@openssh.com"])
def test_a_list_that_ends_up_empty_is_refused(spec: str) -> None:
    with pytest.raises(ConfigError, match="no cipher is left") as caught:
        pick(TABLE, spec, DEFAULT, "cipher")
    assert "a-cbc" in (caught.value.expected or "")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("hmac-ripemd160,a-ctr", ("a-ctr",)),
        ("a-ctr,hmac-ripemd160-etm@openssh.com", ("a-ctr",)),
        ("+gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==,a-cbc", (*DEFAULT, "a-cbc")),
        ("^webauthn-sk-ecdsa-sha2-nistp256@openssh.com", DEFAULT),
        ("+ssh-ed448-cert-v01@openssh.com,arc4", (*DEFAULT, "arc4")),
        ("+sk-*", DEFAULT),
        ("-ssh-xmss@openssh.com,a-ctr", ("b-ctr", "c-gcm")),
    ],
)
def test_what_only_openssh_knows_is_left_out(spec: str, expected: tuple[str, ...]) -> None:
    assert pick(TABLE, spec, DEFAULT) == expected


def test_everything_this_machines_openssh_knows_can_stand_in_a_list() -> None:
    ssh = require_tool("ssh", "openssh-client")
    tables: dict[str, Mapping[str, Graded]] = {
        "kex": EXCHANGES,
        "cipher": CIPHERS,
        "mac": MACS,
        "HostKeyAlgorithms": SIGNATURE_ALGORITHMS,
    }
    for query, table in tables.items():
        answer = subprocess.run([ssh, "-Q", query], capture_output=True, text=True, check=True)
        known = answer.stdout.split()
        assert pick(table, known, ()) == tuple(name for name in known if name in table)
        if query in ("kex", "cipher", "mac"):
            assert set(known) <= set(table), "and we can do them all"
