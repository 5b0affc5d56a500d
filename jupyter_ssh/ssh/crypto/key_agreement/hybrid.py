"""A post-quantum KEM combined with an elliptic curve: draft-ietf-sshm-mlkem-hybrid-kex, RFC 9941 for sntrup761.

Q_C is the KEM's public key ‖ the client's public key on the curve, Q_S the ciphertext ‖ the server's public key, and K
is HASH(K_PQ ‖ K_CL), hashed as a string.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from jupyter_ssh.ssh.crypto.key_agreement.checks import check_length
from jupyter_ssh.ssh.crypto.key_agreement.ecdh import Pair
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.wire.types import string


class Decapsulator(Protocol):
    """The secret key of a KEM."""

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the secret of a ciphertext of the right length; an unrelated one if it is invalid for this key."""


class Kem(Protocol):
    """A key encapsulation mechanism."""

    @property
    def name(self) -> str:
        """Its name in errors."""

    @property
    def public_size(self) -> int:
        """Bytes of a public key."""

    @property
    def ciphertext_size(self) -> int:
        """Bytes of a ciphertext."""

    def generate(self, random: Randomness) -> tuple[Decapsulator, bytes]:
        """Return a fresh secret key and its public key."""

    def encapsulate(self, public: bytes, random: Randomness) -> tuple[bytes, bytes]:
        """Return a fresh secret and its ciphertext, for a public key of the right length; raises `KeyExchangeError`."""


class Hybrid:
    """See `KeyAgreement`; ``hash_name`` names the hash that combines the secrets."""

    __slots__ = ("_decapsulator", "_hash_name", "_kem", "_kem_public", "_pair", "_random")

    def __init__(self, kem: Kem, pair: Callable[[Randomness], Pair], hash_name: str, random: Randomness) -> None:
        self._kem = kem
        self._hash_name = hash_name
        self._random = random
        self._pair = pair(random)
        self._decapsulator: Decapsulator | None = None
        self._kem_public = b""

    def client_public(self) -> bytes:
        """See `KeyAgreement.client_public`."""
        if self._decapsulator is None:  # not in __init__, because a server does not need it
            self._decapsulator, self._kem_public = self._kem.generate(self._random)
        return self._kem_public + self._pair.public()

    def client_secret(self, server_public: bytes) -> bytes:
        """See `KeyAgreement.client_secret`."""
        if self._decapsulator is None:
            raise RuntimeError("client_public must be called first")
        what = f"the server's {self._kem.name} ciphertext and {self._pair.name} public key"
        ciphertext, point = self._split(what, server_public, self._kem.ciphertext_size)
        # An invalid ciphertext of the right length gives an unrelated secret, not an error; the exchange hashes then
        # differ, and the server's signature is invalid.
        post_quantum = self._decapsulator.decapsulate(ciphertext)
        return self._combine(post_quantum, self._pair.secret(point, f"the server's {self._pair.name} public key"))

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """See `KeyAgreement.server_reply`."""
        what = f"the client's {self._kem.name} and {self._pair.name} public keys"
        public, point = self._split(what, client_public, self._kem.public_size)
        classical = self._pair.secret(point, f"the client's {self._pair.name} public key")
        post_quantum, ciphertext = self._kem.encapsulate(public, self._random)
        return ciphertext + self._pair.public(), self._combine(post_quantum, classical)

    def _split(self, what: str, value: bytes, size: int) -> tuple[bytes, bytes]:
        check_length(what, value, size + self._pair.public_size)
        return value[:size], value[size:]

    def _combine(self, post_quantum: bytes, classical: bytes) -> bytes:
        return string(hashlib.new(self._hash_name, post_quantum + classical).digest())
