"""Sealing and opening packets: what goes in comes out, and nothing else does (RFC 4253 §6)."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.crypto.packet_protection.framing import MAX_PACKET
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener
from jupyter_ssh.ssh.errors import PacketError, PacketIntegrityError
from tests.unit.crypto.reference import ALL, PROTECTED, Protection, chacha20_block, ids, poly1305

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 15, 16, 17, 31, 32, 33, 63, 64, 255, 256, 1000, 32768, 35000, 262100]


def opened(opener: Opener, packet: bytes | bytearray | memoryview) -> bytes | None:
    return opener.open(memoryview(packet), 0, len(packet))


def payload_of(body: bytes | None) -> bytes:
    assert body is not None
    return body[1 : len(body) - body[0]]


# --- what goes in comes out -------------------------------------------------------------------------------------------


def test_round_trip_of_many_packets_in_one_buffer(protection: Protection) -> None:
    sealer, opener = protection.sealer(7), protection.opener(7)
    payloads = [os.urandom(size) for size in SIZES]
    buffer = memoryview(bytearray(b"rest" + b"".join(map(sealer.seal, payloads)) + b"next"))
    at, end = 4, len(buffer) - 4
    for payload in payloads:
        body = opener.open(buffer, at, end)
        assert payload_of(body) == payload
        assert body is not None
        at += len(body) + opener.overhead
    assert at == end
    assert opener.overhead == 4 + protection.tag_size
    assert sealer.sequence == opener.sequence == 7 + len(payloads)


@pytest.mark.parametrize("size", [1, 6, 11, 12, 27, 60, 300])
def test_a_packet_in_two_parts_is_opened_when_whole(protection: Protection, size: int) -> None:
    sealer, opener = protection.sealer(), protection.opener()
    for split in range(len(protection.sealer().seal(bytes(size)))):
        payload = os.urandom(size)
        packet = sealer.seal(payload)
        assert opener.open(memoryview(bytearray(packet)), 0, split) is None
        # The rest comes into another place of another buffer: the receive buffer was trimmed in between.
        body = opener.open(memoryview(bytearray(b"older" + packet + b"newer")), 5, 5 + len(packet))
        assert payload_of(body) == payload


def test_a_packet_byte_by_byte(protection: Protection) -> None:
    sealer, opener = protection.sealer(), protection.opener()
    for payload in (b"\x02", os.urandom(100), b"\x5e"):
        packet = memoryview(sealer.seal(payload))
        assert [opener.open(packet, 0, end) for end in range(len(packet))] == [None] * len(packet)
        assert payload_of(opener.open(packet, 0, len(packet))) == payload


def test_bytes_beyond_the_end_are_not_looked_at(protection: Protection) -> None:
    packet = protection.sealer().seal(os.urandom(64))
    opener = protection.opener()
    for end in range(len(packet)):
        garbage = bytearray(packet[:end] + b"\xff" * (len(packet) - end))
        assert opener.open(memoryview(garbage), 0, end) is None
    assert opened(opener, packet) is not None


def test_the_buffer_is_free_again_after_open(protection: Protection) -> None:
    opener = protection.opener()
    buffer = bytearray(protection.sealer().seal(os.urandom(64)))
    for end in (3, 20, len(buffer)):
        with memoryview(buffer) as view:
            opener.open(view, 0, end)
    buffer += b"a bytearray that is still looked at would refuse to grow"


def test_sealing_is_what_the_specifications_say(protection: Protection) -> None:
    if protection.cipher is None:
        sealed = protection.sealer(random=lambda size: bytes(range(size))).seal(b"payload")
        assert sealed == bytes((0, 0, 0, 12, 4)) + b"payload" + bytes((0, 1, 2, 3))
        return
    sealer, opener = protection.sealer(41), protection.opener(41)
    encrypted = 0
    for number, size in enumerate((1, 50, 200)):
        packet = sealer.seal(os.urandom(size))
        body = opened(opener, packet)
        assert body is not None
        earlier = number if protection.mac is None else encrypted
        assert protection.packet(len(body), body, 41 + number, earlier) == packet
        encrypted += len(body) + protection.counted


# --- sequence numbers and counters ------------------------------------------------------------------------------------


def test_sequence_numbers_wrap(protection: Protection) -> None:
    sealer, opener = protection.sealer(0xFFFFFFFE), protection.opener(0xFFFFFFFE)
    expected = [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]
    seen = []
    for number, sequence in enumerate(expected):
        seen.append((sealer.sequence, opener.sequence))
        packet = sealer.seal(b"12345678901")
        body = opened(opener, packet)
        assert body is not None
        earlier = number if protection.mac is None else number * (len(body) + protection.counted)
        assert protection.packet(len(body), body, sequence, earlier) == packet
    assert seen == [(sequence, sequence) for sequence in expected]


@pytest.mark.parametrize("pair", [pair for pair in PROTECTED if "gcm" not in pair[0]], ids=ids)
def test_a_packet_of_another_number_is_refused(pair: tuple[str, str | None]) -> None:
    protection = Protection.draw(*pair)
    packet = protection.sealer(5).seal(os.urandom(50)) + bytes(MAX_PACKET + 100)
    with pytest.raises(PacketError):
        opened(protection.opener(6), packet)


@pytest.mark.parametrize("opened_before", [1, 0], ids=["repeated", "left out"])
def test_a_packet_repeated_or_left_out_is_refused(protected: Protection, opened_before: int) -> None:
    sealer, opener = protected.sealer(), protected.opener()
    packets = [sealer.seal(os.urandom(50)) for _ in range(2)]
    for packet in packets[:opened_before]:
        assert opened(opener, packet) is not None
    with pytest.raises(PacketError):
        opened(opener, packets[1 - opened_before] + bytes(MAX_PACKET + 100))


@pytest.mark.parametrize("cipher", ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"])
def test_the_gcm_counter_wraps_without_touching_the_fixed_field(cipher: str) -> None:
    drawn = Protection.draw(cipher)
    iv = b"\xff\xff\xff\xff" + b"\xff" * 8
    wrapping = Protection(cipher, None, drawn.key, iv)
    after = Protection(cipher, None, drawn.key, b"\xff\xff\xff\xff" + bytes(8))
    sealer, opener = wrapping.sealer(3), wrapping.opener(3)
    assert payload_of(opened(opener, sealer.seal(b"last"))) == b"last"
    packet = sealer.seal(b"first")
    assert payload_of(opened(opener, packet)) == b"first"
    assert payload_of(opened(after.opener(), packet)) == b"first"
    assert sealer.sequence == opener.sequence == 5


# --- altered packets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_every_altered_byte_is_noticed(protected: Protection, flip: int) -> None:
    packet = protected.sealer().seal(os.urandom(40))
    for position in range(len(packet)):
        altered = bytearray(packet)
        altered[position] ^= flip
        # An altered length may be a possible one: then it needs as many bytes as it says to be noticed.
        error = PacketError if position < 4 else PacketIntegrityError
        with pytest.raises(error) as caught:
            opened(protected.opener(), altered + bytes(MAX_PACKET + 100))
        assert caught.value.phase == "binary packet"
        assert caught.value.reason == (5 if isinstance(caught.value, PacketIntegrityError) else 2)


def test_a_wrong_tag_does_not_count_as_a_packet(protected: Protection) -> None:
    packet = bytearray(protected.sealer(9).seal(os.urandom(40)))
    packet[-1] ^= 1
    opener = protected.opener(9)
    with pytest.raises(PacketIntegrityError, match="packet 9 "):
        opened(opener, packet)
    assert opener.sequence == 9


def test_another_key_opens_nothing(protected: Protection) -> None:
    packet = protected.sealer().seal(os.urandom(40)) + bytes(MAX_PACKET + 100)
    with pytest.raises(PacketError):
        opened(Protection.draw(protected.cipher, protected.mac).opener(), packet)


# --- lengths and paddings ---------------------------------------------------------------------------------------------


def test_the_limit_is_openssh_s_packet_max_size() -> None:
    assert MAX_PACKET == 262144


def wrong_lengths(protection: Protection) -> list[int]:
    counted, alignment = protection.counted, protection.alignment
    aligned_beyond = (MAX_PACKET + counted) // alignment * alignment + alignment - counted
    assert aligned_beyond > MAX_PACKET
    unaligned = [length for length in range(5, 70) if (length + counted) % alignment]
    return [0, 1, 4, MAX_PACKET - 1, MAX_PACKET + 1, aligned_beyond, 1 << 31, 0xFFFFFFFF, *unaligned]


def test_wrong_lengths_are_refused_before_any_more_bytes_are_there(protection: Protection) -> None:
    for length in wrong_lengths(protection):
        packet = protection.packet(length, bytes(1000))[: protection.length_known_after]
        with pytest.raises(PacketError, match=rf"got {length}\)") as caught:
            opened(protection.opener(), packet)
        assert not isinstance(caught.value, PacketIntegrityError)
        assert caught.value.expected


def test_a_wrong_length_is_refused_each_time(protection: Protection) -> None:
    packet = protection.packet(6, bytes(1000))
    opener = protection.opener()
    for end in (protection.length_known_after, len(packet)):
        with pytest.raises(PacketError):
            opener.open(memoryview(packet), 0, end)


def test_every_possible_length_is_waited_for(protection: Protection) -> None:
    smallest = 12 if protection.counted else protection.alignment
    for length in (smallest, smallest + protection.alignment, MAX_PACKET // 16 * 16 - protection.counted):
        assert length <= MAX_PACKET
        packet = protection.packet(length, bytes(100))[: protection.length_known_after]
        assert opened(protection.opener(), packet) is None


def test_the_longest_packet_passes(protection: Protection) -> None:
    length = MAX_PACKET // 16 * 16 - protection.counted
    payload = os.urandom(length - 5)
    packet = protection.sealer().seal(payload)
    body = opened(protection.opener(), packet)
    assert body is not None
    assert len(body) == length
    assert payload_of(body) == payload
    with pytest.raises(PacketError):
        opened(protection.opener(), protection.sealer().seal(payload + b"x"))


def test_wrong_paddings_are_refused(protection: Protection) -> None:
    length = 48 - protection.counted
    for padding_length in (0, 1, 3, length - 1, length, 255):
        body = bytes((padding_length,)) + bytes(length - 1)
        with pytest.raises(PacketError, match=rf"padding.*got {padding_length}\)") as caught:
            opened(protection.opener(), protection.packet(length, body))
        assert not isinstance(caught.value, PacketIntegrityError)


def test_every_possible_padding_passes(protection: Protection) -> None:
    length = 288 - protection.counted
    for padding_length in (4, 5, 100, 254, 255):
        body = bytes((padding_length,)) + os.urandom(length - 1)
        assert opened(protection.opener(), protection.packet(length, body)) == body


def test_a_packet_without_a_payload_is_refused(protection: Protection) -> None:
    with pytest.raises(PacketError, match="padding"):
        opened(protection.opener(), protection.sealer().seal(b""))


@pytest.mark.parametrize("pair", ALL, ids=ids)
@given(size=st.integers(1, 3000))
def test_padding_follows_the_rules(pair: tuple[str | None, str | None], size: int) -> None:
    protection = Protection.draw(*pair)
    payload = os.urandom(size)
    packet = protection.sealer().seal(payload)
    body = opened(protection.opener(), packet)
    assert body is not None
    assert 4 <= body[0] < 4 + protection.alignment
    assert len(body) == 1 + size + body[0]
    assert (len(body) + protection.counted) % protection.alignment == 0
    assert len(packet) == 4 + len(body) + protection.tag_size
    assert payload_of(body) == payload


@given(size=st.integers(1, 600), pair=st.sampled_from(ALL))
def test_padding_is_random_and_drawn_once(size: int, pair: tuple[str | None, str | None]) -> None:
    protection = Protection.draw(*pair)
    asked: list[int] = []

    def source(count: int) -> bytes:
        asked.append(count)
        return random.Random(42).randbytes(count)

    sealer, opener = protection.sealer(random=source), protection.opener()
    bodies = [opened(opener, sealer.seal(bytes(size))) for _ in range(3)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0] is not None
    assert len(asked) == 1
    expected = random.Random(42).randbytes(asked[0])
    assert bodies[0].endswith(expected[: bodies[0][0]])


def test_a_seeded_source_gives_the_same_packets(protection: Protection) -> None:
    first, second = (protection.sealer(random=random.Random(7).randbytes) for _ in range(2))
    for payload in (b"one", b"two" * 100):
        assert first.seal(payload) == second.seal(payload)


@given(data=st.binary(min_size=0, max_size=200), pair=st.sampled_from(ALL))
def test_garbage_ends_in_a_packet_error_or_is_waited_for(data: bytes, pair: tuple[str | None, str | None]) -> None:
    protection = Protection.draw(*pair)
    try:
        body = opened(protection.opener(), data)
    except PacketError:
        return
    assert body is None or protection.cipher is None


# --- the reference itself ---------------------------------------------------------------------------------------------


def test_the_references_chacha20_is_rfc_8439s() -> None:
    # §2.3.2
    tail = bytes.fromhex("01000000 000000090000004a00000000")
    assert chacha20_block(bytes(range(32)), tail) == bytes.fromhex(
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


def test_the_references_poly1305_is_rfc_8439s() -> None:
    # §2.5.2
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    assert poly1305(key, b"Cryptographic Forum Research Group").hex() == "a8061dc1305136c6c22b8baf0c0127a9"
