"""Compression: one stream for all packets, each flushed; bombs and garbage end in a typed error."""

from __future__ import annotations

import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.packet_protection.compressed import CompressedOpener, CompressedSealer
from jupyter_ssh.ssh.crypto.packet_protection.framing import MAX_PACKET
from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer
from jupyter_ssh.ssh.crypto.zlib_streams import ZlibCompressor, ZlibDecompressor
from jupyter_ssh.ssh.errors import PacketError
from tests.unit.crypto.reference import Protection

PAYLOADS = [b"\x5e" + b"text " * 2000, b"\x02", os.urandom(1000), b"\x5e" * 32768, b"\x5e" + b"text " * 2000]


@pytest.mark.parametrize("name", ["zlib", "zlib@openssh.com"])
def test_the_rows_compress(name: str) -> None:
    row = COMPRESSIONS[name]
    assert row.compressor
    assert row.decompressor
    compressor, decompressor = row.compressor(), row.decompressor()
    sizes = []
    for payload in PAYLOADS:
        packed = compressor.compress(payload)
        sizes.append(len(packed))
        assert decompressor.decompress(packed, MAX_PACKET) == payload
    assert sizes[0] < 200
    assert sizes[4] < sizes[0]  # one stream: what was said before need not be said again


@given(payloads=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=20))
def test_each_packet_can_be_decompressed_when_it_is_there(payloads: list[bytes]) -> None:
    compressor, plain = ZlibCompressor(), zlib.decompressobj()
    decompressor = ZlibDecompressor()
    for payload in payloads:
        packed = compressor.compress(payload)
        assert plain.decompress(packed) == payload
        assert decompressor.decompress(packed, 300) == payload


@pytest.mark.parametrize("flush", [zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])
def test_any_flush_will_do(flush: int) -> None:
    compressor, decompressor = zlib.compressobj(9), ZlibDecompressor()
    for payload in PAYLOADS:
        assert decompressor.decompress(compressor.compress(payload) + compressor.flush(flush), MAX_PACKET) == payload


def test_a_bomb_is_stopped_at_the_limit() -> None:
    compressor = ZlibCompressor()
    bomb = compressor.compress(bytes(100_000_000))
    assert len(bomb) < MAX_PACKET
    with pytest.raises(PacketError, match="too long") as caught:
        ZlibDecompressor().decompress(bomb, MAX_PACKET)
    assert caught.value.reason == 6  # SSH_DISCONNECT_COMPRESSION_ERROR
    assert caught.value.expected == f"at most {MAX_PACKET} bytes"


def test_the_limit_itself_passes() -> None:
    payload = os.urandom(1000)
    assert ZlibDecompressor().decompress(ZlibCompressor().compress(payload), 1000) == payload
    with pytest.raises(PacketError, match="too long"):
        ZlibDecompressor().decompress(ZlibCompressor().compress(payload), 999)


def test_garbage_is_refused() -> None:
    ended = zlib.compress(b"a stream that ends")
    for wrong in (b"", b"not zlib at all", ended, ended[:2], b"\x78\x9c" + b"\xff" * 50):
        with pytest.raises(PacketError) as caught:
            ZlibDecompressor().decompress(wrong, MAX_PACKET)
        assert caught.value.reason == 6


@given(data=st.binary(max_size=200))
def test_any_garbage_ends_in_a_typed_error_or_a_payload(data: bytes) -> None:
    for prefix in (b"", ZlibCompressor().compress(b"before")):
        decompressor = ZlibDecompressor()
        try:
            assert 0 < len(decompressor.decompress(prefix + data, MAX_PACKET)) <= MAX_PACKET
        except PacketError:
            pass


# --- around packets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [(None, None), ("aes128-gcm@openssh.com", None), ("aes128-cbc", "hmac-sha2-256")])
def test_packets_in_one_buffer(pair: tuple[str | None, str | None]) -> None:
    protection = Protection.draw(*pair)
    sealer = CompressedSealer(protection.sealer(7), ZlibCompressor())
    opener = CompressedOpener(protection.opener(7), ZlibDecompressor())
    buffer = memoryview(b"rest" + b"".join(map(sealer.seal, PAYLOADS)) + b"next")
    at = 4
    for payload in PAYLOADS:
        assert opener.open(buffer, at, at + 3) is None
        body = opener.open(buffer, at, len(buffer) - 4)
        assert body is not None
        assert body[1 : len(body) - body[0]] == payload
        at += len(body) + opener.overhead
    assert at == len(buffer) - 4
    assert sealer.sequence == opener.sequence == 7 + len(PAYLOADS)


def test_a_packet_that_holds_a_bomb_is_refused() -> None:
    bomb = PlainSealer().seal(ZlibCompressor().compress(b"\x5e" * 10_000_000))
    with pytest.raises(PacketError, match="too long"):
        CompressedOpener(PlainOpener(), ZlibDecompressor()).open(memoryview(bomb), 0, len(bomb))
