"""The members of a control frame, checked for type and range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jupyter_ssh.pages.frames import LARGEST_STREAM
from jupyter_ssh.ssh.errors import SSHError

LARGEST_OFFSET = (1 << 53) - 1
"""The largest integer that a page represents exactly, in JavaScript's numbers."""


class MemberError(SSHError):
    """A member of a control frame is missing or invalid; the answer to the frame is ``bad-frame``."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name} is invalid", phase="page frames", expected=expected)


class Members:
    """The members of one control frame; every method raises `MemberError`."""

    def __init__(self, message: dict[str, Any]) -> None:
        self._message = message

    def raw(self, name: str) -> Any:
        """Return the member as it is, or None if it is missing."""
        return self._message.get(name)

    def number(self, name: str, least: int = 0, most: int = LARGEST_OFFSET) -> int:
        """Return a whole number."""
        value = self._message.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise MemberError(name, f"a whole number of {least} to {most}")
        return value

    def optional_number(self, name: str) -> int | None:
        """Return a whole number, or None."""
        return None if self._message.get(name) is None else self.number(name)

    def stream(self) -> int:
        """Return the number of a stream."""
        return self.number("stream", 1, LARGEST_STREAM)

    def text(self, name: str, most: int, least: int = 0) -> str:
        """Return a text of limited length."""
        value = self._message.get(name)
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise MemberError(name, f"text of {least} to {most} characters")
        return value

    def optional_text(self, name: str, most: int) -> str | None:
        """Return a text, or None."""
        return None if self._message.get(name) is None else self.text(name, most)

    def boolean(self, name: str) -> bool:
        """Return true or false."""
        value = self._message.get(name)
        if not isinstance(value, bool):
            raise MemberError(name, "true or false")
        return value

    def names(self, name: str, most: int, longest: int) -> frozenset[str]:
        """Return the texts of a list of at most ``most``, each of at most ``longest`` characters."""
        value = self._message.get(name)
        if (
            not isinstance(value, list)
            or len(value) > most
            or not all(isinstance(each, str) and 1 <= len(each) <= longest for each in value)
        ):
            raise MemberError(name, f"a list of at most {most} texts of 1 to {longest} characters")
        return frozenset(value)

    def request(self) -> str | int:
        """Return the page's identifier for its request, which the answer repeats."""
        value = self._message.get("request")
        if isinstance(value, bool) or not isinstance(value, (int, str)) or len(str(value)) > 100:
            raise MemberError("request", "a number or a short text")
        return value

    def references(self, names: Iterable[str]) -> dict[str, Any]:
        """Return those of the members ``names`` that an `error` about this frame may repeat."""
        found: dict[str, Any] = {}
        for name in names:
            value = self._message.get(name)
            if isinstance(value, (int, str)) and len(str(value)) <= 100:
                found[name] = value
        return found
