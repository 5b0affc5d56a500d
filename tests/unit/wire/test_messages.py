"""Every message and request body: to bytes and back, cut short at every byte, and longer than it is."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.wire import codec, messages, numbers, requests
from jupyter_ssh.ssh.wire.codec import Message, Record
from jupyter_ssh.ssh.wire.terminal_modes import OPCODES, decode_modes, encode_modes
from jupyter_ssh.ssh.wire.types import boolean, name_list, string, uint32
from tests.support.messages import ChannelExtendedData


def records(module: Any, base: type) -> list[type[Record]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value not in (base, Record, Message)
    ]


MESSAGES = records(messages, Message)
BODIES = records(requests, Record)

VALUES: dict[codec.FieldType, st.SearchStrategy[Any]] = {
    codec.BOOLEAN: st.booleans(),
    codec.UINT32: st.integers(0, 0xFFFFFFFF),
    codec.STRING: st.binary(max_size=40),
    codec.TEXT: st.text(max_size=20),
    codec.MPINT: st.integers(-(1 << 300), 1 << 300),
    codec.NAME_LIST: st.lists(st.sampled_from(["a", "b-c", "d@example.com"]), max_size=4).map(tuple),
    codec.COOKIE: st.binary(min_size=16, max_size=16),
    codec.REST: st.binary(max_size=40),
}


def ids(kinds: list[type[Record]]) -> list[str]:
    return [kind.__name__ for kind in kinds]


@pytest.mark.parametrize("kind", MESSAGES + BODIES, ids=ids(MESSAGES + BODIES))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_records_come_back(kind: type[Record], data: st.DataObject) -> None:
    record = kind(*[data.draw(VALUES[field]) for _, field in kind.fields()])
    encoded = record.encode()
    offset = 0
    if isinstance(record, Message):
        assert encoded[0] == record.number
        offset = 1
    assert kind.decode(encoded, offset) == record
    assert kind.decode(memoryview(b"xx" + encoded + b"yyy"), offset + 2, len(encoded) + 2) == record
    takes_rest = bool(kind.fields()) and kind.fields()[-1][1] is codec.REST
    if not takes_rest:
        with pytest.raises(WireError):
            kind.decode(encoded + b"\0", offset)
    fixed = len(encoded) - (len(getattr(record, kind.fields()[-1][0])) if takes_rest else 0)
    for end in range(offset, fixed):
        with pytest.raises(WireError) as caught:
            kind.decode(encoded, offset, end)
        assert kind.title() in str(caught.value)


def test_every_field_is_known() -> None:
    assert len(MESSAGES) >= 35
    assert len(BODIES) >= 10
    for kind in MESSAGES + BODIES:
        assert [name for name, _ in kind.fields()] == [field.name for field in dataclasses.fields(kind)]
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)


def test_numbers_have_names() -> None:
    for kind in MESSAGES:
        assert kind.number in numbers.NAMES
    assert numbers.message_name(20) == "SSH_MSG_KEXINIT (20)"
    assert numbers.message_name(255) == "unassigned message (255)"
    assert len({kind.number for kind in MESSAGES if not 30 <= kind.number <= 79}) == len(
        [kind for kind in MESSAGES if not 30 <= kind.number <= 79]
    )


# Bytes written out by hand from the RFCs, so that a wrong order of fields does not pass because both ways have it.
BY_HAND: list[tuple[Record, bytes]] = [
    (messages.Disconnect(2, "bye", "en"), b"\x01" + uint32(2) + string("bye") + string("en")),
    (messages.Debug(True, "text", ""), b"\x04" + boolean(True) + string("text") + string("")),
    (messages.ServiceRequest("ssh-userauth"), b"\x05\0\0\0\x0cssh-userauth"),
    (
        messages.KexInit(bytes(16), *[(f"n{number}",) for number in range(8)], b"n8", b"n9", True, 0),
        b"\x14" + bytes(16) + b"".join(name_list([f"n{number}"]) for number in range(10)) + b"\1" + uint32(0),
    ),
    (messages.KexEcdhReply(b"K", b"Q", b"S"), b"\x1f" + string("K") + string("Q") + string("S")),
    (
        messages.UserauthRequest("u", "s", "m", b"rest"),
        b"\x32" + string("u") + string("s") + string("m") + b"rest",
    ),
    (messages.UserauthFailure(("a", "b"), True), b"\x33" + name_list(["a", "b"]) + b"\1"),
    (
        messages.UserauthInfoRequest("n", "i", "l", 1, string("p") + b"\0"),
        b"\x3c" + string("n") + string("i") + string("l") + uint32(1) + string("p") + b"\0",
    ),
    (
        messages.ChannelOpen("session", 1, 2, 3, b"d"),
        b"\x5a" + string("session") + uint32(1) + uint32(2) + uint32(3) + b"d",
    ),
    (
        messages.ChannelOpenConfirmation(1, 2, 3, 4, b"d"),
        b"\x5b" + uint32(1) + uint32(2) + uint32(3) + uint32(4) + b"d",
    ),
    (messages.ChannelOpenFailure(1, 2, "d", "l"), b"\x5c" + uint32(1) + uint32(2) + string("d") + string("l")),
    (ChannelExtendedData(1, 2, b"d"), b"\x5f" + uint32(1) + uint32(2) + string("d")),
    (messages.ChannelRequest(1, "n", True, b"d"), b"\x62" + uint32(1) + string("n") + b"\1d"),
    (messages.GlobalRequest("n", False, b"d"), b"\x50" + string("n") + b"\0d"),
    (
        requests.PtyRequest("xterm", 80, 24, 640, 480, b"m"),
        string("xterm") + uint32(80) + uint32(24) + uint32(640) + uint32(480) + string("m"),
    ),
    (requests.WindowChange(80, 24, 640, 480), uint32(80) + uint32(24) + uint32(640) + uint32(480)),
    (
        requests.ExitSignal("TERM", True, "m", "l"),
        string("TERM") + b"\1" + string("m") + string("l"),
    ),
    (
        requests.DirectTcpip("h", 1, "o", 2),
        string("h") + uint32(1) + string("o") + uint32(2),
    ),
]


@pytest.mark.parametrize(("record", "encoded"), BY_HAND, ids=[type(record).__name__ for record, _ in BY_HAND])
def test_bytes_written_by_hand(record: Record, encoded: bytes) -> None:
    assert record.encode() == encoded


# --- terminal modes, RFC 4254 §8 --------------------------------------------------------------------------------------


def test_modes_by_hand() -> None:
    assert encode_modes({"VINTR": 3, "ECHO": 1}) == b"\x01\0\0\0\x03\x35\0\0\0\x01\0"
    assert encode_modes({}) == b"\0"
    assert OPCODES["TTY_OP_OSPEED"] == 129
    assert OPCODES["IUTF8"] == 42


@given(st.dictionaries(st.sampled_from(sorted(OPCODES)), st.integers(0, 0xFFFFFFFF)))
def test_modes_come_back(modes: dict[str, int]) -> None:
    assert decode_modes(encode_modes(modes)) == modes
    assert decode_modes(encode_modes(modes)[:-1]) == modes  # some leave the end out


def test_modes_nobody_knows() -> None:
    unknown, known, undefined = b"\x7f\0\0\0\x01", b"\x35\0\0\0\x01", b"\xa0anything"
    assert decode_modes(unknown + known + undefined) == {"ECHO": 1}
    assert decode_modes(b"") == {}
    with pytest.raises(WireError):
        decode_modes(b"\x35\0\0\0")
    with pytest.raises(KeyError):
        encode_modes({"NO_SUCH_MODE": 1})


@given(st.binary(max_size=60))
def test_any_bytes_as_modes(data: bytes) -> None:
    try:
        modes = decode_modes(data)
    except WireError:
        return
    assert set(modes) <= set(OPCODES)


@pytest.mark.parametrize("kind", MESSAGES + BODIES, ids=ids(MESSAGES + BODIES))
@settings(max_examples=40)
@given(st.binary(max_size=120), st.integers(0, 20), st.integers(0, 130))
def test_any_bytes_as_a_record(kind: type[Record], data: bytes, start: int, end: int) -> None:
    try:
        record = kind.decode(data, min(start, len(data)), min(end, len(data)))
    except WireError:
        return
    offset = 1 if isinstance(record, Message) else 0
    assert kind.decode(record.encode(), offset) == record
