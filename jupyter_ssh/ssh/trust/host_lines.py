"""The lines of a known_hosts file in memory, and finding a host's name in them.

Reading a file only collects its names; a line is parsed when its host is looked up, so that a million lines cost
neither the time nor the memory of a million entries.
"""

from __future__ import annotations

import binascii
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from jupyter_ssh.ssh.trust.entries import BadLine, Entry, parse_line
from jupyter_ssh.ssh.trust.hashed_names import HashedNames
from jupyter_ssh.ssh.trust.patterns import matches

# The host field of each line, after a marker if there is one; nothing for comments and empty lines.  For bytes, "\s"
# matches the same white space as bytes.split().
_HOSTS = re.compile(rb"^[^\S\n]*(?:@\S*[^\S\n]+)?(?![#@])(\S*)|^", re.MULTILINE)
_NO_NAME = re.compile(r"[\s,]|^$")
_WILDCARDS = re.compile(rb"[*?!]")
_START, _END, _LINE, _COMMA = b"\n", b"\t", b"\t\n", b"\t,\n"


class HostLines:
    """The content of a file, split into lines by LF; ``before`` is its content when it was last read."""

    def __init__(self, path: Path, data: bytes = b"", before: HostLines | None = None) -> None:
        self.path = path
        self._data = data
        lines = data.split(b"\n")
        self._starts = array("Q", accumulate((len(line) + 1 for line in lines), initial=0))
        del lines
        fields: list[bytes] = _HOSTS.findall(data)
        grown = before if before is not None and len(before._data) and data.startswith(before._data) else None
        self._hashed: HashedNames = HashedNames(fields, grown._hashed if grown is not None else None)
        if self._hashed:
            fields = [b"" if field.startswith(b"|") else field for field in fields]
        # Each name is between LF and TAB, each line ends with TAB LF: a host field contains no white space.
        self._names = b"".join((_START, _lower(_LINE.join(fields)).replace(b",", _COMMA), _LINE))
        self._with_wildcards = self._find_wildcards(fields)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def lookup(self, name: str) -> list[Entry | BadLine]:
        """Return the entries for a lower-case name, and the malformed lines for it, in order."""
        numbers = {*self._spelled_out(name), *self._hashed.find(name)} - self._with_wildcards.keys()
        numbers |= {number for number, patterns in self._with_wildcards.items() if matches(name, patterns)}
        parsed = (self._parse(number) for number in sorted(numbers))
        return [line for line in parsed if line is not None]

    def with_key(self, blob: bytes) -> list[Entry]:
        """Return the well-formed entries with exactly this key."""
        base64 = binascii.b2a_base64(blob, newline=False)
        found = []
        place = self._data.find(base64)
        while place >= 0:
            number = bisect_right(self._starts, place)
            entry = self._parse(number)
            if isinstance(entry, Entry) and entry.blob == blob:
                found.append(entry)
            place = self._data.find(base64, self._starts[number])
        return found

    def parsed(self) -> Iterator[Entry | BadLine | None]:
        """Parse every line and yield what it is."""
        return (self._parse(number) for number in range(1, len(self) + 1))

    def _parse(self, number: int) -> Entry | BadLine | None:
        return parse_line(self._data[self._starts[number - 1] : self._starts[number] - 1], self.path, number)

    def _spelled_out(self, name: str) -> Iterator[int]:
        """Yield the numbers of the lines that spell ``name`` out."""
        if _NO_NAME.search(name):
            return
        needle = _START + name.encode("utf-8", "surrogateescape") + _END
        number, counted = 1, 0
        place = self._names.find(needle)
        while place >= 0:
            number += self._names.count(_LINE, counted, place + 1)
            counted = place + 1
            yield number
            place = self._names.find(needle, counted)

    def _find_wildcards(self, fields: list[bytes]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        number, counted = 1, 0
        for match in _WILDCARDS.finditer(self._names):
            number += self._names.count(_LINE, counted, match.start())
            counted = match.start()
            if number not in found:
                found[number] = fields[number - 1].decode("utf-8", "surrogateescape").lower().split(",")
        return found


def _lower(text: bytes) -> bytes:
    if text.isascii():
        return text.lower()
    return text.decode("utf-8", "surrogateescape").lower().encode("utf-8", "surrogateescape")
