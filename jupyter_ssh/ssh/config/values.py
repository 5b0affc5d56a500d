"""Convert the arguments of a keyword to a typed value, and a value back to text (``ssh -G``).

Each `Kind` is a pair: a reader that raises ``ValueError`` with OpenSSH's words, and a writer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Final

from jupyter_ssh.ssh.config.services import SERVICES

_TIME_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZE_UNITS = {unit: 1 << 10 * power for power, unit in enumerate(("b", "k", "m", "g", "t", "p", "e"))} | {"": 1}
_SIZE = re.compile(r"\+?(?=\.?[0-9])([0-9]{0,19})(?:\.([0-9]{0,18}))?([bkmgtpe]?)", re.IGNORECASE)
_LARGEST_SIZE = 2**63 - 1
_TIME_PART = re.compile(r"\+?([0-9]+)([smhdw]?)", re.IGNORECASE)
_LONGEST_TIME = 2**31 - 1
_NUMBER = re.compile(r"[ \t]*\+?([0-9]+)")
_SMALLEST_REKEY = 16  # bytes; OpenSSH's minimum too

_YES = {"yes": True, "true": True}
_NO = {"no": False, "false": False}


UNSET: Final = object()  # a time of "none": as if the line were missing


@dataclass(frozen=True, slots=True)
class RekeyLimit:
    """When to re-exchange keys: after ``size`` bytes (``None``: the cipher's limit) or ``seconds``.

    ``seconds`` is 0 for never and ``None`` if not given.
    """

    size: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class AgentAddition:
    """Whether used keys are added to the agent: ``when`` is no, yes, ask, or confirm (the agent asks at each use)."""

    when: str = "no"
    seconds: int = 0
    """How long the agent keeps them; 0 is forever."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a keyword's value.  ``most`` is the maximum number of arguments; ``raw``: the rest of the line is
    one; ``variables``: those in the arguments are expanded before they are read, since they decide how.

    A reader that returns `UNSET` leaves the keyword to the next line that gives it.
    """

    name: str
    read: Callable[[Sequence[str]], object]
    write: Callable[[object], list[str]]
    most: int | None = 1
    raw: bool = False
    variables: bool = False


def parse_yes_no(text: str) -> bool:
    """Parse ``yes``, ``true``, ``no`` or ``false`` in any case."""
    value = {**_YES, **_NO}.get(text.lower())
    if value is None:
        raise ValueError(f'unsupported option "{text}", expected yes or no')
    return value


def parse_integer(text: str) -> int:
    """Parse a non-negative decimal integer of at most 32 bits."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        problem = "too small" if re.fullmatch(r"[ \t]*-[0-9]+", text) else "invalid"
        raise ValueError(f"integer value {problem}: {text}")
    if len(match[1].lstrip("0")) > 10 or int(match[1]) > 2**31 - 1:
        raise ValueError(f"integer value too large: {text}")
    return int(match[1])


def parse_port(text: str) -> int:
    """Parse a TCP port, 1 to 65535, or the name of one."""
    match = _NUMBER.fullmatch(str(SERVICES.get(text, text)))
    if match is None or len(match[1].lstrip("0")) > 5 or not 0 < int(match[1]) < 65536:
        raise ValueError(f"Bad port '{text}'")
    return int(match[1])


def parse_time(text: str) -> float:
    """Parse ``90``, ``1m30s``, ``1h30m`` or ``2d`` (sshd_config(5), TIME FORMATS), or ``0.5``, into seconds."""
    if re.fullmatch(r"[0-9]*\.[0-9]+", text):
        return float(text)
    position, seconds = 0, 0
    while match := _TIME_PART.match(text, position):
        seconds += int(match[1]) * _TIME_UNITS[match[2].lower()]
        position = match.end()
    if not text or position != len(text) or seconds > _LONGEST_TIME:
        raise ValueError(f"invalid time value: {text}")
    return seconds


def parse_size(text: str) -> int:
    """Parse ``4096``, ``512K`` or ``1.5G`` into bytes."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"invalid size: {text}")
    unit = _SIZE_UNITS[match[3].lower()]
    fraction = match[2] or ""
    whole: int = 10 ** len(fraction)
    size = int(match[1] or "0") * unit + int(fraction or "0") * unit // whole
    if size > _LARGEST_SIZE:
        raise ValueError(f"size too large: {text}")
    return size


def _read_time_or_unset(arguments: Sequence[str]) -> object:
    return UNSET if arguments[0] == "none" else parse_time(arguments[0])


def _read_text_or_none(arguments: Sequence[str]) -> str | None:
    return None if arguments[0].lower() == "none" else arguments[0]


def _alone(*words: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return a reader of several words; each of ``words`` may appear only alone, and "none" is an empty list."""

    def read(arguments: Sequence[str]) -> tuple[str, ...]:
        for argument in arguments:
            if not argument:
                raise ValueError("empty argument")
            if argument.lower() in words and len(arguments) > 1:
                raise ValueError(f'"{argument.lower()}" argument must appear alone.')
        return () if arguments[0].lower() == "none" else tuple(arguments)

    return read


def _read_patterns(arguments: Sequence[str]) -> tuple[str, ...]:
    for argument in arguments:
        if not argument or "=" in argument:
            raise ValueError("Invalid environment name.")
    return tuple(arguments)


def _read_rekey_limit(arguments: Sequence[str]) -> RekeyLimit:
    first = arguments[0].lower()
    size = None if first == "default" else parse_size(first)
    if size is not None and 0 < size < _SMALLEST_REKEY:
        raise ValueError("RekeyLimit too small")
    seconds = None
    if len(arguments) > 1:
        seconds = 0 if arguments[1] == "none" else int(parse_time(arguments[1]))
    return RekeyLimit(size or None, seconds)


def _read_agent_addition(arguments: Sequence[str]) -> AgentAddition:
    first = {"true": "yes", "false": "no"}.get(arguments[0].lower(), arguments[0].lower())
    if first in ("no", "yes", "ask", "confirm"):
        if len(arguments) > 1 and first != "confirm":
            raise ValueError(f'unsupported option "{" ".join(arguments)}"')
        return AgentAddition(first, int(parse_time(arguments[1])) if len(arguments) > 1 else 0)
    if len(arguments) > 1:
        raise ValueError(f'unsupported option "{" ".join(arguments)}"')
    return AgentAddition("yes", int(parse_time(first)))


def _write_agent_addition(value: object) -> list[str]:
    if not isinstance(value, AgentAddition):
        return []
    # "ssh -G" prints true and false here.
    when = {"yes": "true", "no": "false"}.get(value.when, value.when)
    words = [when] if value.when == "confirm" or not value.seconds else []
    return [" ".join([*words, *([str(value.seconds)] if value.seconds else [])])]


def _read_yes_no_or_path(arguments: Sequence[str]) -> str:
    return {"true": "yes", "false": "no", "yes": "yes", "no": "no"}.get(arguments[0].lower(), arguments[0])


def _read_environment(arguments: Sequence[str]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for word in arguments:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError("Invalid SetEnv.")  # without quoting it: it may be a secret
        variables.setdefault(name, value)
    return variables


def _read_escape(arguments: Sequence[str]) -> str | None:
    text = arguments[0]
    if text == "none":
        return None
    if len(text) == 2 and text[0] == "^" and 64 <= ord(text[1]) < 128:
        return chr(ord(text[1]) & 31)
    if len(text) == 1 and text.isascii():
        return text
    raise ValueError("Bad escape character.")


def _write_escape(value: object) -> list[str]:
    if value is None:
        return ["none"]
    text = str(value)
    return [text if ord(text) >= 32 else f"\\^{chr(ord(text) + 64)}"]


def _write_number(value: object) -> list[str]:
    return ["none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)]


def _write_text(value: object) -> list[str]:
    return [] if value is None else [str(value)]


def _write_lines(value: object) -> list[str]:
    """Return one line per value, as IdentityFile and SendEnv are printed."""
    return [str(word) for word in value] if isinstance(value, Sequence) else []


def _write_one_line(value: object) -> list[str]:
    words = _write_lines(value)
    return [" ".join(words)] if words else ["none"]


def _write_environment(value: object) -> list[str]:
    return [f"{name}={text}" for name, text in value.items()] if isinstance(value, Mapping) else []


def _write_rekey_limit(value: object) -> list[str]:
    return [f"{value.size or 0} {value.seconds or 0}"] if isinstance(value, RekeyLimit) else []


YES_NO = Kind("yes/no", lambda a: parse_yes_no(a[0]), lambda v: ["yes" if v else "no"])
INTEGER = Kind("integer", lambda a: parse_integer(a[0]), _write_number)
PORT = Kind("port", lambda a: parse_port(a[0]), _write_number)
TIME = Kind("time", _read_time_or_unset, _write_number)
TEXT = Kind("text", lambda a: a[0], _write_text)
TEXT_OR_NONE = Kind("text or none", _read_text_or_none, _write_text)
LIST = Kind("comma-separated list", lambda a: a[0], _write_text)
PATH = Kind("path", lambda a: (a[0],), _write_lines)
PATHS = Kind("paths", _alone("none"), _write_one_line, most=None)
WORDS = Kind("words", _alone("none"), _write_one_line, most=None)
PATTERNS = Kind("patterns", _read_patterns, _write_lines, most=None)
ENVIRONMENT = Kind("NAME=value …", _read_environment, _write_environment, most=None)
REKEY_LIMIT = Kind("size [time]", _read_rekey_limit, _write_rekey_limit, most=2)
AGENT_ADDITION = Kind("yes, no, ask, confirm or a time", _read_agent_addition, _write_agent_addition, most=2)
YES_NO_OR_PATH = Kind("yes, no, a path or a variable", _read_yes_no_or_path, _write_text)
ESCAPE = Kind("character, ^letter or none", _read_escape, _write_escape)
COMMAND = Kind("command", _read_text_or_none, _write_text, raw=True)


def one_of(*words: str, shown: Mapping[str, str] | None = None, **also: str) -> Kind:
    """Return a kind that accepts some words in any case; ``also`` maps further spellings to one of them.

    ``shown`` maps words to what ``ssh -G`` prints, if that differs.
    """
    known = {word.lower(): word for word in words} | {spelling.lower(): word for spelling, word in also.items()}
    spelled = shown or {}

    def read(arguments: Sequence[str]) -> str:
        word = known.get(arguments[0].lower())
        if word is None:
            raise ValueError(f'unsupported option "{arguments[0]}", expected one of {", ".join(words)}')
        return word

    return Kind(" | ".join(words), read, lambda value: [spelled.get(str(value), str(value))])


def arguments_of(value: object, kind: Kind) -> list[str]:
    """Return what a person would have typed for a Python value, so that every value goes through its kind's reader.

    Raises ``ValueError`` for a type that no option accepts.
    """
    if isinstance(value, RekeyLimit):
        return [str(value.size) if value.size else "default", *([] if value.seconds is None else [str(value.seconds)])]
    if isinstance(value, AgentAddition):
        return [*_write_agent_addition(value)[0].split()]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (int, float)):
        return [f"{value:f}" if isinstance(value, float) and value != int(value) else str(int(value))]
    if isinstance(value, str):
        return [value]
    if isinstance(value, PathLike):
        return [_path_text(value)]
    if isinstance(value, Mapping):
        return [f"{name}={text}" for name, text in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        if not all(isinstance(word, (str, PathLike)) for word in value):
            # Values of special types, such as the jump hosts of ProxyJump, are parsed from their text again.
            return [text for line in kind.write(value) for text in line.split()]
        words = [_path_text(word) if isinstance(word, PathLike) else str(word) for word in value]
        return words if kind.most is None or kind.most > 1 or kind is PATH else [",".join(words)]
    raise ValueError(f"unsupported type {type(value).__name__}, expected {kind.name}")


def _path_text(path: PathLike[str] | PathLike[bytes]) -> str:
    text = fspath(path)
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
