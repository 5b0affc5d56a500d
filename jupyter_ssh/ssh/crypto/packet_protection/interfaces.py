"""What the constructions have in common, as the rest of the stack sees it."""

from __future__ import annotations

from typing import Protocol

Buffer = bytes | memoryview


class Sealer(Protocol):
    """Makes binary packets out of payloads, for one direction and the life of one key."""

    @property
    def sequence(self) -> int:
        """Sequence number of the next packet: a uint32 that wraps (RFC 4253 §6.4)."""

    def seal(self, payload: bytes) -> bytes:
        """Return the whole binary packet (length, body, tag) for ``payload``, which starts with the message number."""


class Opener(Protocol):
    """Takes binary packets out of a receive buffer, for one direction and the life of one key.

    An opener that raised is spent: its connection can only be ended.
    """

    @property
    def sequence(self) -> int:
        """Sequence number of the next packet: a uint32 that wraps (RFC 4253 §6.4)."""

    @property
    def overhead(self) -> int:
        """Bytes of a packet beside its body: the length field and the tag; of the last packet, where they differ."""

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """Return the body of the packet that begins at ``start``, or None while it is not whole before ``end``.

        The body is padding_length ‖ payload ‖ padding, decrypted and authenticated, its padding_length checked and
        its payload at least one byte.  The packet took ``len(body) + overhead`` bytes of the buffer.  After None the
        same packet has to be offered again, wherever in a buffer it is by then.

        Raises `PacketError` for a length or padding RFC 4253 §6 does not allow, a length as soon as it is known and
        before any more bytes are waited for (but not under CBC, see `cbc`), and `PacketIntegrityError` for a wrong tag.
        """


class Authenticator(Protocol):
    """A message authentication code under one key."""

    def tag(self, sequence: int, head: Buffer, rest: Buffer) -> bytes:
        """Return the tag of packet number ``sequence``, whose bytes are ``head`` ‖ ``rest`` (RFC 4253 §6.4)."""


class CipherStream(Protocol):
    """A cipher under one key that runs on from packet to packet, for one direction."""

    def update(self, data: Buffer) -> bytes:
        """``data``, whole blocks of it, encrypted or decrypted."""
