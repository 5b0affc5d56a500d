"""Escape sequences of a terminal session (ssh(1), ESCAPE CHARACTERS): ``~`` after a newline, and a letter."""

from __future__ import annotations

from collections.abc import Iterator

HELP = """\
Supported escape sequences:
 ~.   - terminate connection
 ~B   - send a BREAK to the remote system
 ~I   - show information about the connection
 ~R   - request rekey
 ~V/v - decrease/increase verbosity (LogLevel)
 ~^Z  - suspend
 ~?   - this message
 ~~   - send the escape character by typing it twice
(Note that escapes are only recognized immediately after newline.)
"""

TERMINATE = "."
SEND_BREAK = "B"
SHOW_INFO = "I"
REKEY = "R"
LESS, MORE = "V", "v"
SUSPEND = "\x1a"
SHOW_HELP = "?"
_COMMANDS = frozenset({TERMINATE, SEND_BREAK, SHOW_INFO, REKEY, LESS, MORE, SUSPEND, SHOW_HELP})
_NEWLINES = b"\r\n"


class EscapeFilter:
    """Extracts escape sequences from typed bytes; ``character`` is the escape character, ``None`` disables them."""

    def __init__(self, character: str | None) -> None:
        self._escape = None if character is None else character.encode("latin-1", "replace")
        self._at_line_start = True
        self._pending = False  # the escape character was typed, and the next one is not known yet

    def feed(self, data: bytes) -> Iterator[bytes | str]:
        """Split ``data`` into bytes to send and the letters (constants above) of escape sequences."""
        escape = self._escape
        if escape is None or (not self._pending and escape not in data):
            if data:
                self._at_line_start = data[-1:] in (b"\r", b"\n")
                yield data
            return
        send = bytearray()
        for number in data:
            byte = bytes((number,))
            if self._pending:
                self._pending = False
                command = byte.decode("latin-1")
                if command in _COMMANDS:
                    if send:
                        yield bytes(send)
                        send.clear()
                    yield command
                    continue
                if byte != escape:
                    send += escape
            elif self._at_line_start and byte == escape:
                self._pending = True
                continue
            self._at_line_start = number in _NEWLINES
            send += byte
        if send:
            yield bytes(send)
