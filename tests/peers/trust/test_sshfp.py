"""VerifyHostKeyDNS with real signed zones: name servers that are right, wrong, silent, and full of nonsense."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.client import connect
from jupyter_ssh.ssh.config.resolver_address import ResolverAddress
from jupyter_ssh.ssh.keys import PublicKey, generate, load_public_key
from jupyter_ssh.ssh.net import dnssec, sshfp
from jupyter_ssh.ssh.trust.sshfp import DnsFinding, Match
from tests.peers.client_support import Person
from tests.support.fixtures import watch
from tests.support.network.name_servers import World
from tests.support.peers import require_tool
from tests.support.processes import HOST
from tests.support.servers import start_openssh

SHORT = 0.3
"""Seconds for what never answers."""


class Dns:
    """The servers of this module and the key that their records are about."""

    def __init__(self, folder: Path, key: PublicKey) -> None:
        self.world, self.key = World(folder, key, generate("ecdsa").public), key
        self.nsd = self.world.serve()
        self.anchors = str(self.world.anchors)

    def resolver(self, port: int, *, trusted: bool = False) -> ResolverAddress:
        return ResolverAddress(HOST, port, trusted)

    async def ask(self, name: str, **more: Any) -> DnsFinding:
        return await sshfp.look_up(name, [self.resolver(self.nsd.port)], self.anchors, **more)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    started = start_openssh(tmp_path_factory.mktemp("sshd"), host_key_types=["ed25519"])
    yield watch(request.node, started)
    started.stop()


@pytest.fixture(scope="module")
def world(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    key = load_public_key(server.host_key_paths["ed25519"].with_suffix(".pub"))[0]
    started = Dns(tmp_path_factory.mktemp("dns"), key)
    yield started
    started.nsd.stop()


@pytest.fixture(scope="module")
def unbound(world: Dns) -> Iterator[int]:
    started = world.world.resolve(world.nsd)
    yield started.port
    started.stop()


NOT_SIGNED = "it is not signed"


@pytest.mark.parametrize(
    ("name", "match", "doubt"),
    [
        ("good", Match.MATCH, None),
        ("GOOD", Match.MATCH, None),
        ("sha1", Match.MATCH, None),
        ("far", Match.MATCH, None),
        ("wrong", Match.MISMATCH, None),
        ("both", Match.MISMATCH, None),
        ("othertype", Match.OTHER_TYPES, None),
        ("x.wild", Match.MATCH, "it was expanded from a wildcard"),
        ("outside", Match.MATCH, NOT_SIGNED),
        ("plain", Match.MATCH, NOT_SIGNED),
        ("wrong.plain", Match.MISMATCH, NOT_SIGNED),
        ("stripped", Match.MATCH, NOT_SIGNED),
        ("bogus", Match.MISMATCH, "the signature of the zone bogus.test. is INVALID"),
        ("expired", Match.MATCH, "the signature of the zone expired.test. has expired"),
        ("stranger", Match.MATCH, "the keys of the zone stranger.test. are not those that its parent vouches for"),
        ("missing", Match.NONE, None),
        ("nothing", Match.NONE, None),
        ("loop", Match.NONE, "there are too many aliases"),
    ],
)
async def test_we_validate(name: str, match: Match, doubt: str | None, world: Dns) -> None:
    finding = await world.ask(f"{name}.test")
    assert finding.match(world.key) is match
    assert finding.doubt == doubt
    assert finding.validated_by == ("DNSSEC" if doubt is None and match is not Match.NONE else None)


@pytest.mark.parametrize(
    ("name", "match", "validated"),
    [
        ("good", Match.MATCH, True),
        ("wrong", Match.MISMATCH, True),
        ("x.wild", Match.MATCH, True),
        ("plain", Match.MATCH, False),
        ("outside", Match.MATCH, False),
        ("bogus", Match.NONE, False),
    ],
)
async def test_a_resolver_validates(name: str, match: Match, validated: bool, world: Dns, unbound: int) -> None:
    trusted = await sshfp.look_up(f"{name}.test", [world.resolver(unbound, trusted=True)], world.anchors)
    assert trusted.match(world.key) is match
    assert trusted.validated_by == (f"the name server {HOST}@{unbound}" if validated else None)
    if name == "bogus":
        assert trusted.doubt is not None
        assert "SERVFAIL" in trusted.doubt
    # Who is not trusted may say what they like: the root's own keys are not those of this world.
    finding = await sshfp.look_up(f"{name}.test", [world.resolver(unbound)])
    assert finding.validated_by is None
    ours = await sshfp.look_up(f"{name}.test", [world.resolver(unbound)], world.anchors)
    assert ours.validated_by == ("DNSSEC" if validated and name != "x.wild" else None)


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        (None, "cannot be read: No such file"),
        ("", "no DS or DNSKEY records"),
        ("\0\xff", "cannot be read: 'utf-8'"),
        ("one two three", "not a file of trust anchors"),
        ("other.test. IN DS 1 13 2 00\n", "not a file of trust anchors"),
        (f"other.test. IN DS 1 13 2 {'00' * 32}\n", "there is no trust anchor for test."),
        (f". IN DS 1 13 2 {'00' * 32}\n", "the keys of the zone . are not those that its parent vouches for"),
        (dnssec.ROOT_ANCHORS, "the keys of the zone . are not those that its parent vouches for"),
    ],
)
async def test_trust_anchors(content: str | None, doubt: str, world: Dns, tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    finding = await sshfp.look_up("good.test", [world.resolver(world.nsd.port)], str(path))
    assert finding.match(world.key) is Match.MATCH
    assert finding.validated_by is None
    assert finding.doubt is not None
    assert doubt in finding.doubt


async def test_an_anchor_below_the_root(world: Dns, tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    key = next(world.world.folder.glob("Ktest.*.key")).read_text()
    path.write_text(f"; the zone's own key\n{key}")
    finding = await sshfp.look_up("good.test", [world.resolver(world.nsd.port)], str(path))
    assert finding.vouches_for(world.key)


# --- servers that do not play along -----------------------------------------------------------------------------------

Answer = Callable[[bytes], "list[bytes]"]


class Liar(asyncio.DatagramProtocol):
    """A name server that answers with anything."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.questions = 0
        self.answered = True

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.questions += 1
        self.answered = False
        for each in self.answer(data):
            self.transport.sendto(each, address)
        self.answered = True


async def ask_liar(answer: Answer, *, seconds: float = SHORT, trusted: bool = False) -> tuple[DnsFinding, Liar]:
    loop = asyncio.get_running_loop()
    transport, liar = await loop.create_datagram_endpoint(lambda: Liar(answer), local_addr=(HOST, 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        finding = await sshfp.look_up("good.test", [ResolverAddress(HOST, port, trusted)], seconds=seconds)
        assert liar.answered
        return finding, liar
    finally:
        transport.close()


def reply(query: bytes, *lines: str, flags: int = 0, name: str = "good.test.") -> dns.message.Message:
    message = dns.message.make_response(dns.message.from_wire(query))
    message.flags |= flags
    for line in lines:
        rdtype, _, rdata = line.partition(" ")
        message.answer.append(dns.rrset.from_text(name, 60, "IN", rdtype, rdata))
    return message


RECORD = f"SSHFP 4 2 {'ab' * 32}"


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: [],
        lambda query: [b""],
        # Two in a thousand random answers would ask for TCP, so these are always the same.
        lambda query: [Random(1).randbytes(40), query[:2] + Random(2).randbytes(300)],
        lambda query: [query],  # a question is no answer
        lambda query: [bytes([query[0] ^ 1]) + reply(query, RECORD).to_wire()[1:]],  # for another question
        lambda query: [reply(query, RECORD).to_wire()[:-9]],
    ],
    ids=["silence", "nothing", "noise", "the question", "another id", "cut off"],
)
async def test_no_answer_of_use(answer: Answer) -> None:
    finding, liar = await ask_liar(answer)
    assert finding == DnsFinding(doubt=f"no answer within {SHORT:g} s")
    assert liar.questions <= 1


async def test_a_good_answer_among_the_noise() -> None:
    finding, _ = await ask_liar(lambda query: [b"\0", os.urandom(99), reply(query, RECORD).to_wire()], seconds=10)
    assert len(finding.records) == 1
    assert finding.doubt == NOT_SIGNED


async def test_the_ad_flag_counts_from_a_trusted_resolver_only() -> None:
    def answer(query: bytes) -> list[bytes]:
        return [reply(query, RECORD, flags=dns.flags.AD).to_wire()]

    assert (await ask_liar(answer, seconds=10))[0].validated_by is None
    assert (await ask_liar(answer, seconds=10, trusted=True))[0].validated_by is not None


async def test_records_of_another_name_are_not_looked_at() -> None:
    finding, _ = await ask_liar(
        lambda query: [reply(query, RECORD, flags=dns.flags.AD, name="bad.test.").to_wire()], seconds=10, trusted=True
    )
    assert finding == DnsFinding()


async def test_questions_without_end() -> None:
    count = iter(range(1000))
    finding, liar = await ask_liar(lambda query: [reply_alias(query, next(count))], seconds=10)
    assert finding.doubt == "there are too many aliases"
    assert liar.questions <= sshfp.MAX_ALIASES + 1
    finding, liar = await ask_liar(deeper, seconds=10)
    assert finding.doubt == "it takes too many queries"
    assert liar.questions <= sshfp.MAX_QUESTIONS + 1


async def test_signatures_without_end(world: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnssec, "MAX_VERIFICATIONS", 3)
    assert (await world.ask("good.test")).doubt == "it has too many signatures"
    monkeypatch.setattr(dnssec, "MAX_VERIFICATIONS", 4)
    assert (await world.ask("good.test")).doubt is None


def reply_alias(query: bytes, number: int) -> bytes:
    name = dns.message.from_wire(query).question[0].name.to_text()
    return reply(query, f"CNAME a{number}.test.", name=name).to_wire()


def deeper(query: bytes) -> list[bytes]:
    """Whatever is asked for is signed by the zone above, or what claims to be it."""
    return [query[:2] + _deeper(b"\0\0" + query[2:])[2:]]


@functools.cache
def _deeper(query: bytes) -> bytes:
    question = dns.message.from_wire(query).question[0]
    name, rdtype = question.name.to_text(), question.rdtype.name
    rdata = {"DS": f"1 13 2 {'00' * 32}", "DNSKEY": "257 3 13 AAAA", "SSHFP": RECORD.partition(" ")[2]}[rdtype]
    above = question.name if rdtype == "SSHFP" or len(question.name.labels) == 1 else question.name.parent()
    labels = len(question.name.labels) - 1
    signatures = [
        f"RRSIG {rdtype} 13 {labels} 60 20400101000000 20200101000000 {tag} {above} AAAA" for tag in range(40)
    ]
    return reply(query, f"{rdtype} {rdata}", *signatures, name=name).to_wire(max_size=65535)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_change_of_an_answer_is_harmless(data: st.DataObject) -> None:
    changes = data.draw(
        st.lists(st.tuples(st.integers(2, 200), st.binary(min_size=1, max_size=3)), min_size=1, max_size=4)
    )

    def answer(query: bytes) -> list[bytes]:
        wire = bytearray(deeper(query)[0])
        for at, with_what in changes:
            wire[at : at + len(with_what)] = with_what
        return [bytes(wire)]

    finding, _ = asyncio.run(ask_liar(answer, seconds=0.03))
    assert finding.validated_by is None


async def test_no_server_at_all() -> None:
    assert (await sshfp.look_up("good.test", [])).doubt == "no name server is configured"
    assert (await sshfp.look_up("good.test", [ResolverAddress(HOST, 1)], seconds=SHORT)).doubt


async def test_the_next_server_is_asked(world: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sshfp, "TRY_SECONDS", 1.0)
    servers = [ResolverAddress(HOST, 1), world.resolver(world.nsd.port)]
    assert (await sshfp.look_up("good.test", servers, world.anchors)).vouches_for(world.key)


@pytest.mark.parametrize("host", ["..", "a..b", "x" * 64 + ".test", "a." * 200])
async def test_names_that_are_none(host: str, world: Dns) -> None:
    assert (await world.ask(host)).doubt


@pytest.mark.parametrize(
    ("text", "environment", "found"),
    [
        ("nameserver 127.0.0.1\n", {}, [("127.0.0.1", False)]),
        ("nameserver 127.0.0.1\noptions edns0 trust-ad\n", {}, [("127.0.0.1", True)]),
        ("# options trust-ad\nnameserver ::1\nnameserver nonsense\n", {}, [("::1", False)]),
        ("nameserver 192.0.2.1\n" * 9, {"RES_OPTIONS": "trust-ad"}, [("192.0.2.1", True)] * 3),
        ("what is this", {}, []),
        (None, {}, []),
    ],
)
def test_resolv_conf(
    text: str | None, environment: dict[str, str], found: list[tuple[str, bool]], tmp_path: Path
) -> None:
    path = tmp_path / "resolv.conf"
    if text is not None:
        path.write_text(text)
    servers = sshfp.system_resolvers(environment, path)
    assert [(server.address, server.trusted) for server in servers] == found


# --- whole connections ------------------------------------------------------------------------------------------------


def settings_for(name: str, server: Any, world: Dns, known: Path) -> dict[str, Any]:
    """A connection to the server by a name that only this DNS knows."""
    return {
        "user": server.user,
        "identity_file": server.client_key,
        "config": "none",
        "known_hosts": known,
        "proxy_command": f"{require_tool('nc', 'netcat-openbsd')} {server.host} {server.port}",
        "verify_host_key_dns": "yes",
        "dns_resolver": f"{HOST}@{world.nsd.port}",
        "dns_trust_anchors": world.anchors,
        "connect_timeout": 20,
    }


async def test_a_connection_that_dns_vouches_for(server: Any, world: Dns, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    options = settings_for("good", server, world, known)
    async with connect("good.test", strict_host_key_checking="yes", **options) as connection:
        assert connection.info.host_key_dns == "matches, validated by DNSSEC"
        assert "Matching host key fingerprint found in DNS, validated by DNSSEC." in connection.messages
    assert not known.exists()
    person = Person(host_key=True)
    async with connect("plain.test", prompts=person, **options) as connection:
        assert connection.info.host_key_dns == "matches, not validated"
    assert "found in DNS, but not validated (it is not signed)" in person.questions[0].text()
    with pytest.raises(errors.HostKeyUnknown):
        await connect("bogus.test", prompts=Person(), **options)


async def test_a_silent_name_server_holds_nothing_up_for_long(
    server: Any, world: Dns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sshfp, "LOOKUP_SECONDS", SHORT)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Liar(lambda query: []), local_addr=(HOST, 0))
    options = settings_for("good", server, world, tmp_path / "known_hosts")
    options["dns_resolver"] = f"{HOST}@{transport.get_extra_info('sockname')[1]}"
    person = Person(host_key=True)
    async with connect("good.test", prompts=person, **options):
        pass
    transport.close()
    assert "No matching host key fingerprint found in DNS: no answer within 0.3 s" in person.questions[0].text()


def test_who_does_not_ask_imports_no_dns() -> None:
    code = "import sys, jupyter_ssh.ssh.client; print([name for name in sys.modules if name[:4] == 'dns.'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


def test_the_command_says_what_dns_says(server: Any, world: Dns, tmp_path: Path) -> None:
    options = settings_for("good", server, world, tmp_path / "known_hosts")
    words = {
        "UserKnownHostsFile": options["known_hosts"],
        "ProxyCommand": options["proxy_command"],
        "DNSResolver": options["dns_resolver"],
        "DNSTrustAnchors": options["dns_trust_anchors"],
        "VerifyHostKeyDNS": "yes",
        "BatchMode": "yes",
    }
    argv = [sys.executable, "-m", "jupyter_ssh.commands", "ssh", "-F", "none", "-i", str(server.client_key)]
    for name, value in words.items():
        argv += ["-o", f"{name}={value}"]
    done = subprocess.run([*argv, f"{server.user}@good.test", "echo", "in"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "in\n", done.stderr
    assert "Matching host key fingerprint found in DNS, validated by DNSSEC." in done.stderr
