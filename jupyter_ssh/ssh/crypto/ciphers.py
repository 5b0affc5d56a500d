"""The table of ciphers (RFC 4253 §6.3)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import Mac
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import CipherStream, Opener, Sealer

REKEY_BYTES = 1 << 30
"""Re-exchange keys after each gigabyte (RFC 4253 §9); this is also RFC 4344 §3.2's limit for 64-bit blocks."""

REKEY_PACKETS = 1 << 31
"""Re-exchange keys after 2**31 packets at the latest, with any cipher (RFC 4344 §3.1), so that no sequence number, the
nonce of chacha20-poly1305, is used twice under one key."""


class SealerFactory(Protocol):
    """A factory for a row's sealers."""

    def __call__(
        self, key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int, random: Randomness = ...
    ) -> Sealer:
        """Return a sealer whose first packet has number ``sequence``.

        ``mac`` is None for ciphers with an integrated MAC; ``random`` provides the padding.
        """


class OpenerFactory(Protocol):
    """A factory for a row's openers."""

    def __call__(self, key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int) -> Opener:
        """Return an opener whose first packet has number ``sequence``; see `SealerFactory`."""


@dataclass(frozen=True, slots=True)
class Cipher:
    """A row; sizes are in bytes.  ``integrated_mac``: the cipher authenticates, and no MAC is negotiated."""

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
    from jupyter_ssh.ssh.crypto.packet_protection.gcm import GcmSealer

    return GcmSealer(key, iv, sequence, random)


def _gcm_opener(key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int) -> Opener:
    from jupyter_ssh.ssh.crypto.packet_protection.gcm import GcmOpener

    return GcmOpener(key, iv, sequence)


# --- ChaCha20-Poly1305, OpenSSH's PROTOCOL.chacha20poly1305 -----------------------------------------------------------


def _chacha20_sealer(
    key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int, random: Randomness = os.urandom
) -> Sealer:
    from jupyter_ssh.ssh.crypto.packet_protection.chacha20_poly1305 import ChaCha20Poly1305Sealer

    return ChaCha20Poly1305Sealer(key, sequence, random)


def _chacha20_opener(key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int) -> Opener:
    from jupyter_ssh.ssh.crypto.packet_protection.chacha20_poly1305 import ChaCha20Poly1305Opener

    return ChaCha20Poly1305Opener(key, sequence)


# --- ciphers that need a MAC ------------------------------------------------------------------------------------------


class _StreamFactory(Protocol):
    def __call__(self, key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream: ...


def _sealer_with_mac(
    stream: _StreamFactory,
    block_size: int,
    key: bytes,
    iv: bytes,
    mac: Mac | None,
    mac_key: bytes,
    sequence: int,
    random: Randomness = os.urandom,
) -> Sealer:
    from jupyter_ssh.ssh.crypto.packet_protection.encrypt_and_mac import EncryptAndMacSealer
    from jupyter_ssh.ssh.crypto.packet_protection.encrypt_then_mac import EncryptThenMacSealer

    if mac is None:
        raise ValueError("this cipher needs a MAC")
    construction = EncryptThenMacSealer if mac.etm else EncryptAndMacSealer
    return construction(stream(key, iv, encrypt=True), block_size, mac.authenticator(mac_key), sequence, random)


def _opener_with_mac(
    stream: _StreamFactory, block_size: int, key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int
) -> Opener:
    from jupyter_ssh.ssh.crypto.packet_protection.encrypt_and_mac import EncryptAndMacOpener
    from jupyter_ssh.ssh.crypto.packet_protection.encrypt_then_mac import EncryptThenMacOpener

    if mac is None:
        raise ValueError("this cipher needs a MAC")
    construction = EncryptThenMacOpener if mac.etm else EncryptAndMacOpener
    authenticator = mac.authenticator(mac_key)
    return construction(stream(key, iv, encrypt=False), block_size, authenticator, mac.tag_size, sequence)


def _cbc_opener(
    stream: _StreamFactory, block_size: int, key: bytes, iv: bytes, mac: Mac | None, mac_key: bytes, sequence: int
) -> Opener:
    from jupyter_ssh.ssh.crypto.packet_protection.cbc import CbcAndMacOpener

    if mac is None or mac.etm:  # nothing is decrypted before it is authenticated, so no special care is needed
        return _opener_with_mac(stream, block_size, key, iv, mac, mac_key, sequence)
    authenticator = mac.authenticator(mac_key)
    return CbcAndMacOpener(stream(key, iv, encrypt=False), block_size, authenticator, mac.tag_size, sequence)


def _ctr(name: str, grade: Grade, key_size: int, block_size: int, stream: _StreamFactory) -> Cipher:
    """Return a row for counter mode (RFC 4344 §4); the IV is one block."""
    sealer = partial(_sealer_with_mac, stream, block_size)
    opener = partial(_opener_with_mac, stream, block_size)
    return Cipher(name, grade, key_size, block_size, block_size, False, sealer, opener)


def _cbc(name: str, grade: Grade, key_size: int, block_size: int, stream: _StreamFactory) -> Cipher:
    """Return a row for cipher block chaining (RFC 4253 §6.3); the IV is one block."""
    sealer = partial(_sealer_with_mac, stream, block_size)
    opener = partial(_cbc_opener, stream, block_size)
    return Cipher(name, grade, key_size, block_size, block_size, False, sealer, opener)


def _rc4(name: str, grade: Grade, key_size: int, skip: int) -> Cipher:
    """Return a row for RC4 (RFC 4345); packets are padded as for 8-byte blocks."""
    stream = partial(_arcfour, skip)
    sealer = partial(_sealer_with_mac, stream, 8)
    opener = partial(_opener_with_mac, stream, 8)
    return Cipher(name, grade, key_size, 0, 8, False, sealer, opener)


def _aes_ctr(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    from jupyter_ssh.ssh.crypto.packet_protection.ctr import aes_ctr

    return aes_ctr(key, iv)


def _aes_cbc(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    from jupyter_ssh.ssh.crypto.packet_protection.cbc import cbc

    return cbc(AES(key), iv, encrypt=encrypt)


def _old_cbc(algorithm: str, key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    from jupyter_ssh.ssh.crypto.packet_protection import block_ciphers
    from jupyter_ssh.ssh.crypto.packet_protection.cbc import cbc

    return cbc(getattr(block_ciphers, algorithm)(key), iv, encrypt=encrypt)


def _old_ctr(algorithm: str, key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    from jupyter_ssh.ssh.crypto.packet_protection import block_ciphers
    from jupyter_ssh.ssh.crypto.packet_protection.ctr64 import Counter64

    return Counter64(getattr(block_ciphers, algorithm)(key), iv)


def _arcfour(skip: int, key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    from jupyter_ssh.ssh.crypto.packet_protection.arcfour import arcfour

    return arcfour(key, skip)


# --- the table --------------------------------------------------------------------------------------------------------

_ROWS = (
    # The client's order decides (RFC 4253 §7.1).  AES-GCM first: with the AES instructions of processors since about
    # 2010 it is by far the fastest and runs in constant time; it authenticates the length without encrypting it, so
    # nothing is decrypted before it is authenticated; and its nonce does not depend on sequence numbers, so the prefix
    # truncation of CVE-2023-48795 does not affect it even if the peer lacks strict key exchange.  128 bits before 256:
    # as strong as X25519 or nistp256 in the same connection, and a quarter faster.
    Cipher("aes128-gcm@openssh.com", Grade.MODERN, 16, 12, 16, True, _gcm_sealer, _gcm_opener),
    Cipher("aes256-gcm@openssh.com", Grade.MODERN, 32, 12, 16, True, _gcm_sealer, _gcm_opener),
    # For peers that offer no AES-GCM because they have no AES instructions.
    Cipher("chacha20-poly1305@openssh.com", Grade.MODERN, 64, 0, 8, True, _chacha20_sealer, _chacha20_opener),
    # Last: two passes over the data.
    _ctr("aes128-ctr", Grade.MODERN, 16, 16, _aes_ctr),
    _ctr("aes192-ctr", Grade.MODERN, 24, 16, _aes_ctr),
    _ctr("aes256-ctr", Grade.MODERN, 32, 16, _aes_ctr),
    # CBC: the IV of the next packet is predictable, see packet_protection/cbc.py.
    _cbc("aes128-cbc", Grade.LEGACY, 16, 16, _aes_cbc),
    _cbc("aes192-cbc", Grade.LEGACY, 24, 16, _aes_cbc),
    _cbc("aes256-cbc", Grade.LEGACY, 32, 16, _aes_cbc),
    _cbc("rijndael-cbc@lysator.liu.se", Grade.LEGACY, 32, 16, _aes_cbc),  # an old name of aes256-cbc
    # 64-bit blocks: collisions reveal plaintext after some gigabytes (Sweet32), hence `REKEY_BYTES`.
    _ctr("3des-ctr", Grade.LEGACY, 24, 8, partial(_old_ctr, "triple_des")),
    _ctr("blowfish-ctr", Grade.LEGACY, 32, 8, partial(_old_ctr, "blowfish")),  # 256 bits, unlike blowfish-cbc
    _cbc("3des-cbc", Grade.LEGACY, 24, 8, partial(_old_cbc, "triple_des")),
    _cbc("blowfish-cbc", Grade.LEGACY, 16, 8, partial(_old_cbc, "blowfish")),
    _cbc("cast128-cbc", Grade.LEGACY, 16, 8, partial(_old_cbc, "cast128")),
    # RFC 8758: the keystream's biases reveal plaintext that is sent often enough, however much of it is skipped.
    _rc4("arcfour256", Grade.BROKEN, 32, 1536),
    _rc4("arcfour128", Grade.BROKEN, 16, 1536),
    _rc4("arcfour", Grade.BROKEN, 16, 0),
    # The key can be found by brute force within hours.
    _cbc("des-cbc", Grade.BROKEN, 8, 8, partial(_old_cbc, "des")),
)

CIPHERS: dict[str, Cipher] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
