"""The table of compression methods (RFC 4253 §6.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jupyter_ssh.ssh.crypto.grades import Grade


class Compressor(Protocol):
    """The compressing side of one direction, for the lifetime of its context."""

    def compress(self, payload: bytes) -> bytes:
        """Return the compressed ``payload``, flushed so that the peer can decompress all of it."""


class Decompressor(Protocol):
    """The decompressing side."""

    def decompress(self, payload: bytes, limit: int) -> bytes:
        """Return the payload of at most ``limit`` bytes.  Raises `PacketError` if it is longer or malformed."""


@dataclass(frozen=True, slots=True)
class Compression:
    """A row; a method without ``compressor`` and ``decompressor`` leaves payloads unchanged.

    ``delayed`` methods start after authentication instead of after SSH_MSG_NEWKEYS.
    """

    name: str
    grade: Grade
    delayed: bool = False
    compressor: Callable[[], Compressor] | None = None
    decompressor: Callable[[], Decompressor] | None = None


def _zlib_compressor() -> Compressor:
    from jupyter_ssh.ssh.crypto.zlib_streams import ZlibCompressor

    return ZlibCompressor()


def _zlib_decompressor() -> Decompressor:
    from jupyter_ssh.ssh.crypto.zlib_streams import ZlibDecompressor

    return ZlibDecompressor()


_ROWS = (
    Compression("none", Grade.MODERN),
    Compression("zlib@openssh.com", Grade.MODERN, True, _zlib_compressor, _zlib_decompressor),
    # Active from the first keys on, so the decompressor is exposed to unauthenticated peers.
    Compression("zlib", Grade.LEGACY, False, _zlib_compressor, _zlib_decompressor),
)

COMPRESSIONS: dict[str, Compression] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
