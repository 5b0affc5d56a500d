"""Generate new keys."""

from __future__ import annotations

from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey
from jupyter_ssh.ssh.keys.types.table import KEY_TYPES, find_row


def generate(
    key_type: str = "ssh-ed25519",
    bits: int | None = None,
    comment: str = "",
    *,
    required_rsa_size: int | None = None,
) -> PrivateKey:
    """Generate a key.

    ``key_type`` is a name in `KEY_TYPES` or for ``ssh-keygen -t`` (``ed25519``, ``ecdsa``, ``rsa``); ``bits`` is its
    size, if there is a choice.  An RSA or DSA key may take seconds, with the interpreter's lock released.  RSA keys of
    1024 to 2047 bits are generated only if ``required_rsa_size`` allows it.
    Raises `KeyFormatError`.
    """
    rows = [
        find_row(row.name, required_rsa_size) for row in KEY_TYPES.values() if key_type in (row.name, row.keygen_name)
    ]
    if not rows:
        known = dict.fromkeys(name for row in KEY_TYPES.values() for name in (row.keygen_name, row.name))
        raise KeyFormatError("unknown key type", expected=" or ".join(known), received=repr(key_type))
    row, size = _choose(rows, bits)
    key = row.generate(row, size)
    key.comment = comment.replace("\r", " ").replace("\n", " ")
    return key


def _choose(rows: list[KeyType], bits: int | None) -> tuple[KeyType, int]:
    for row in rows:
        size = row.default_size if bits is None else bits
        if size in row.sizes:
            return row, size
    sizes = [f"{s.start} to {s.stop - 1}" if isinstance(s := row.sizes, range) else str(s[0]) for row in rows]
    raise KeyFormatError(f"no {rows[0].keygen_name} key of that size", expected=" or ".join(sizes), received=f"{bits}")
