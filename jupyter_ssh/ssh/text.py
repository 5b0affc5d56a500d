"""Make untrusted text safe to show: it must not control the terminal or the page it is shown on."""

from __future__ import annotations

import unicodedata
from typing import Final

REPLACEMENT: Final = "?"


def printable(text: str) -> str:
    """Return ``text`` with `REPLACEMENT` for everything that is not visible as itself, except newlines and tabs.

    It replaces control characters of both sets (ESC, and CSI and OSC in their one-byte forms), carriage returns that
    would overwrite a line, characters that change the writing direction, invisible ones, and surrogates of invalid
    UTF-8.
    """
    text = text.replace("\r\n", "\n")
    return text if text.isprintable() else "".join(map(_shown, text))


def escaped(text: str) -> str:
    """Return ``text`` as one line, with Python's escapes for everything that is not printable."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    # Spaces of other widths are harmless.
    return " " if unicodedata.category(character) == "Zs" else REPLACEMENT
