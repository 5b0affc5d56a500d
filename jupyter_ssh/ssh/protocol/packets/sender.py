"""Outgoing messages: held back during a key exchange, sealed into packets, queued for the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Sealer
from jupyter_ssh.ssh.protocol.packets.key_age import KeyAge
from jupyter_ssh.ssh.protocol.packets.ring import PacketRing

MAX_OUTPUT: Final = 1024 * 1024
"""How many bytes of sealed packets may wait for the network before channels stop sending."""

MAX_HELD: Final = 4 * 1024 * 1024
"""How many bytes of messages other than data may wait for a key exchange to end."""

HELD_OVERHEAD: Final = 64
"""The bytes counted for a held message besides its own, so that small ones are bounded too."""


class PacketSender:
    """Seals messages in the order they are sent; see `MessageSender` for what upper layers need of it."""

    __slots__ = (
        "_age",
        "_held",
        "_held_size",
        "_output",
        "_paused",
        "_ring",
        "closed",
        "congested",
        "holding",
        "on_output",
        "on_overflow",
        "on_released",
        "on_worn_out",
        "sealer",
        "unsent",
    )

    def __init__(self, sealer: Sealer, age: KeyAge, ring: PacketRing, first: bytes) -> None:
        self.sealer = sealer
        self._age = age
        self._ring = ring
        self._output = [first]
        self.unsent = 0
        """Bytes of sealed packets that wait for `take`."""
        self.closed = False
        self.holding = False
        """Whether messages are not sent: they wait for new keys, or the session is over."""
        self.congested = False
        """Whether channels must hold their data back: keys are changing, or the network is slow."""
        self._paused = False
        self._held: list[tuple[bytes, Callable[[], None] | None]] = []
        self._held_size = 0
        self.on_output: Callable[[], None] = _nothing
        """Called when output begins to wait for `take`."""
        self.on_released: Callable[[], None] = _nothing
        """Called when channels may send data again."""
        self.on_worn_out: Callable[[], None] = _nothing
        """Called when the keys must be replaced."""
        self.on_overflow: Callable[[], None] = _nothing
        """Called when more than `MAX_HELD` bytes would wait for new keys."""

    def send(self, payload: bytes, then: Callable[[], None] | None = None) -> None:
        """Send a message, see `MessageSender.send`; ``then`` is called when it is sealed, before the next one is."""
        if self.holding:
            self._hold(payload, then)
            return
        self.send_now(payload)
        if self.unsent > MAX_OUTPUT:
            self.congested = True
        if then is not None:
            then()

    def send_data(self, payload: bytes) -> None:
        """Send a message of data, see `MessageSender.send_data`."""
        if self.holding:
            self._hold(payload, None)
            return
        packet = self.sealer.seal(payload)
        output = self._output
        output.append(packet)
        self.unsent += len(packet)
        if self.unsent > MAX_OUTPUT:
            self.congested = True
        if len(output) == 1:
            self.on_output()

    def send_now(self, payload: bytes) -> None:
        """Send a message that does not wait for a key exchange to end: one of the exchange itself, or DISCONNECT."""
        self._ring.note(False, payload[0], len(payload), self.sealer.sequence)
        packet = self.sealer.seal(payload)
        self._output.append(packet)
        self.unsent += len(packet)
        if len(self._output) == 1:
            self.on_output()

    def _hold(self, payload: bytes, then: Callable[[], None] | None) -> None:
        if self.closed:
            return
        self._held_size += len(payload) + HELD_OVERHEAD
        if self._held_size > MAX_HELD:
            self.on_overflow()
            return
        self._held.append((payload, then))

    def hold(self) -> None:
        """Hold messages back until `release`: our KEXINIT was sent (RFC 4253 §7.1)."""
        self.holding = self.congested = True

    def use(self, sealer: Sealer) -> None:
        """Seal with new keys from here on; NEWKEYS was the last packet under the old ones."""
        self.sealer = sealer
        self._age.new_sending_keys(self.unsent, len(self._output))
        self.holding = False

    def release(self) -> None:
        """Send what was held back."""
        held, self._held, self._held_size = self._held, [], 0
        for payload, then in held:
            self.send(payload, then)
        self._decongest()

    def take(self) -> list[bytes]:
        """Take the packets that wait for the network."""
        output, self._output = self._output, []
        if output:
            worn_out = self._age.sent(self.unsent, len(output))
            self.unsent = 0
            if worn_out:
                self.on_worn_out()
            if self.congested:
                self._decongest()
        return output

    def pause(self) -> None:
        """Hold data back: the network accepts no more for now."""
        self._paused = True
        self.congested = True

    def resume(self) -> None:
        """Stop holding data back: the network accepts it again."""
        self._paused = False
        self._decongest()

    def _decongest(self) -> None:
        if self.congested and not self._paused and not self.holding and self.unsent <= MAX_OUTPUT:
            self.congested = False
            self.on_released()

    def close(self) -> None:
        """Send nothing more; what is already sealed still goes out."""
        self.closed = self.holding = True
        self._held.clear()


def _nothing() -> None:
    """Do nothing: the default callback."""
