"""Compression around any of the constructions (RFC 4253 §6.2): the payload is compressed, then sealed.

They are sealers and openers themselves, so their users need not know about compression, and its absence costs nothing.
"""

from __future__ import annotations

from jupyter_ssh.ssh.crypto.compression import Compressor, Decompressor
from jupyter_ssh.ssh.crypto.packet_protection.framing import MAX_PACKET
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener, Sealer


class CompressedSealer:
    """A sealer that compresses payloads before ``sealer`` seals them."""

    __slots__ = ("_compress", "_seal", "_sealer")

    def __init__(self, sealer: Sealer, compressor: Compressor) -> None:
        self._sealer = sealer
        self._seal = sealer.seal
        self._compress = compressor.compress

    @property
    def sequence(self) -> int:
        """See `Sealer.sequence`."""
        return self._sealer.sequence

    def seal(self, payload: bytes) -> bytes:
        """See `Sealer.seal`."""
        return self._seal(self._compress(payload))


class CompressedOpener:
    """An opener that decompresses the payloads of packets opened by ``opener``."""

    __slots__ = ("_decompress", "_open", "_opener", "overhead")

    def __init__(self, opener: Opener, decompressor: Decompressor) -> None:
        self._opener = opener
        self._open = opener.open
        self._decompress = decompressor.decompress
        self.overhead = opener.overhead

    @property
    def sequence(self) -> int:
        """See `Opener.sequence`."""
        return self._opener.sequence

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`; the body has no padding.

        Raises `PacketError` also for a payload that cannot be decompressed, or that becomes longer than a packet may
        be.
        """
        body = self._open(buffer, start, end)
        if body is None:
            return None
        payload = self._decompress(body[1 : len(body) - body[0]], MAX_PACKET)
        # Bytes of the buffer besides the body, which is now decompressed: usually negative.
        self.overhead = len(body) + self._opener.overhead - (1 + len(payload))
        return b"\0" + payload
