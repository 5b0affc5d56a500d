"""The table of key-exchange methods (RFC 4253 §7.1, §8)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness


class KeyAgreement(Protocol):
    """A key agreement with two messages, in either role; for one use.

    The public values are the contents of the strings Q_C and Q_S of RFC 5656 §4; the shared secret K is encoded as the
    method hashes it, as an mpint or a string.

    Every method raises `KeyExchangeError` if the peer's value has the wrong length, is not on the curve, or leads to an
    all-zero secret.
    """

    def client_public(self) -> bytes:
        """Return Q_C of a fresh key pair."""

    def client_secret(self, server_public: bytes) -> bytes:
        """Return K; call `client_public` of the same object first."""

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """Return Q_S and K."""


class AgreementFactory(Protocol):
    """A factory for a row's agreements."""

    def __call__(self, random: Randomness = ...) -> KeyAgreement:
        """Return a fresh agreement that draws its private keys from ``random``."""


@dataclass(frozen=True, slots=True)
class ExchangeMethod:
    """A row; ``hash_name``, a name for hashlib, is for the exchange hash and the key derivation."""

    name: str
    grade: Grade
    hash_name: str
    post_quantum: bool
    agreement: AgreementFactory


@dataclass(frozen=True, slots=True)
class GroupExchangeMethod:
    """A row for RFC 4419, where the server first names a group.

    ``minimum`` and ``maximum`` are bits of the prime: the limits of what a client requests, and within which a server
    offers groups.
    """

    name: str
    grade: Grade
    hash_name: str
    minimum: int
    maximum: int
    post_quantum: bool = False


# --- post-quantum -----------------------------------------------------------------------------------------------------


def _mlkem768_x25519(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.curve25519 import X25519
    from jupyter_ssh.ssh.crypto.key_agreement.hybrid import Hybrid
    from jupyter_ssh.ssh.crypto.key_agreement.mlkem import ML_KEM_768

    return Hybrid(ML_KEM_768, X25519, "sha256", random)


def _mlkem768_nistp256(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.hybrid import Hybrid
    from jupyter_ssh.ssh.crypto.key_agreement.mlkem import ML_KEM_768
    from jupyter_ssh.ssh.crypto.key_agreement.nist_curves import nistp256

    return Hybrid(ML_KEM_768, nistp256, "sha256", random)


def _mlkem1024_nistp384(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.hybrid import Hybrid
    from jupyter_ssh.ssh.crypto.key_agreement.mlkem import ML_KEM_1024
    from jupyter_ssh.ssh.crypto.key_agreement.nist_curves import nistp384

    return Hybrid(ML_KEM_1024, nistp384, "sha384", random)


def _sntrup761_x25519(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.curve25519 import X25519
    from jupyter_ssh.ssh.crypto.key_agreement.hybrid import Hybrid
    from jupyter_ssh.ssh.crypto.key_agreement.sntrup761 import SNTRUP761

    return Hybrid(SNTRUP761, X25519, "sha512", random)


# --- elliptic curves --------------------------------------------------------------------------------------------------


def _curve25519(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.curve25519 import X25519
    from jupyter_ssh.ssh.crypto.key_agreement.ecdh import Ecdh

    return Ecdh(X25519(random))


def _curve448(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.curve448 import X448
    from jupyter_ssh.ssh.crypto.key_agreement.ecdh import Ecdh

    return Ecdh(X448(random))


def _nistp256(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.ecdh import Ecdh
    from jupyter_ssh.ssh.crypto.key_agreement.nist_curves import nistp256

    return Ecdh(nistp256(random))


def _nistp384(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.ecdh import Ecdh
    from jupyter_ssh.ssh.crypto.key_agreement.nist_curves import nistp384

    return Ecdh(nistp384(random))


def _nistp521(random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.ecdh import Ecdh
    from jupyter_ssh.ssh.crypto.key_agreement.nist_curves import nistp521

    return Ecdh(nistp521(random))


# --- modulo a prime ---------------------------------------------------------------------------------------------------


def _in_group(bits: int, random: Randomness = os.urandom) -> KeyAgreement:
    from jupyter_ssh.ssh.crypto.key_agreement.dh import in_named_group

    return in_named_group(bits, random)


# --- the table --------------------------------------------------------------------------------------------------------

_ROWS: tuple[ExchangeMethod | GroupExchangeMethod, ...] = (
    # Post-quantum first: what is recorded today must not become readable to a future quantum computer.
    ExchangeMethod("mlkem768x25519-sha256", Grade.MODERN, "sha256", True, _mlkem768_x25519),
    ExchangeMethod("mlkem768nistp256-sha256", Grade.MODERN, "sha256", True, _mlkem768_nistp256),
    ExchangeMethod("mlkem1024nistp384-sha384", Grade.MODERN, "sha384", True, _mlkem1024_nistp384),
    # After ML-KEM because it is slower here, and not in constant time.
    ExchangeMethod("sntrup761x25519-sha512", Grade.MODERN, "sha512", True, _sntrup761_x25519),  # RFC 9941
    ExchangeMethod("sntrup761x25519-sha512@openssh.com", Grade.MODERN, "sha512", True, _sntrup761_x25519),  # the same
    ExchangeMethod("curve25519-sha256", Grade.MODERN, "sha256", False, _curve25519),  # RFC 8731
    ExchangeMethod("curve25519-sha256@libssh.org", Grade.MODERN, "sha256", False, _curve25519),  # the same, older name
    ExchangeMethod("ecdh-sha2-nistp256", Grade.MODERN, "sha256", False, _nistp256),  # RFC 5656
    ExchangeMethod("ecdh-sha2-nistp384", Grade.MODERN, "sha384", False, _nistp384),
    ExchangeMethod("ecdh-sha2-nistp521", Grade.MODERN, "sha512", False, _nistp521),
    ExchangeMethod("curve448-sha512", Grade.MODERN, "sha512", False, _curve448),  # RFC 8731
    # RFC 4419.  How many bits match the ciphers: `dh_groups.bits_for`.
    GroupExchangeMethod("diffie-hellman-group-exchange-sha256", Grade.MODERN, "sha256", 2048, 8192),
    # RFC 8268.  2048 bits last: the larger ones take more time, but no more than a waiting person accepts.
    ExchangeMethod("diffie-hellman-group16-sha512", Grade.MODERN, "sha512", False, partial(_in_group, 4096)),
    ExchangeMethod("diffie-hellman-group18-sha512", Grade.MODERN, "sha512", False, partial(_in_group, 8192)),
    ExchangeMethod("diffie-hellman-group17-sha512", Grade.MODERN, "sha512", False, partial(_in_group, 6144)),
    ExchangeMethod("diffie-hellman-group15-sha512", Grade.MODERN, "sha512", False, partial(_in_group, 3072)),
    ExchangeMethod("diffie-hellman-group14-sha256", Grade.MODERN, "sha256", False, partial(_in_group, 2048)),
    # SHA-1 (RFC 9142).  Servers of its time often have only 1024-bit groups, which RFC 8270 has since forbidden.
    GroupExchangeMethod("diffie-hellman-group-exchange-sha1", Grade.LEGACY, "sha1", 1024, 8192),
    ExchangeMethod("diffie-hellman-group14-sha1", Grade.LEGACY, "sha1", False, partial(_in_group, 2048)),
    ExchangeMethod("diffie-hellman-group1-sha1", Grade.LEGACY, "sha1", False, partial(_in_group, 1024)),
)

EXCHANGES: dict[str, ExchangeMethod | GroupExchangeMethod] = {row.name: row for row in _ROWS}
"""Name on the wire -> row, in our order of preference."""
