"""mlkem768x25519-sha256, draft-ietf-sshm-mlkem-hybrid-kex: ML-KEM-768 (FIPS 203) and X25519 together.

Q_C is the ML-KEM public key ‖ the client's X25519 public key, Q_S the ciphertext ‖ the server's X25519 public key, and
K is SHA-256(K_PQ ‖ K_CL), hashed as a string.
"""

from __future__ import annotations

import os
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from ...wire.types import string
from ..packet_protection.framing import Randomness
from .checks import bad_value, check_length
from .curve25519 import SIZE as X25519_SIZE
from .curve25519 import X25519

SEED_SIZE = 64
PUBLIC_SIZE = 1184
CIPHERTEXT_SIZE = 1088


class MlKem768X25519:
    """See `KeyAgreement`.

    The client's keys come from ``random``.  The server's encapsulation does not: cryptography draws its randomness
    itself, so that a replayed server session has another secret each time.
    """

    __slots__ = ("_decapsulation", "_pair", "_random")

    def __init__(self, random: Randomness = os.urandom) -> None:
        self._random = random
        self._pair = X25519(random)
        self._decapsulation: MLKEM768PrivateKey | None = None

    def client_public(self) -> bytes:
        """See `KeyAgreement.client_public`."""
        if self._decapsulation is None:  # drawn here, since a server has no use for it
            self._decapsulation = MLKEM768PrivateKey.from_seed_bytes(self._random(SEED_SIZE))
        return self._decapsulation.public_key().public_bytes_raw() + self._pair.public()

    def client_secret(self, server_public: bytes) -> bytes:
        """See `KeyAgreement.client_secret`."""
        if self._decapsulation is None:
            raise RuntimeError("client_public has to come first")
        what = "the server's ML-KEM-768 ciphertext and X25519 public key"
        check_length(what, server_public, CIPHERTEXT_SIZE + X25519_SIZE)
        ciphertext, point = server_public[:CIPHERTEXT_SIZE], server_public[CIPHERTEXT_SIZE:]
        # A wrong ciphertext of the right length gives an unrelated secret, not an error (FIPS 203 §6.3): the exchange
        # hash then differs, and the server's signature does not verify.
        return self._combine(self._decapsulation.decapsulate(ciphertext), point, "the server's X25519 public key")

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """See `KeyAgreement.server_reply`."""
        what = "the client's ML-KEM-768 and X25519 public keys"
        check_length(what, client_public, PUBLIC_SIZE + X25519_SIZE)
        encapsulation, point = client_public[:PUBLIC_SIZE], client_public[PUBLIC_SIZE:]
        try:
            secret, ciphertext = MLKEM768PublicKey.from_public_bytes(encapsulation).encapsulate()
        except ValueError:  # coefficients beyond the modulus, FIPS 203 §7.2
            raise bad_value(
                "the client's ML-KEM-768 public key", "a key that passes the modulus check of FIPS 203"
            ) from None
        secret = self._combine(secret, point, "the client's X25519 public key")
        return ciphertext + self._pair.public(), secret

    def _combine(self, post_quantum: bytes, point: bytes, what: str) -> bytes:
        return string(sha256(post_quantum + self._pair.secret(point, what)).digest())
