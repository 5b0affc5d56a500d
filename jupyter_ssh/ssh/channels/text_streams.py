"""Streams of text on top of streams of bytes."""

from __future__ import annotations

import asyncio
import codecs
from typing import Final, cast

from jupyter_ssh.ssh.channels.interfaces import LINE_LIMIT, Reader, Writer
from jupyter_ssh.ssh.channels.streams import ByteReader
from jupyter_ssh.ssh.errors import WireError

CHUNK: Final = 256 * 1024
"""Bytes decoded at a time."""


def check_encoding(encoding: str, errors: str = "strict") -> None:
    """Raise LookupError unless ``encoding`` and ``errors`` can be used for streams of text."""
    "".encode(encoding)  # codecs such as "hex" exist, but are refused here because they do not encode text
    codecs.getincrementaldecoder(encoding)
    codecs.getincrementalencoder(encoding)
    codecs.lookup_error(errors)


class TextReader(Reader[str]):
    """Text from a stream of bytes.  Characters may arrive in pieces; line ends are not translated.

    Invalid bytes are handled according to ``errors`` (`codecs`); "strict" raises UnicodeDecodeError.
    """

    def __init__(self, stream: ByteReader, encoding: str, errors: str = "strict") -> None:
        self._stream = stream
        self._encoding, self._errors = encoding, errors
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._text = ""
        """Decoded text, unread from ``_start`` on."""
        self._start = 0

    def at_eof(self) -> bool:
        """See `Reader.at_eof`."""
        return not self._left and not self._decoder.getstate()[0] and self._stream.at_eof()

    def peek(self) -> bytes:
        """See `Reader.peek`."""
        decoded = self._text[self._start :].encode(self._encoding, self._errors)
        return decoded + self._decoder.getstate()[0] + self._stream.peek()

    def detach(self) -> tuple[bytes, ByteReader]:
        """Return decoded but unread text as bytes, and the underlying stream, to be read instead of this one."""
        first = self._text[self._start :].encode(self._encoding, self._errors) + self._decoder.getstate()[0]
        self._text, self._start = "", 0
        self._decoder.reset()
        return first, self._stream

    @property
    def _left(self) -> int:
        return len(self._text) - self._start

    async def _more(self, count: int = CHUNK) -> bool:
        """Decode the next bytes, with -1 all up to the end; False at the end of file."""
        data = await self._stream.read(count)
        text = self._decoder.decode(data, final=count < 0 or not data)
        self._text = self._text[self._start :] + text
        self._start = 0
        return bool(data or text)

    def _take(self, count: int) -> str:
        text = self._text[self._start : self._start + count]
        self._start += len(text)
        return text

    async def _read(self, count: int) -> str:
        if count < 0:
            await self._more(-1)
            return self._take(self._left)
        while not self._left and count and await self._more():
            pass
        return self._take(count)

    async def _readexactly(self, count: int) -> str:
        while self._left < count:
            if not await self._more():
                raise self._incomplete(count)
        return self._take(count)

    async def _readuntil(self, separator: str | None, limit: int) -> str:
        separator = "\n" if separator is None else separator
        searched = 0
        while True:
            found = self._text.find(separator, self._start + max(0, searched - len(separator) + 1))
            if found >= 0:
                return self._take(found + len(separator) - self._start)
            searched = self._left
            if searched > limit:
                raise WireError("no end of line", expected=f"{separator!r} within {limit} characters")
            if not await self._more():
                raise self._incomplete(None)

    async def _readline(self) -> str:
        try:
            return await self._readuntil(None, LINE_LIMIT)
        except asyncio.IncompleteReadError as error:
            return cast(str, error.partial)

    def _incomplete(self, expected: int | None) -> asyncio.IncompleteReadError:
        return asyncio.IncompleteReadError(cast(bytes, self._take(self._left)), expected)


class TextWriter(Writer):
    """Text to a stream of bytes."""

    def __init__(self, stream: Writer, encoding: str, errors: str = "strict") -> None:
        self.below = stream
        """The stream of bytes."""
        self._encoder = codecs.getincrementalencoder(encoding)(errors)

    def write(self, data: bytes | bytearray | memoryview | str) -> None:
        """See `Writer.write`."""
        if not isinstance(data, str):
            raise TypeError("a stream with an encoding accepts text, not bytes")
        self.below.write(self._encoder.encode(data))

    async def drain(self, *, timeout: float | None = None) -> None:
        """See `Writer.drain`."""
        await self.below.drain(timeout=timeout)

    def write_eof(self) -> None:
        """See `Writer.write_eof`."""
        self.below.write_eof()

    def close(self) -> None:
        """See `Writer.close`."""
        self.below.close()

    def is_closing(self) -> bool:
        """See `Writer.is_closing`."""
        return self.below.is_closing()
