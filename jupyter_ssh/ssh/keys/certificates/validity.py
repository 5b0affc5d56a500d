"""Times in the notation of ssh-keygen(1) and allowed_signers: ``-V`` intervals, dates, time spans."""

from __future__ import annotations

import calendar
import re
import time

from jupyter_ssh.ssh.errors import ConfigError

FOREVER = (1 << 64) - 1
"""A time that never comes."""
SPAN = re.compile(r"(\d{1,12})([smhdw]?)", re.ASCII | re.IGNORECASE)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
DATE_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""By the number of digits."""


def parse_validity(text: str, now: float) -> tuple[int, int]:
    """Parse an interval of ``ssh-keygen -V`` into its first second and the first second after it.

    ``+SPAN`` begins at ``now`` (a minute earlier, as clocks differ).  Otherwise it is ``FROM:TO``, each a date, a time
    span ``+4w`` or ``-1d`` from now, or a hexadecimal ``0x…``; FROM may be ``always``, TO ``forever``.
    Raises `ConfigError`.
    """
    if text.startswith("+") and ":" not in text:
        return (int(now) - 59) // 60 * 60, int(now) + parse_span(text[1:])
    begin, colon, end = text.partition(":")
    if not colon:
        raise ConfigError("not a validity interval", expected="'+SPAN' or 'FROM:TO'", received=repr(text[:80]))
    valid_after = 0 if begin == "always" else _parse_point(begin, now)
    valid_before = FOREVER if end == "forever" else _parse_point(end, now)
    if not 0 <= valid_after < valid_before <= FOREVER:
        raise ConfigError("empty validity interval", received=repr(text[:80]))
    return valid_after, valid_before


def parse_span(text: str) -> int:
    """Parse a time span such as ``90``, ``1h30m`` or ``52w`` (sshd_config(5), TIME FORMATS) into seconds.

    Raises `ConfigError`.
    """
    position = total = 0
    for match in SPAN.finditer(text):
        if match.start() != position:
            break
        total += int(match[1]) * SECONDS[match[2].lower()]
        position = match.end()
    if not text or position != len(text):
        raise ConfigError("not a time span", expected="one such as 52w or 1h30m", received=repr(text[:80]))
    return total


def parse_date(text: str) -> int:
    """Return the seconds since the epoch of ``YYYYMMDD[HHMM[SS]]``, in UTC if a ``Z`` follows, else in local time.

    Raises `ConfigError`.
    """
    digits = text[:-1] if text[-1:] in ("Z", "z") else text
    try:
        # strptime itself accepts fewer digits in a field.
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError
        parsed = time.strptime(digits, DATE_FORMATS[len(digits)])
        return calendar.timegm(parsed) if digits != text else int(time.mktime((*parsed[:8], -1)))
    except (KeyError, ValueError, OverflowError):
        raise ConfigError("not a date", expected="YYYYMMDD[HHMM[SS]][Z]", received=repr(text[:80])) from None


def _parse_point(text: str, now: float) -> int:
    if text[:1] in ("+", "-"):
        span = parse_span(text[1:])
        return max(int(now) + (span if text[0] == "+" else -span), 0)
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
        return int(text, 16)
    return parse_date(text)


def format_time(seconds: int) -> str:
    """Return a time in local time as ``ssh-keygen -L`` prints it: ``2026-01-31T12:00:00``."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        return f"{seconds} seconds after 1970"


def format_validity(valid_after: int, valid_before: int) -> str:
    """Return an interval as ``ssh-keygen -L`` prints it: ``forever``, ``from … to …``, ``after …``, ``before …``."""
    if valid_after == 0 and valid_before == FOREVER:
        return "forever"
    if valid_after == 0:
        return f"before {format_time(valid_before)}"
    if valid_before == FOREVER:
        return f"after {format_time(valid_after)}"
    return f"from {format_time(valid_after)} to {format_time(valid_before)}"
