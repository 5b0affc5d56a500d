"""The hashed names of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

Each line has its own salt, so a name has to be hashed once for each line, which takes about two seconds for a million
lines.  The results are cached.
"""

from __future__ import annotations

import binascii
import hashlib
from array import array
from collections.abc import Sequence

from jupyter_ssh.ssh.trust.host_names import HASH_SIZE, split_hash

MAX_NAMES = 1024
"""Names whose lines are cached."""
BLOCK = 64
"""Bytes of a block of SHA-1 (RFC 2104)."""
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_FIELD = 60
"""Characters of ``|1|salt|hash``."""


class HashedNames:
    """The hashed names among the host fields of a file.

    ``before`` are those of the same file when it was shorter: its lines are not searched again.
    """

    def __init__(self, fields: Sequence[bytes] = (), before: HashedNames | None = None) -> None:
        self._fields: list[tuple[int, bytes]] | None = [
            (number, field) for number, field in enumerate(fields, 1) if field.startswith(b"|")
        ]
        self._numbers = array("Q")
        # All salts in a row, mixed into HMAC's inner and outer key, and all digests (RFC 2104 §2).
        self._inner = self._outer = self._digests = b""
        self._found: dict[str, tuple[int, tuple[int, ...]]] = dict(before._found) if before is not None else {}

    def __len__(self) -> int:
        return len(self._numbers if self._fields is None else self._fields)

    def find(self, name: str) -> tuple[int, ...]:
        """Return the numbers of the lines whose hash is that of ``name``."""
        if self._fields is not None:
            self._decode(self._fields)
            self._fields = None
        if not self._numbers:
            return ()
        checked, found = self._found.pop(name, (0, ()))
        if checked < len(self._numbers):
            found += self._search(name, checked)
        if len(self._found) >= MAX_NAMES:
            self._found.clear()
        self._found[name] = (len(self._numbers), found)
        return found

    def _decode(self, fields: list[tuple[int, bytes]]) -> None:
        salts, digests = [], []
        decode = binascii.a2b_base64
        for number, field in fields:
            try:
                # A fast path for the usual form: split_hash takes three times as long.
                usual = len(field) == _FIELD and field[:3] == b"|1|" and field[31:32] == b"|"
                parts = (decode(field[3:31]), decode(field[32:])) if usual else split_hash(field.decode("ascii"))
            except (binascii.Error, UnicodeDecodeError):
                continue
            if parts is None or not len(parts[0]) == len(parts[1]) == HASH_SIZE:
                continue
            salts.append(parts[0])
            digests.append(parts[1])
            self._numbers.append(number)
        packed = b"".join(salts)
        self._inner, self._outer = packed.translate(_INNER), packed.translate(_OUTER)
        self._digests = b"".join(digests)

    def _search(self, name: str, start: int) -> tuple[int, ...]:
        # HMAC by hand: hmac.digest takes 1.5 times as long.
        sha1 = hashlib.sha1
        inner, outer, digests = self._inner, self._outer, self._digests
        inner_rest = b"\x36" * (BLOCK - HASH_SIZE) + name.encode("utf-8", "surrogateescape")
        outer_rest = b"\x5c" * (BLOCK - HASH_SIZE)
        size = HASH_SIZE
        return tuple(
            self._numbers[place // size]
            for place in range(start * size, len(digests), size)
            if sha1(
                outer[place : place + size] + outer_rest + sha1(inner[place : place + size] + inner_rest).digest()
            ).digest()
            == digests[place : place + size]
        )
