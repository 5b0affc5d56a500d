"""zlib (RFC 1950) as in RFC 4253 §6.2: one stream for all packets of a key, flushed after each packet."""

from __future__ import annotations

import zlib

from jupyter_ssh.ssh.errors import PacketError

LEVEL = 6
"""The default of zlib and of OpenSSH."""


class ZlibCompressor:
    """See `Compressor`."""

    __slots__ = ("_compress", "_flush")

    def __init__(self) -> None:
        stream = zlib.compressobj(LEVEL)
        self._compress, self._flush = stream.compress, stream.flush

    def compress(self, payload: bytes) -> bytes:
        """See `Compressor.compress`."""
        return self._compress(payload) + self._flush(zlib.Z_PARTIAL_FLUSH)


class ZlibDecompressor:
    """See `Decompressor`."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def decompress(self, payload: bytes, limit: int) -> bytes:
        """See `Decompressor.decompress`."""
        stream = self._stream
        try:
            # Allow one byte more, to distinguish the longest allowed payload from one that is too long.
            plain = stream.decompress(payload, limit + 1)
        except zlib.error as error:
            raise _wrong("a compressed packet is malformed", "a zlib stream", str(error)) from None
        if len(plain) > limit:
            raise _wrong("a compressed packet is too long when decompressed", f"at most {limit} bytes", "more")
        if stream.eof or not plain:
            raise _wrong("a compressed packet contains no message", "a zlib stream that continues across packets")
        return plain


def _wrong(message: str, expected: str, received: str | None = None) -> PacketError:
    error = PacketError(
        message,
        phase="binary packet",
        expected=expected,
        received=received,
        next_step="Connect without compression",
    )
    error.reason = 6  # SSH_DISCONNECT_COMPRESSION_ERROR
    return error
