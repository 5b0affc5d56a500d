"""Derive keys from the shared secret (RFC 4253 §7.2)."""

from __future__ import annotations

import hashlib


def derive_key(
    hash_name: str, secret: bytes, exchange_hash: bytes, letter: bytes, session_id: bytes, size: int
) -> bytes:
    """Derive ``size`` bytes of a key or IV.

    ``secret`` is K as it is hashed, an encoded mpint or string; ``exchange_hash`` is H; ``letter`` is A to F: A and B
    for the IVs, C and D for the encryption keys, E and F for the MAC keys, each client to server and server to client.
    """
    prefix = hashlib.new(hash_name, secret + exchange_hash)

    def digest(rest: bytes) -> bytes:
        state = prefix.copy()
        state.update(rest)
        return state.digest()

    key = digest(letter + session_id)
    while len(key) < size:
        key += digest(key)
    return key[:size]
