"""The interfaces of the constructions, as used by the rest of the stack."""

from __future__ import annotations

from typing import Protocol

Buffer = bytes | memoryview


class Sealer(Protocol):
    """A converter of payloads into binary packets, for one direction and the lifetime of one key."""

    @property
    def sequence(self) -> int:
        """Sequence number of the next packet: a uint32 that wraps (RFC 4253 §6.4)."""

    def seal(self, payload: bytes) -> bytes:
        """Return the whole binary packet (length, body, tag) for ``payload``, which starts with the message number."""


class Opener(Protocol):
    """A reader of binary packets in a receive buffer, for one direction and the lifetime of one key.

    After an error an opener is unusable, and its connection must be ended.
    """

    @property
    def sequence(self) -> int:
        """Sequence number of the next packet: a uint32 that wraps (RFC 4253 §6.4)."""

    @property
    def overhead(self) -> int:
        """The bytes of a packet besides its body (length field and tag); those of the last packet, if they vary."""

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """Return the body of the packet that begins at ``start``, or None if it is not complete before ``end``.

        The body is padding_length ‖ payload ‖ padding, decrypted and authenticated, with a valid padding_length and a
        payload of at least one byte.  The packet took ``len(body) + overhead`` bytes of the buffer.  After None, the
        same packet has to be offered again, wherever in a buffer it is by then.

        Raises `PacketError` for a length or padding that RFC 4253 §6 does not allow, for a length as soon as it is
        known (but not with CBC, see `cbc`), and `PacketIntegrityError` for an invalid tag.
        """


class Authenticator(Protocol):
    """A message authentication code under one key."""

    def tag(self, sequence: int, head: Buffer, rest: Buffer) -> bytes:
        """Return the tag of packet number ``sequence``, whose bytes are ``head`` ‖ ``rest`` (RFC 4253 §6.4)."""


class CipherStream(Protocol):
    """A cipher under one key that continues across packets, for one direction."""

    def update(self, data: Buffer) -> bytes:
        """Return ``data``, a whole number of blocks, encrypted or decrypted."""
