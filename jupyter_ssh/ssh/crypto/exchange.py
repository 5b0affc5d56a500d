"""The table of key-exchange methods (RFC 4253 §7.1, §8)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from .grades import Grade
from .packet_protection.framing import Randomness


class KeyAgreement(Protocol):
    """One key agreement of two messages, of either role; used once.

    The public values are the contents of the strings Q_C and Q_S of RFC 5656 §4; the shared secret K comes encoded as
    the method hashes it, an mpint or a string.

    Every method raises `KeyExchangeError` when the peer's value has the wrong length, is no point of the curve, or
    leads to an all-zero secret.
    """

    def client_public(self) -> bytes:
        """Q_C of a fresh key pair."""

    def client_secret(self, server_public: bytes) -> bytes:
        """K, after `client_public` of the same object."""

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """Q_S and K."""


class AgreementFactory(Protocol):
    """What a row makes its agreements with."""

    def __call__(self, random: Randomness = ...) -> KeyAgreement:
        """A fresh agreement that draws its private keys from ``random``."""


@dataclass(frozen=True, slots=True)
class ExchangeMethod:
    """One row; ``hash_name`` as hashlib spells it, for the exchange hash and the key derivation."""

    name: str
    grade: Grade
    hash_name: str
    post_quantum: bool
    agreement: AgreementFactory


def _mlkem768_x25519(random: Randomness = os.urandom) -> KeyAgreement:
    from .key_agreement.mlkem_hybrid import MlKem768X25519

    return MlKem768X25519(random)


def _curve25519(random: Randomness = os.urandom) -> KeyAgreement:
    from .key_agreement.curve25519 import Curve25519

    return Curve25519(random)


def _nistp256(random: Randomness = os.urandom) -> KeyAgreement:
    from .key_agreement.ecdh_nist import nistp256

    return nistp256(random)


_ROWS = (
    # Post-quantum first: what is recorded today must not be readable to the quantum computers of tomorrow.
    ExchangeMethod("mlkem768x25519-sha256", Grade.MODERN, "sha256", True, _mlkem768_x25519),
    ExchangeMethod("curve25519-sha256", Grade.MODERN, "sha256", False, _curve25519),  # RFC 8731
    ExchangeMethod("curve25519-sha256@libssh.org", Grade.MODERN, "sha256", False, _curve25519),  # the same, older name
    ExchangeMethod("ecdh-sha2-nistp256", Grade.MODERN, "sha256", False, _nistp256),  # RFC 5656
)

EXCHANGES: dict[str, ExchangeMethod] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
