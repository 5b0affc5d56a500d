"""The data types of RFC 4251 §5: functions that encode them, and `Reader`, which decodes them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from jupyter_ssh.ssh.errors import WireError

MAX_NAME_LIST = 32768
"""Maximum bytes of a name-list: OpenSSH's longest is under 2 KiB, and ten of them have to fit into a packet."""

MAX_SHARED = 2048
"""Maximum bytes of a name-list whose decoded form is shared: most peers offer the same algorithms, and each connection
keeps its peer's offer."""

MAX_MPINT = 4096
"""Maximum bytes of an mpint: twice the largest RSA key in use."""


def boolean(value: bool) -> bytes:
    """Encode an RFC 4251 §5 boolean: one byte."""
    return b"\1" if value else b"\0"


def uint32(value: int) -> bytes:
    """Encode an RFC 4251 §5 uint32: four bytes, big endian."""
    return value.to_bytes(4, "big")


def uint64(value: int) -> bytes:
    """Encode an RFC 4251 §5 uint64: eight bytes, big endian."""
    return value.to_bytes(8, "big")


def string(value: bytes | str) -> bytes:
    """Encode an RFC 4251 §5 string: a uint32 length and that many bytes; text is encoded as UTF-8."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    return len(value).to_bytes(4, "big") + value


def mpint(value: int) -> bytes:
    """Encode an RFC 4251 §5 mpint: two's complement, big endian, without superfluous leading bytes."""
    if value == 0:
        return b"\0\0\0\0"
    magnitude = value if value > 0 else -value - 1
    size = magnitude.bit_length() // 8 + 1
    return size.to_bytes(4, "big") + value.to_bytes(size, "big", signed=True)


def mpint_from_bytes(magnitude: bytes) -> bytes:
    """Encode a non-negative mpint given as unsigned big-endian bytes (a shared secret X, RFC 8731 §3.1)."""
    return mpint(int.from_bytes(magnitude, "big"))


def name_list(names: Iterable[str]) -> bytes:
    """Encode an RFC 4251 §5 name-list: a string of comma-separated ASCII names."""
    return string(",".join(names).encode("ascii"))


def _names(data: bytes) -> tuple[str, ...]:
    """Split a name-list.  Raises `WireError` for control characters, blanks and empty names.

    Other bytes than US-ASCII become escape sequences, so that their names match none of ours and can be shown.
    """
    if not data:
        return ()
    if any(byte <= 32 or byte == 127 for byte in data):
        raise WireError("name-list contains a control character or a blank", received=repr(data[:40]))
    names = tuple(data.decode("ascii", "backslashreplace").split(","))
    if "" in names:
        raise WireError("name-list contains an empty name", received=repr(data[:40]))
    return names


_shared_names = lru_cache(maxsize=64)(_names)


class Reader:
    """A reader of RFC 4251 §5 values in a bytes-like object, from ``offset`` up to ``end``.

    Every method raises `WireError` if the data is truncated or malformed.
    """

    __slots__ = ("_data", "_end", "_offset")

    def __init__(self, data: bytes | bytearray | memoryview, offset: int = 0, end: int | None = None) -> None:
        self._data = data
        self._offset = offset
        self._end = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        """The number of remaining bytes."""
        return self._end - self._offset

    def raw(self, size: int) -> bytes:
        """Read ``size`` raw bytes."""
        start = self._offset
        if size < 0 or start + size > self._end:
            raise WireError("the message is truncated", expected=f"{size} more bytes", received=f"{self._end - start}")
        self._offset = start + size
        return bytes(self._data[start : start + size])

    def byte(self) -> int:
        """Read a byte as a number."""
        return self.raw(1)[0]

    def boolean(self) -> bool:
        """Read a byte; any value but zero is true."""
        return self.raw(1) != b"\0"

    def uint32(self) -> int:
        """Read four bytes, big endian."""
        return int.from_bytes(self.raw(4), "big")

    def uint64(self) -> int:
        """Read eight bytes, big endian."""
        return int.from_bytes(self.raw(8), "big")

    def string(self, limit: int | None = None) -> bytes:
        """Read a length-prefixed string of at most ``limit`` bytes."""
        size = self.uint32()
        if limit is not None and size > limit:
            raise WireError("string too long", expected=f"at most {limit} bytes", received=f"{size}")
        return self.raw(size)

    def text(self, limit: int | None = None) -> str:
        """Read a string as text: UTF-8, with invalid bytes kept as surrogates."""
        return self.string(limit).decode("utf-8", "surrogateescape")

    def mpint(self) -> int:
        """Read an mpint in its shortest form, of at most `MAX_MPINT` bytes."""
        data = self.string(MAX_MPINT)
        if len(data) > 1 and ((data[0] == 0 and data[1] < 0x80) or (data[0] == 0xFF and data[1] >= 0x80)):
            raise WireError("mpint has superfluous leading bytes", expected="the shortest form (RFC 4251 §5)")
        if data == b"\0":
            raise WireError("mpint zero has a byte", expected="an empty string (RFC 4251 §5)")
        return int.from_bytes(data, "big", signed=True)

    def name_list(self) -> tuple[str, ...]:
        """Read comma-separated names, none of them empty; bytes that are not US-ASCII become escape sequences."""
        data = self.string(MAX_NAME_LIST)
        return _shared_names(data) if len(data) <= MAX_SHARED else _names(data)

    def rest(self) -> bytes:
        """Read all remaining bytes."""
        return self.raw(self._end - self._offset)

    def finish(self) -> None:
        """Raise `WireError` if there are remaining bytes."""
        if self._offset != self._end:
            raise WireError("message is longer than its fields", received=f"{self.remaining} bytes too many")
