"""ML-KEM, FIPS 203, as the KEM of a hybrid.

The client's keys come from the session's randomness.  The server's encapsulation does not, because cryptography draws
its own randomness; so a replayed server session has a different secret each time.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)

from jupyter_ssh.ssh.crypto.key_agreement.checks import bad_value
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness

SEED_SIZE = 64


@dataclass(frozen=True, slots=True)
class MlKem:
    """One parameter set; see `Kem`."""

    name: str
    public_size: int
    ciphertext_size: int
    private_type: type[MLKEM768PrivateKey] | type[MLKEM1024PrivateKey]
    public_type: type[MLKEM768PublicKey] | type[MLKEM1024PublicKey]

    def generate(self, random: Randomness) -> tuple[MLKEM768PrivateKey | MLKEM1024PrivateKey, bytes]:
        """See `Kem.generate`."""
        private = self.private_type.from_seed_bytes(random(SEED_SIZE))
        return private, private.public_key().public_bytes_raw()

    def encapsulate(self, public: bytes, random: Randomness) -> tuple[bytes, bytes]:
        """See `Kem.encapsulate`."""
        try:
            return self.public_type.from_public_bytes(public).encapsulate()
        except ValueError:  # coefficients beyond the modulus, FIPS 203 §7.2
            raise bad_value(
                f"the client's {self.name} public key", "a key that passes the modulus check of FIPS 203"
            ) from None


ML_KEM_768 = MlKem("ML-KEM-768", 1184, 1088, MLKEM768PrivateKey, MLKEM768PublicKey)
ML_KEM_1024 = MlKem("ML-KEM-1024", 1568, 1568, MLKEM1024PrivateKey, MLKEM1024PublicKey)
