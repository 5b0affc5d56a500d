"""What others say of host keys: name servers (SSHFP records with their DNSSEC chain) and servers after the login."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import pytest

from jupyter_ssh.ssh.config.resolver_address import ResolverAddress
from jupyter_ssh.ssh.errors import ProtocolError, SignatureError
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from jupyter_ssh.ssh.net import dnssec, sshfp
from jupyter_ssh.ssh.trust import rotation
from jupyter_ssh.ssh.trust.sshfp import ALGORITHMS, DnsFinding, SshfpRecord, digest
from tests.fuzz.target import Target
from tests.support.made_keys import key_of
from tests.support.network.signed_zones import Zone

HOST = "good.test."
SESSION = bytes(32)


# --- name servers -----------------------------------------------------------------------------------------------------


@functools.cache
def world() -> tuple[Zone, Zone, SshfpRecord]:
    """The root, the zone below it, and its one record."""
    key = key_of("ssh-ed25519").public
    return Zone("."), Zone("test."), SshfpRecord(ALGORITHMS["ed25519"], 2, digest(key, 2))


# Not `sshfp.look_up` with a name server: what a packet says is to be fuzzed, not the way that it takes.
class Replayed(sshfp._Lookup):
    """A look-up that is told the same answers whatever it asks."""

    answers: Iterator[bytes] = iter(())

    async def _ask(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> sshfp._Reply:  # as the original
        try:
            message = dns.message.from_wire(next(self.answers))
        except (StopIteration, dns.exception.DNSException, ValueError) as error:
            raise sshfp.NoAnswer(type(error).__name__) from None
        # Where it came from decides what an AD bit is worth: here nothing.
        return sshfp._Reply(message, ResolverAddress("127.0.0.1"))


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def name_server(data: bytes) -> None:
    """Answers, each behind two bytes of length: nothing is validated but what the zone has signed."""
    root, _, record = world()
    pieces, position = [], 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        pieces.append(data[position + 2 : position + 2 + size])
        position += 2 + size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sshfp, "_Lookup", Replayed)  # `look_up` makes one
        patch.setattr(Replayed, "answers", iter(pieces))
        patch.setattr(dnssec, "root_anchors", lambda: {root.name: [root.ds]})
        finding: DnsFinding = _loop().run_until_complete(sshfp.look_up(HOST, []))
    assert len(finding.records) <= sshfp.MAX_RECORDS
    assert finding.text(key_of("ssh-ed25519").public).isprintable()
    if finding.validated_by is not None:
        assert finding.records == (record,)
    else:
        assert finding.doubt is None or not finding.doubt.startswith("the answer is unusable"), finding.doubt


def name_server_seeds() -> Iterator[bytes]:
    """A chain from the root, and one with an alias."""
    root, zone, record = world()
    chain = [
        zone.answer(HOST, "SSHFP", str(record)),
        root.answer("test.", "DS", zone.ds.to_text()),
        root.answer(".", "DNSKEY", root.key.to_text()),
        zone.answer("test.", "DNSKEY", zone.key.to_text()),
    ]
    alias = [zone.answer(HOST, "CNAME", "far.test."), zone.answer("far.test.", "SSHFP", str(record)), *chain[1:]]
    for answers in (chain, alias):
        yield b"".join(len(each).to_bytes(2, "big") + each for each in answers)


# --- host keys that are told after the login --------------------------------------------------------------------------

KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")


def announcement(data: bytes) -> None:
    """Host keys that a server tells of."""
    try:
        keys = rotation.decode_announcement(data, SIGNATURE_ALGORITHMS)
    except ProtocolError:
        return
    assert len({key.blob for key in keys}) == len(keys) <= rotation.MAX_KEYS


def announcement_seeds() -> Iterator[bytes]:
    """Those of a server with keys of each kind."""
    yield rotation.encode_keys(key_of(name).public for name in KEYS)


def proof(data: bytes) -> None:
    """A server's proof of two keys, which these bytes are only if the server made them."""
    keys = [key_of(name).public for name in KEYS[:2]]
    try:
        rotation.check_proof(data, SESSION, keys)
    except SignatureError:
        return
    assert data.startswith(_ed25519_proof())


@functools.cache
def _ed25519_proof() -> bytes:
    key = key_of(KEYS[0])
    return rotation.prove(rotation.encode_keys([key.public]), SESSION, [key], "")


def proof_seeds() -> Iterator[bytes]:
    """The right one."""
    keys = [key_of(name) for name in KEYS[:2]]
    yield rotation.prove(rotation.encode_keys(key.public for key in keys), SESSION, keys, "")


NAME_WORDS = (b"\x04good\x04test\0", b"\x04test\0", b"\0\x2c\0\x01", b"\0\x30\0\x01", b"\0\x2e\0\x01", b"\xc0\x0c")
KEY_WORDS = tuple(name.encode() for name in KEYS)
TARGETS = [
    Target("name-server", name_server, name_server_seeds, 4000, NAME_WORDS),
    Target("host-keys", announcement, announcement_seeds, 3000, KEY_WORDS),
    Target("host-key-proof", proof, proof_seeds, 1000, KEY_WORDS),
]
