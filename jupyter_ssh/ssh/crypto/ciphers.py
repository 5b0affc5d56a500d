"""The table of ciphers (RFC 4253 §6.3)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from .grades import Grade
from .macs import Mac
from .packet_protection.framing import Randomness
from .packet_protection.interfaces import Opener, Sealer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

REKEY_BYTES = 1 << 30
"""RFC 4253 §9: new keys after each gigabyte; also what RFC 4344 §3.2 allows ciphers of 64-bit blocks."""

REKEY_PACKETS = 1 << 31
"""RFC 4344 §3.1: new keys after 2**31 packets at the latest, whatever the cipher, so that no sequence number, which is
the nonce of chacha20-poly1305, comes twice under one key."""


class SealerFactory(Protocol):
    """What a row makes its sealers with."""

    def __call__(
        self, key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int, random: Randomness = ...
    ) -> Sealer:
        """A sealer whose first packet is number ``sequence``; ``mac`` is None for ciphers with an integrated one.

        ``random`` gives the bytes of the padding.
        """


class OpenerFactory(Protocol):
    """What a row makes its openers with."""

    def __call__(self, key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int) -> Opener:
        """An opener whose first packet is number ``sequence``; ``mac`` is None for ciphers with an integrated one."""


@dataclass(frozen=True, slots=True)
class Cipher:
    """One row: sizes in bytes; ``integrated_mac`` where the cipher authenticates and no MAC is negotiated."""

    name: str
    grade: Grade
    key_size: int
    iv_size: int
    block_size: int
    integrated_mac: bool
    sealer: SealerFactory
    opener: OpenerFactory
    rekey_bytes: int = REKEY_BYTES


# --- AES-GCM, RFC 5647 ------------------------------------------------------------------------------------------------


def _gcm_sealer(
    key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int, random: Randomness = os.urandom
) -> Sealer:
    from .packet_protection.gcm import GcmSealer

    return GcmSealer(key, iv, sequence, random)


def _gcm_opener(key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int) -> Opener:
    from .packet_protection.gcm import GcmOpener

    return GcmOpener(key, iv, sequence)


# --- ChaCha20-Poly1305, OpenSSH's PROTOCOL.chacha20poly1305 -----------------------------------------------------------


def _chacha20_sealer(
    key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int, random: Randomness = os.urandom
) -> Sealer:
    from .packet_protection.chacha20_poly1305 import ChaCha20Poly1305Sealer

    return ChaCha20Poly1305Sealer(key, sequence, random)


def _chacha20_opener(key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int) -> Opener:
    from .packet_protection.chacha20_poly1305 import ChaCha20Poly1305Opener

    return ChaCha20Poly1305Opener(key, sequence)


# --- ciphers that need a MAC ------------------------------------------------------------------------------------------


class _ContextFactory(Protocol):
    def __call__(self, key: bytes, iv: bytes, *, encrypt: bool) -> CipherContext: ...


def _sealer_with_mac(
    context: _ContextFactory,
    block_size: int,
    key: bytes,
    iv: bytes,
    mac: Mac | None,
    mac_key: bytes,
    sequence: int,
    random: Randomness = os.urandom,
) -> Sealer:
    from .packet_protection.encrypt_and_mac import EncryptAndMacSealer
    from .packet_protection.encrypt_then_mac import EncryptThenMacSealer

    if mac is None:
        raise ValueError("this cipher needs a MAC")
    construction = EncryptThenMacSealer if mac.etm else EncryptAndMacSealer
    return construction(context(key, iv, encrypt=True), block_size, mac.authenticator(mac_key), sequence, random)


def _opener_with_mac(
    context: _ContextFactory, block_size: int, key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int
) -> Opener:
    from .packet_protection.encrypt_and_mac import EncryptAndMacOpener
    from .packet_protection.encrypt_then_mac import EncryptThenMacOpener

    if mac is None:
        raise ValueError("this cipher needs a MAC")
    construction = EncryptThenMacOpener if mac.etm else EncryptAndMacOpener
    authenticator = mac.authenticator(mac_key)
    return construction(context(key, iv, encrypt=False), block_size, authenticator, mac.tag_size, sequence)


def _aes_ctr(key: bytes, iv: bytes, *, encrypt: bool) -> CipherContext:
    from .packet_protection.ctr import aes_ctr

    return aes_ctr(key, iv)


def _with_mac(name: str, grade: Grade, key_size: int, block_size: int, context: _ContextFactory) -> Cipher:
    """A row for a mode of ``block_size`` whose IV is one block."""
    sealer = partial(_sealer_with_mac, context, block_size)
    opener = partial(_opener_with_mac, context, block_size)
    return Cipher(name, grade, key_size, block_size, block_size, False, sealer, opener)


# --- the table --------------------------------------------------------------------------------------------------------

_ROWS = (
    # A client's order decides (RFC 4253 §7.1), whatever the server prefers.  AES-GCM first: with the AES instructions
    # of every processor since about 2010 it is by far the fastest and runs in constant time, it authenticates the
    # length without encrypting it, so nothing unauthenticated is ever decrypted, and its nonce does not depend on
    # sequence numbers, so that the prefix truncation of CVE-2023-48795 does not touch it even with a peer that lacks
    # strict key exchange.  128 bits before 256: no weaker than X25519 or nistp256 beside it, and a quarter faster.
    Cipher("aes128-gcm@openssh.com", Grade.MODERN, 16, 12, 16, True, _gcm_sealer, _gcm_opener),
    Cipher("aes256-gcm@openssh.com", Grade.MODERN, 32, 12, 16, True, _gcm_sealer, _gcm_opener),
    # For peers that have no AES instructions and therefore offer no AES-GCM.
    Cipher("chacha20-poly1305@openssh.com", Grade.MODERN, 64, 0, 8, True, _chacha20_sealer, _chacha20_opener),
    # Last: two passes over the data.
    _with_mac("aes128-ctr", Grade.MODERN, 16, 16, _aes_ctr),
    _with_mac("aes192-ctr", Grade.MODERN, 24, 16, _aes_ctr),
    _with_mac("aes256-ctr", Grade.MODERN, 32, 16, _aes_ctr),
)

CIPHERS: dict[str, Cipher] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
