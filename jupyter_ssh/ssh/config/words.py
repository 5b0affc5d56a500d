"""Split a line of ssh_config into keyword and arguments, with OpenSSH's rules for quotes, ``=`` and comments."""

from __future__ import annotations

import re

# Keyword and arguments are separated by blanks and at most one "="; only by blanks if the keyword is in double quotes.
# A "=" before the keyword is skipped like a blank.
_KEYWORD = re.compile(r'[ \t\r]*=?[ \t\r]*(?:"([^"]*)"|([^ \t\r="]+)[ \t\r]*=?)[ \t\r]*')
_BLANKS = " \t"
_TRAILING = " \t\r\n\f"


def split_keyword(line: str) -> tuple[str, str] | None:
    """Return the keyword of a line and the text after it; ``None`` for an empty line or a comment."""
    line = line.rstrip(_TRAILING)
    match = _KEYWORD.match(line)
    if match is None:
        return None
    keyword = match[1] if match[1] is not None else match[2]
    if not keyword or keyword.startswith("#"):
        return None
    return keyword, line[match.end() :]


def split_arguments(text: str) -> list[str]:
    """Split the arguments of a line: at blanks, except in quotes; ``#`` at the start of an argument begins a comment.

    Raises ``ValueError`` if a quote is not closed.
    """
    arguments: list[str] = []
    position, end = 0, len(text)
    while True:
        while position < end and text[position] in _BLANKS:
            position += 1
        if position == end or text[position] == "#":
            return arguments
        argument, position = next_argument(text, position)
        arguments.append(argument)


def next_argument(text: str, position: int) -> tuple[str, int]:
    """Return the argument that starts at ``position``, without its quotes, and the position after it."""
    taken: list[str] = []
    quote = ""
    end = len(text)
    while position < end:
        character = text[position]
        following = text[position + 1 : position + 2]
        if character == "\\" and following and (following in "'\"\\" or (not quote and following == " ")):
            taken.append(following)
            position += 2
            continue
        if not quote and character in _BLANKS:
            break
        if not quote and character in "'\"":
            quote = character
        elif quote and character == quote:
            quote = ""
        else:
            taken.append(character)
        position += 1
    if quote:
        raise ValueError("invalid quotes")
    return "".join(taken), position


def unquoted(text: str) -> str:
    """Return the rest of a line; if it is a single word in quotes, without them.  Raises ``ValueError``."""
    words = split_arguments(text) if text.startswith(("'", '"')) else []
    return words[0] if len(words) == 1 else text
