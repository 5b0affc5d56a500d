"""The table of compression methods (RFC 4253 §6.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jupyter_ssh.ssh.crypto.grades import Grade


class Compressor(Protocol):
    """One direction of a compression, for the life of its context."""

    def compress(self, payload: bytes) -> bytes:
        """Return what is sent instead of ``payload``, flushed so that the peer can decompress all of it."""


class Decompressor(Protocol):
    """The other direction."""

    def decompress(self, payload: bytes, limit: int) -> bytes:
        """Return the payload, of at most ``limit`` bytes; raises `PacketError` when it is longer or malformed."""


@dataclass(frozen=True, slots=True)
class Compression:
    """One row; a method without ``compressor`` and ``decompressor`` leaves payloads as they are.

    ``delayed`` methods begin after authentication instead of after SSH_MSG_NEWKEYS.
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
    # From the first keys on: whoever connects may then feed the decompressor, before anybody knows who it is.
    Compression("zlib", Grade.LEGACY, False, _zlib_compressor, _zlib_decompressor),
)

COMPRESSIONS: dict[str, Compression] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
