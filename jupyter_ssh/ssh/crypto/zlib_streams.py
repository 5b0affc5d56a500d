"""zlib, RFC 1950, as RFC 4253 §6.2 wants it: one stream for all packets of a key, flushed after each of them."""

from __future__ import annotations

import zlib

from jupyter_ssh.ssh.errors import PacketError

LEVEL = 6
"""zlib's own default, and OpenSSH's."""


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
            # One byte more than allowed tells a payload that is as long as can be from one that is longer.
            plain = stream.decompress(payload, limit + 1)
        except zlib.error as error:
            raise _wrong("a compressed packet is malformed", "a zlib stream", str(error)) from None
        if len(plain) > limit:
            raise _wrong("a compressed packet is too long when decompressed", f"at most {limit} bytes", "more")
        if stream.eof or not plain:
            raise _wrong("a compressed packet holds no message", "a zlib stream that goes on from packet to packet")
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
