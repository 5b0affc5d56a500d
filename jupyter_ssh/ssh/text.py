"""Text of strangers, made safe to show: it may not steer the terminal or the page that it is shown on."""

from __future__ import annotations

import unicodedata
from typing import Final

REPLACEMENT: Final = "?"


def printable(text: str) -> str:
    """Return ``text`` with newlines and tabs kept, and `REPLACEMENT` for all that is not seen as itself.

    That is: control characters of both sets (ESC, and CSI and OSC in their one-byte forms), carriage returns that would
    write over a line, characters that change the direction of what follows, invisible ones, halves of broken UTF-8.
    """
    text = text.replace("\r\n", "\n")
    return text if text.isprintable() else "".join(map(_shown, text))


def escaped(text: str) -> str:
    """Return ``text`` as one line, with Python's escapes for all that is not printable."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    # Spaces of other widths are no harm.
    return " " if unicodedata.category(character) == "Zs" else REPLACEMENT
