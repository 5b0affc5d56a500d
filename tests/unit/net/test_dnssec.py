"""Chains of signatures that are sound, and those that only look so."""

from __future__ import annotations

import time

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import pytest

from jupyter_ssh.ssh.net import dnssec
from tests.support.network.signed_zones import ENTRY, REVOKED, YEAR, ZONE, Zone

RECORD = f"4 2 {'ab' * 32}"
HOST = "good.test."
ROOT, TEST, EVIL = Zone("."), Zone("test."), Zone("evil.test.")


def world(**others: dns.message.Message) -> dict[str, dns.message.Message]:
    """Answers by what is asked for; those of ``others``, as ``ds_test``, are in the place of the sound ones."""
    sound = {
        "SSHFP good.test.": TEST.message(HOST, "SSHFP", RECORD),
        "DS test.": ROOT.message("test.", "DS", TEST.ds.to_text()),
        "DS evil.test.": TEST.message("evil.test.", "DS", EVIL.ds.to_text()),
        "DNSKEY .": ROOT.keys(),
        "DNSKEY test.": TEST.keys(),
        "DNSKEY evil.test.": EVIL.keys(),
    }
    named = {"sshfp": "SSHFP good.test.", "ds": "DS test.", "root": "DNSKEY .", "keys": "DNSKEY test."}
    return {**sound, **{named[name]: answer for name, answer in others.items()}}


async def prove(answers: dict[str, dns.message.Message], anchors: dnssec.Anchors | None = None) -> None:
    """Validates the host's record."""

    async def ask(name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.message.Message:
        return dns.message.from_wire(answers[f"{rdtype.name} {name}"].to_wire())

    chain = dnssec.Chain(ask, {ROOT.name: [ROOT.ds]} if anchors is None else anchors, time.time())
    message = dns.message.from_wire(answers["SSHFP good.test."].to_wire())
    await chain.prove(message, message.answer[0])


async def test_a_sound_chain() -> None:
    await prove(world())
    await prove(world(), {ROOT.name: [ROOT.key]})
    await prove(world(), {TEST.name: [TEST.ds]})


SECOND = Zone("test.")
WITHOUT_FLAG, OTHER_PROTOCOL = Zone("test.", ENTRY), Zone("test.", protocol=4)
REVOKED_KEY = Zone("test.", ZONE | ENTRY | REVOKED)


def through(zone: Zone) -> dict[str, dns.message.Message]:
    """All of test. signed with another key, for which the root vouches."""
    return world(
        sshfp=zone.message(HOST, "SSHFP", RECORD), ds=ROOT.message("test.", "DS", zone.ds.to_text()), keys=zone.keys()
    )


async def test_another_key_of_the_zone() -> None:
    await prove(world(sshfp=SECOND.message(HOST, "SSHFP", RECORD), keys=TEST.keys(SECOND)))
    await prove(through(SECOND))


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (world(sshfp=EVIL.message(HOST, "SSHFP", RECORD)), "evil.test. is not entitled to sign it"),
        (world(sshfp=EVIL.message(HOST, "SSHFP", RECORD, signer="test.")), "test. is INVALID"),
        (world(sshfp=SECOND.message(HOST, "SSHFP", RECORD)), "test. is INVALID"),
        (world(sshfp=SECOND.message(HOST, "SSHFP", RECORD), keys=SECOND.keys(TEST)), "test. is INVALID"),
        (world(ds=TEST.message("test.", "DS", TEST.ds.to_text())), "test. is not entitled to sign it"),
        (world(ds=EVIL.message("test.", "DS", TEST.ds.to_text())), "evil.test. is not entitled to sign it"),
        (world(ds=ROOT.message("test.", "DS", SECOND.ds.to_text())), "not those that its parent vouches for"),
        (world(ds=ROOT.message("test.", "TXT", "nothing")), "no parent of the zone test. vouches"),
        (
            world(root=SECOND.message(".", "DNSKEY", SECOND.key.to_text(), signer=".")),
            "not those that its parent vouches",
        ),
        (world(keys=TEST.message("test.", "TXT", "nothing")), "not those that its parent vouches for"),
        (world(sshfp=TEST.message(HOST, "SSHFP", RECORD, until=-9)), "test. has expired"),
        (world(sshfp=TEST.message(HOST, "SSHFP", RECORD, since=YEAR // 2)), "test. is not valid yet"),
        (world(keys=TEST.keys(until=-9)), "test. has expired"),
        (world(root=ROOT.keys(since=YEAR // 2)), "the zone . is not valid yet"),
        (through(WITHOUT_FLAG), "not those that its parent vouches for"),
        (through(OTHER_PROTOCOL), "not those that its parent vouches for"),
        (through(REVOKED_KEY), "not those that its parent vouches for"),
    ],
)
async def test_a_chain_that_is_none(answers: dict[str, dns.message.Message], why: str) -> None:
    with pytest.raises(dnssec.Unproven, match=why):
        await prove(answers)


async def test_no_way_to_an_anchor() -> None:
    with pytest.raises(dnssec.Unproven, match=r"no trust anchor for test\."):
        await prove(world(), {EVIL.name: [EVIL.ds]})
    with pytest.raises(dnssec.Unproven, match=r"no trust anchor for test\."):
        await prove(world(), {})


def test_the_anchors_that_are_built_in() -> None:
    (root,) = dnssec.root_anchors()
    assert root == dns.name.root
    assert [anchor.key_tag for anchor in dnssec.root_anchors()[root]] == [20326, 38696]
