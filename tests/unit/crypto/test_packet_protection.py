"""Sealing and opening packets: what goes in comes out, and nothing else does (RFC 4253 §6)."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.crypto.packet_protection.framing import MAX_PACKET
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener
from jupyter_ssh.ssh.crypto.packet_protection.umac import Umac
from jupyter_ssh.ssh.errors import PacketError, PacketIntegrityError
from jupyter_ssh.ssh.wire.types import uint64
from tests.unit.crypto.reference import ALL, PROTECTED, Protection, chacha20_block, ids, poly1305, umac

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
    before: list[bytes] = []
    for number, size in enumerate((1, 50, 200)):
        packet = sealer.seal(os.urandom(size))
        body = opened(opener, packet)
        assert body is not None
        assert protection.packet(len(body), body, 41 + number, before) == packet
        before.append(packet)


# --- sequence numbers and counters ------------------------------------------------------------------------------------


def test_sequence_numbers_wrap(protection: Protection) -> None:
    sealer, opener = protection.sealer(0xFFFFFFFE), protection.opener(0xFFFFFFFE)
    expected = [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]
    seen = []
    before: list[bytes] = []
    for sequence in expected:
        seen.append((sealer.sequence, opener.sequence))
        packet = sealer.seal(b"12345678901")
        body = opened(opener, packet)
        assert body is not None
        assert protection.packet(len(body), body, sequence, before) == packet
        before.append(packet)
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
        opened(opener, packet + bytes(MAX_PACKET + 100))
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
    if protection.reads_on:
        return
    for length in wrong_lengths(protection):
        packet = protection.packet(length, bytes(1000))[: protection.length_known_after]
        with pytest.raises(PacketError, match=rf"got {length}\)") as caught:
            opened(protection.opener(), packet)
        assert not isinstance(caught.value, PacketIntegrityError)
        assert caught.value.expected


def test_a_wrong_length_is_refused_each_time(protection: Protection) -> None:
    packet = protection.packet(6, bytes(1000)).ljust(2 * MAX_PACKET)
    opener = protection.opener()
    for end in (len(packet) - 1 if protection.reads_on else protection.length_known_after, len(packet)):
        with pytest.raises(PacketError):
            opener.open(memoryview(packet), 0, end)


READS_ON = [pair for pair in PROTECTED if Protection.draw(*pair).reads_on]


@pytest.mark.parametrize("pair", READS_ON, ids=ids)
def test_cbc_says_nothing_about_a_wrong_packet_but_that_it_was_one(pair: tuple[str, str | None]) -> None:
    """CVE-2008-5161: neither when the error comes nor what it is tells a wrong length from a wrong tag."""
    protection = Protection.draw(*pair)
    longest = 4 + MAX_PACKET + protection.tag_size
    altered = bytearray(protection.sealer().seal(bytes(100)))
    altered[-1] ^= 1
    wrong = [protection.packet(length, bytes(1000)) for length in wrong_lengths(protection)]
    errors = set()
    for packet in (bytes(altered), *wrong):
        opener = protection.opener()
        stream = memoryview(packet.ljust(longest, b"x"))
        for end in (7, protection.alignment, 100, len(packet), longest - 1):
            assert opener.open(stream, 0, end) is None
            assert opener.open(stream, 0, end) is None
        with pytest.raises(PacketIntegrityError) as caught:
            opener.open(stream, 0, longest)
        errors.add((str(caught.value), caught.value.reason))
        assert opener.sequence == 0
    assert len(errors) == 1


@pytest.mark.parametrize("pair", READS_ON, ids=ids)
def test_cbc_authenticates_as_much_whatever_is_wrong(pair: tuple[str, str | None]) -> None:
    protection = Protection.draw(*pair)
    right = protection.sealer().seal(bytes(1000))
    altered = right[:-1] + bytes((right[-1] ^ 1,))
    for packet in (altered, protection.packet(3, bytes(1000))):
        opener = protection.opener()
        authenticated = 0
        authenticate = opener._authenticate  # how much is authenticated shows outside only in time

        def counting(sequence: int, head: bytes, rest: bytes, authenticate: Any = authenticate) -> bytes:
            nonlocal authenticated
            authenticated += len(head) + len(rest)
            return authenticate(sequence, head, rest)

        opener._authenticate = counting  # see above
        with pytest.raises(PacketIntegrityError):
            opened(opener, packet.ljust(2 * MAX_PACKET))
        assert authenticated == 4 + MAX_PACKET


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


# RFC 4418, appendix: the message, UMAC-64 and, of which the RFC has the first 96 bits, UMAC-128.
RFC_4418 = [
    (b"", "6e155fad26900be1", "32fedb100c79ad58f07ff7643cc60465"),
    (b"aaa", "44b5cb542f220104", "185e4fe905cba7bd85e4c2dc3d117d8d"),
    (b"a" * (1 << 10), "26bf2f5d60118bd9", "7a54abe04af82d60fb298c3cbd195bcb"),
    (b"a" * (1 << 15), "27f8ef643b0d118d", "7b136bd911e4b734286ef2be501f2c3c"),
    (b"a" * (1 << 20), "a4477e87e9f55853", "f8acfa3ac31cfeea047f7b115b03bef5"),
    (b"abc", "d4d7b9f6bd4fbfcf", "883c3d4b97a61976ffcf232308cba5a5"),
    (b"abc" * 500, "d4cf26ddefd5c01a", "8824a260c53c66a36c9260a62cb83aa1"),
]


@pytest.mark.parametrize(("message", "umac_64", "umac_128"), RFC_4418, ids=lambda value: f"{len(value)}")
def test_umac_is_rfc_4418s(message: bytes, umac_64: str, umac_128: str) -> None:
    key, nonce = b"abcdefghijklmnop", b"bcdefghi"
    for expected in (umac_64, umac_128):
        size = len(expected) // 2
        assert Umac(key, size).tag(int.from_bytes(nonce, "big"), message).hex() == expected
        if len(message) < 1 << 20:
            assert umac(key, nonce, message, size).hex() == expected


@given(message=st.binary(max_size=5000), nonce=st.integers(0, 2**64 - 1), size=st.sampled_from([8, 16]))
def test_umac_is_what_its_pseudo_code_says(message: bytes, nonce: int, size: int) -> None:
    key = os.urandom(16)
    assert Umac(key, size).tag(nonce, message) == umac(key, nonce.to_bytes(8, "big"), message, size)


def test_umac_at_the_edges_of_its_chunks() -> None:
    key = os.urandom(16)
    first, second = Umac(key, 8), Umac(key, 16)
    for size in (31, 32, 33, 1023, 1024, 1025, 1056, 2047, 2048, 2049, 4096, 4097, 8192):
        # All ones make the sums and the words of the polynomial as large as they get.
        for message in (os.urandom(size), b"\xff" * size):
            assert first.tag(7, message) == umac(key, uint64(7), message, 8)
            assert second.tag(7, message) == umac(key, uint64(7), message, 16)


def test_umac_refuses_what_is_too_long() -> None:
    with pytest.raises(ValueError, match="16 MiB"):
        Umac(bytes(16), 8).tag(0, bytes((1 << 24) + 1))
