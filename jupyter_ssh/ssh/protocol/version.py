"""The identification strings that open a connection (RFC 4253 §4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jupyter_ssh.ssh.errors import VersionError

MAX_VERSION_LINE: Final = 255
"""Bytes of our identification string with its CR LF (RFC 4253 §4.2)."""

MAX_LINE: Final = 8192
"""Bytes of a line of the peer, its identification string or one before it, without its CR LF; the limit of OpenSSH."""

MAX_BANNER_LINES: Final = 1024
"""How many lines a server may send before its identification string; the limit of OpenSSH."""

MAX_KEPT: Final = 65536
"""How many bytes of these lines are kept; of those behind them the last one is."""

SSH_2: Final = (b"2.0", b"1.99")
"""The protocol versions of peers that speak SSH-2; 1.99 means SSH-1 too (RFC 4253 §5.1)."""

_HINTS: Final = (
    (b"HTTP/", "a web server; check the port"),
    (b"<!DOCTYPE", "a web server; check the port"),  # an HTTP/0.9 response has no header
    (b"<html", "a web server; check the port"),
    (b"\x16\x03", "a TLS server; check the port"),
    (b"\x15\x03", "a TLS server; check the port"),  # an alert, because our first line was not a TLS handshake
    (b"220 ", "an FTP or mail server; check the port"),
    (b"Exceeded MaxStartups", "an SSH server with too many connections; try again in a while"),
    (b"Not allowed at this time", "an SSH server that turns connections away; try again in a while"),
)


def _line_end(line: bytearray) -> int:
    """Return how many bytes end ``line``: of many carriage returns only one, so that the others count."""
    return 2 if line.endswith(b"\r\n") else 1 if line.endswith((b"\r", b"\n")) else 0


class VersionExchange:
    """Our identification string, and the lines collected until the peer's is received.

    It does not depend on what follows: any version of the protocol may begin with it.
    """

    __slots__ = ("_allow_banner", "_kept", "_line", "_lines", "_protocols", "banner", "ours", "theirs")

    def __init__(self, ours: bytes, *, allow_banner: bool, protocols: Sequence[bytes] = SSH_2) -> None:
        self.ours = ours
        """Our identification string without its line end; `theirs` likewise."""
        self.theirs = b""
        """The peer's identification string; empty until it is received."""
        self.banner: list[bytes] = []
        """The lines before it, which only a server may send: ``allow_banner`` is for the client.  If there are more
        bytes than `MAX_KEPT`, some lines before the last one are missing."""
        self._allow_banner = allow_banner
        self._protocols = protocols
        self._line = bytearray()
        self._lines = self._kept = 0

    @property
    def line(self) -> bytes:
        """The line to send first."""
        return self.ours + b"\r\n"

    def read(self, data: memoryview) -> int:
        """Read up to the end of the peer's identification string; return how many bytes of ``data`` that took.

        Sets `theirs` once the string is complete.  Raises `VersionError`.
        """
        used = 0
        while not self.theirs and used < len(data):
            # Most lines are short, so reading pieces of 256 bytes is cheap and bounds the copy.
            piece = bytes(data[used : used + 256])
            end = piece.find(b"\n")
            part = piece if end < 0 else piece[: end + 1]
            used += len(part)
            self._line += part
            self._check_line()
            if end >= 0:
                line = bytes(self._line)
                self._line.clear()
                self._take(line)
        return used

    def _check_line(self) -> None:
        looks_right = self._line.startswith(b"SSH-")
        if not self._allow_banner and not b"SSH-".startswith(self._line[:4]) and not looks_right:
            raise self._error("the client did not send an SSH identification string")
        if len(self._line) > MAX_LINE and len(self._line) - _line_end(self._line) > MAX_LINE:
            what = "the identification string" if looks_right else "a line before the identification string"
            raise self._error(f"{what} is longer than {MAX_LINE} bytes")

    def _take(self, line: bytes) -> None:
        text = line[: -2 if line.endswith(b"\r\n") else -1]
        if not text.startswith(b"SSH-"):
            self._keep(text)
            if self._lines > MAX_BANNER_LINES:
                raise self._error(f"no identification string in the first {MAX_BANNER_LINES} lines")
            return
        protocol, _, software = text[4:].partition(b"-")
        if protocol not in self._protocols:
            raise self._error(
                "the peer speaks another version of SSH",
                received=repr(text[:60])[1:],
                next_step=f"Update the peer, or enable version {self._protocols[0].decode()} of the protocol there.",
            )
        if not software or b"\0" in text or b"\r" in text:
            raise self._error("the identification string is malformed", received=repr(text[:60])[1:])
        self.theirs = text

    def _keep(self, text: bytes) -> None:
        if self._kept > MAX_KEPT:
            self.banner.pop()
        self.banner.append(text)
        self._lines += 1
        self._kept += len(text)

    def eof(self) -> VersionError:
        """Return the error for a peer that closes before it has sent its identification string."""
        return self._error("the connection was closed before the peer identified itself")

    def _error(self, message: str, *, received: str | None = None, next_step: str | None = None) -> VersionError:
        said = b"\n".join([*self.banner[:3], bytes(self._line)]).strip()
        hint = next((text for start, text in _HINTS if said.lower().startswith(start.lower())), None)
        if received is None:
            received = repr(said[:80])[1:] if said else "nothing"
        if hint:
            received = f"{received}, which looks like {hint}"
        return VersionError(
            message,
            phase="version exchange",
            expected=f"a line that begins with 'SSH-{self._protocols[0].decode()}-'",
            received=received,
            next_step=next_step or "Check that the host and port are those of an SSH server.",
        )
