"""The identification strings: any bytes in any pieces give a version, a wish for more, or one typed error."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import VersionError
from jupyter_ssh.ssh.protocol.version import MAX_BANNER_LINES, MAX_LINE, VersionExchange

LINES = st.sampled_from(
    [b"SSH-2.0-x\r\n", b"SSH-2.0-OpenSSH_9.2 Debian\n", b"SSH-1.99-y\r\n", b"SSH-1.5-z\n", b"hello\r\n", b"\n", b"SSH-"]
)
LONGEST_ERROR = 1000
STREAMS = st.lists(LINES | st.binary(max_size=300), max_size=6).map(b"".join)


def read(stream: bytes, sizes: list[int], allow_banner: bool) -> tuple[bytes | None, int, list[bytes]] | type:
    """What a reader makes of a stream in pieces: version, bytes used and banner, or the type of its error."""
    reader = VersionExchange(b"SSH-2.0-us", allow_banner=allow_banner)
    used = 0
    position = 0
    while position < len(stream) and not reader.theirs:
        size = sizes[position % len(sizes)] if sizes else len(stream)
        try:
            used += reader.read(memoryview(stream)[position : position + size])
        except VersionError as error:
            return type(error) if len(str(error)) < LONGEST_ERROR else ValueError
        position += size
    return reader.theirs or None, used, reader.banner


@given(STREAMS, st.lists(st.integers(1, 40), max_size=5), st.booleans())
@example(b"SSH-2.0-x\r\nmore", [1], True)
def test_the_pieces_do_not_matter(stream: bytes, sizes: list[int], allow_banner: bool) -> None:
    whole = read(stream, [], allow_banner)
    assert read(stream, sizes, allow_banner) == whole
    if isinstance(whole, tuple) and whole[0] is not None:
        version, used, banner = whole
        assert version.startswith((b"SSH-2.0-", b"SSH-1.99-"))
        assert stream[:used].rstrip(b"\r\n").endswith(version)
        assert not banner or allow_banner


@pytest.mark.parametrize(
    ("stream", "allow_banner"),
    [
        (b"SSH-2.0-" + b"x" * MAX_LINE, True),
        (b"SSH-2.0-" + b"x" * MAX_LINE, False),
        (b"SSH-2.0-" + b"x" * (MAX_LINE - 7) + b"\r\n", True),
        (b"SSH-2.0-x\0y\r\n", True),
        (b"SSH-2.0-\r\n", True),
        (b"SSH-3.0-x\r\n", True),
        (b"hello\r\n", False),
        (b"x" * (MAX_LINE + 1), True),
        (b"x" * MAX_LINE + b"\r\r\n", True),
        (b"x" * (MAX_LINE + 1) + b"\nSSH-2.0-x\n", True),
        (b"\n" * (MAX_BANNER_LINES + 1), True),
        (b"\n" * (MAX_BANNER_LINES + 1) + b"SSH-2.0-x\n", True),
    ],
)
def test_what_is_none(stream: bytes, allow_banner: bool) -> None:
    assert read(stream, [], allow_banner) is VersionError


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_the_longest_lines_there_may_be(end: bytes) -> None:
    line = b"SSH-2.0-".ljust(MAX_LINE, b"x")
    banner = b"b" * MAX_LINE
    stream = (banner + end) * 3 + line + end
    for sizes in ([], [1], [8191, 1]):
        assert read(stream, sizes, True) == (line, len(stream), [banner] * 3)
    assert read(line + end, [], False) == (line, len(line + end), [])


def accepted(reader: VersionExchange, piece: bytes) -> int:
    """How many bytes of pieces like this one are read without an error."""
    count = 0
    with contextlib.suppress(VersionError):
        while count < 2 * MAX_LINE:
            count += reader.read(memoryview(piece))
    return count


@pytest.mark.parametrize("start", [b"SSH-2.0-x", b"", b"banner"])
@pytest.mark.parametrize("size", [1, 255, 4096])
def test_a_line_does_not_go_on_with_carriage_returns(start: bytes, size: int) -> None:
    for allow_banner in (True, False) if start.startswith(b"SSH-") else (True,):
        reader = VersionExchange(b"SSH-2.0-us", allow_banner=allow_banner)
        reader.read(memoryview(start))
        assert accepted(reader, b"\r" * size) <= MAX_LINE + 1  # the last one may be part of the line's end


def test_the_end_before_there_is_one() -> None:
    reader = VersionExchange(b"SSH-2.0-us", allow_banner=True)
    reader.read(memoryview(b"HTTP/1.1 400 Bad Request\r\n"))
    assert "a web server" in str(reader.eof())


@pytest.mark.parametrize("line", [b"SSH-1.5-Cisco\r\n", b"SSH-1.99-both\r\n"])
def test_another_protocol_may_share_it(line: bytes) -> None:
    exchange = VersionExchange(b"SSH-1.5-us", allow_banner=True, protocols=(b"1.5", b"1.99"))
    assert exchange.line == b"SSH-1.5-us\r\n"
    assert exchange.read(memoryview(line + b"more")) == len(line)
    assert exchange.theirs == line.rstrip()
    with pytest.raises(VersionError, match=r"begins with 'SSH-1[.]5-'"):
        VersionExchange(b"SSH-1.5-us", allow_banner=True, protocols=(b"1.5",)).read(memoryview(b"SSH-2.0-x\r\n"))
