"""Make untrusted text safe to show: it must not control the terminal or the page it is shown on."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

REPLACEMENT: Final = "?"
_LINE_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n|\Z)")


def printable(text: str) -> str:
    """Return ``text`` with `REPLACEMENT` for everything that is not visible as itself, except newlines and tabs.

    It replaces control characters of both sets (ESC, and CSI and OSC in their one-byte forms), carriage returns that
    would overwrite a line, characters that change the writing direction, invisible ones, and surrogates of invalid
    UTF-8.
    """
    text = text.replace("\r\n", "\n")
    return text if text.isprintable() else "".join(map(_shown, text))


def without_controls(text: str) -> str:
    """Return ``text`` with `REPLACEMENT` for control characters except newlines and tabs, and with all others as is.

    It is for results that programs read too: line ends of Windows and bytes that are not UTF-8 are kept.
    """
    return text if text.isprintable() else _CONTROLS.sub(REPLACEMENT, text)


def shortened(text: str, longest: int) -> str:
    """Return ``text``, with an ellipsis after the first ``longest`` characters if there are more."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def line_without_controls(text: str) -> str:
    """Return ``text`` with `REPLACEMENT` for control characters except tabs, so that it begins no other line."""
    return text if text.isprintable() else _LINE_CONTROLS.sub(REPLACEMENT, text)


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
