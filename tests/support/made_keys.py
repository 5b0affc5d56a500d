"""Keys made while the tests run: one of each type, and security keys whose device is a few lines of Python."""

from __future__ import annotations

import functools

from jupyter_ssh.ssh.keys import KEY_TYPES, PrivateKey, generate, parse_public_key
from jupyter_ssh.ssh.keys.base import SignatureAlgorithm
from jupyter_ssh.ssh.keys.types.security_keys import (
    USER_PRESENT,
    Assertion,
    SecurityKeyPrivateKey,
    SecurityKeyPublicKey,
    signed_data,
)
from jupyter_ssh.ssh.wire.types import Reader, string, uint32

PLAIN_TYPE = {
    "sk-ssh-ed25519@openssh.com": "ssh-ed25519",
    "sk-ecdsa-sha2-nistp256@openssh.com": "ecdsa-sha2-nistp256",
}
"""The key inside the device, by type of security key."""
FAST_SIZE = {"ssh-rsa": 2048}


class SoftwareSecurityKey(SecurityKeyPrivateKey):
    """Signs as a device would; ``flags_said`` and ``counter`` are what it says with the next signature."""

    __slots__ = ("counter", "flags_said", "inner")

    def __init__(self, key_type: str, application: str = "ssh:") -> None:
        self.inner = generate(PLAIN_TYPE[key_type])
        fields = self.inner.public.blob[len(string(self.inner.public.key_type)) :]
        public = parse_public_key(string(key_type) + fields + string(application))
        assert isinstance(public, SecurityKeyPublicKey)
        super().__init__(public, USER_PRESENT, b"handle")
        self.flags_said = USER_PRESENT
        self.counter = 0

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        self.counter += 1
        assertion = Assertion(self.flags_said, self.counter)
        signature = Reader(self.inner.sign(signed_data(self.public.application, assertion, data)))
        signature.string()
        return string(signature.string()) + bytes((assertion.flags,)) + uint32(assertion.counter)


def new_key(key_type: str, comment: str = "") -> PrivateKey:
    """A fresh key that signs; RSA keys as short as allowed."""
    if key_type in PLAIN_TYPE:
        key: PrivateKey = SoftwareSecurityKey(key_type)
        key.comment = comment
        return key
    return generate(key_type, FAST_SIZE.get(key_type), comment)


@functools.cache
def key_of(key_type: str) -> PrivateKey:
    """One key of each type, made when first asked for."""
    return new_key(key_type)


OPENSSH_TYPES = [name for name in KEY_TYPES if name not in ("ssh-ed448", "ssh-mldsa44-ed25519@openssh.com")]
"""Key types that every OpenSSH of the last years knows."""
