"""Whatever the peer sends, nothing but a typed error comes of it: no other exception, no end without an error."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.wire import messages, requests
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire.codec import BOOLEAN, COOKIE, MPINT, NAME_LIST, REST, STRING, TEXT, UINT32, Message, Record
from tests.pair.puppet import Puppet
from tests.pair.scenario import Recording, Story, told_end
from tests.pair.soundness import assert_sound, finish

FEW = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@functools.cache
def recording(cipher: str) -> Recording:
    return Recording(cipher)


@pytest.mark.parametrize("role", Role)
@FEW
@given(st.lists(st.binary(max_size=600), max_size=5), st.booleans())
@example([b"SSH-2.0-x\r\n", bytes(100)], False)
@example([b"SSH-2.0-x\r\n\0\0\0\x0c\x0a\x14"], True)
def test_any_bytes(role: Role, pieces: list[bytes], greet: bool) -> None:
    end, _ = told_end(role, recording("gcm").settings(role))
    if greet:
        end.session.feed(b"SSH-2.0-Fuzz\r\n")
    for piece in pieces:
        end.session.feed(piece)
    finish(end)


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "delete", "insert", "double", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=3,
)


def mutated(data: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, value in mutations:
        position = int(where * len(data))
        before, after = data[:position], data[position:]
        if kind == "flip" and after:
            after = bytes([after[0] ^ (value[0] or 1)]) + after[1:]
        elif kind == "set":
            after = value + after[len(value) :]
        elif kind == "delete":
            after = after[len(value) :]
        elif kind == "insert":
            after = value + after
        elif kind == "double":
            after = after[:40] + after
        elif kind == "cut":
            after = b""
        data = before + after
    return data


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("cipher", ["gcm", "ctr-eam"])
@FEW
@given(MUTATIONS)
def test_a_valid_stream_that_was_altered(cipher: str, role: Role, mutations: list[tuple[str, float, bytes]]) -> None:
    tape = recording(cipher)
    data = mutated(tape.received[role], mutations)
    end, _ = told_end(role, tape.settings(role))
    for start in range(0, len(data), 700):
        end.session.feed(data[start : start + 700])
        end.session.data_to_send()
    finish(end)


# --- messages that are well sealed ------------------------------------------------------------------------------------

SMALL = st.sampled_from([0, 1, 2, 3, 5, 77, 1000, 32768, 0x7FFFFFFF, 0xFFFFFFFF])
NAMES = [
    "session",
    "direct-tcpip",
    "exec",
    "pty-req",
    "exit-status",
    "exit-signal",
    "password",
    "publickey",
    "none",
    "keyboard-interactive",
    "ssh-userauth",
    "ssh-connection",
    "alice",
    "ssh-ed25519",
    "",
]
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    BOOLEAN: st.booleans(),
    UINT32: SMALL,
    STRING: st.binary(max_size=60),
    TEXT: st.sampled_from(NAMES) | st.text(max_size=10),
    MPINT: st.integers(-(1 << 64), 1 << 64),
    NAME_LIST: st.lists(st.sampled_from(["a", "curve25519-sha256", "none"]), max_size=3).map(tuple),
    COOKIE: st.binary(min_size=16, max_size=16),
    REST: st.binary(max_size=60),
}


def kinds(module: Any) -> list[type[Record]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Record) and value not in (Record, Message)
    ]


def instances(kind: type[Record]) -> st.SearchStrategy[bytes]:
    return st.tuples(*[VALUES[field] for _, field in kind.fields()]).map(lambda values: kind(*values).encode())


WELL_FORMED = st.one_of([instances(kind) for kind in kinds(messages)])
WITH_BODY = st.builds(
    lambda name, reply, body: m.ChannelRequest(0, name, reply, body).encode(),
    st.sampled_from(["exec", "pty-req", "env", "exit-status", "exit-signal", "window-change"]),
    st.booleans(),
    st.one_of([instances(kind) for kind in kinds(requests)]) | st.binary(max_size=30),
)
PAYLOADS = (
    WELL_FORMED
    | WITH_BODY
    | st.binary(min_size=1, max_size=80)
    | st.builds(lambda data, mutations: mutated(data, mutations) or b"\0", WELL_FORMED, MUTATIONS)
)

PHASES = {
    "service": lambda puppet: puppet.to_service(),
    "authentication": lambda puppet: puppet.to_auth(),
    "connection": lambda puppet: puppet.to_open(),
    "channel": lambda puppet: with_channel(puppet.to_open()),
    "rekey": lambda puppet: in_rekey(puppet.to_open()),
}


def with_channel(puppet: Puppet) -> None:
    puppet.subject.known_requests = {"exec", "pty-req"}
    Story(puppet.subject)
    puppet.say(m.ChannelOpen("session", 77, 100, 32768))


def in_rekey(puppet: Puppet) -> None:
    puppet.subject.session.rekey()
    puppet.send_kexinit()


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("role", Role)
@FEW
@given(st.lists(PAYLOADS, min_size=1, max_size=6))
def test_any_messages(role: Role, phase: str, payloads: list[bytes]) -> None:
    puppet = Puppet(role, login=phase != "authentication" or role is Role.CLIENT)
    PHASES[phase](puppet)
    session = puppet.subject.session
    for payload in payloads:
        puppet.feed(puppet.seal(payload))
        session.data_to_send()
        assert_sound(puppet.subject)
        if session.failure is not None:
            break
    finish(puppet.subject)
