"""The options in front of a key in authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT).

One row an option.  An option that is known but not enforced here would silently give more than its author meant, so
the line that has it is refused; so is one with an unknown option.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .addresses import address_matches


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """What a key may be used for; the defaults are those of a line without options."""

    pty: bool = True
    port_forwarding: bool = True
    command: str | None = None
    """Run in the place of whatever the client asks for."""
    sources: tuple[str, ...] = ()
    """Address lists (``from=``), every one of which must hold."""
    permit_open: tuple[str, ...] | None = None
    """``HOST:PORT`` that direct-tcpip may go to; None: anywhere."""
    expires: float | None = None
    """Seconds since the epoch after which the key lets nobody in."""

    def admits(self, address: str, now: float) -> bool:
        """Whether somebody at ``address`` may log in with the key at ``now`` (seconds since the epoch)."""
        if self.expires is not None and now >= self.expires:
            return False
        return all(address_matches(address, source) for source in self.sources)


def parse_options(text: str) -> KeyOptions:
    """Comma-separated options to their meaning; raises `ValueError` with what is wrong, for people."""
    options = KeyOptions()
    for name, value in split_options(text):
        row = _OPTIONS.get(name.lower())
        if row is None:
            raise ValueError(f"option {name} is not known or not supported, so the whole line is ignored")
        if row.takes_value != (value is not None):
            raise ValueError(f"option {name} {'needs a' if row.takes_value else 'takes no'} value")
        options = row.apply(options, value or "")
    return options


# Inside quotation marks only \" is special; a backslash before anything else is a backslash.
_ITEM = re.compile(r'([A-Za-z0-9-]+)(?:="((?:\\"|[^"\\]|\\(?!"))*)")?')


def split_options(text: str) -> list[tuple[str, str | None]]:
    """Options as (name, value or None); a quotation mark in a value is written ``\\"``, all else is as it stands."""
    items: list[tuple[str, str | None]] = []
    position = 0
    while True:
        match = _ITEM.match(text, position)
        if match is None:
            raise ValueError(f"options are malformed at column {position + 1}")
        value = match.group(2)
        items.append((match.group(1), None if value is None else value.replace('\\"', '"')))
        position = match.end()
        if position == len(text):
            return items
        if text[position] != ",":
            raise ValueError(f"options are malformed at column {position + 1}")
        position += 1


@dataclass(frozen=True, slots=True)
class _Option:
    apply: Callable[[KeyOptions, str], KeyOptions]
    takes_value: bool = False


def _set(**changes: bool) -> _Option:
    def apply(options: KeyOptions, value: str) -> KeyOptions:
        return replace(options, **changes)  # type: ignore[arg-type]

    return _Option(apply)


def _nothing(*, takes_value: bool = False) -> _Option:
    return _Option(lambda options, value: options, takes_value)


def _command(options: KeyOptions, value: str) -> KeyOptions:
    if options.command is not None:
        raise ValueError("option command is given twice")
    return replace(options, command=value)


def _source(options: KeyOptions, value: str) -> KeyOptions:
    try:
        address_matches("0.0.0.0", value)
        address_matches("::", value)
    except ValueError as error:
        raise ValueError(f"option from is malformed: {error}") from None
    return replace(options, sources=(*options.sources, value))


_DESTINATION = re.compile(r"(\[[^\]]+\]|[^:\[\]]+):(\d{1,5}|\*)\Z")


def _permit_open(options: KeyOptions, value: str) -> KeyOptions:
    if not _DESTINATION.match(value):
        raise ValueError("option permitopen is malformed: HOST:PORT is expected")
    return replace(options, permit_open=(*(options.permit_open or ()), value))


_EXPIRY = re.compile(r"(\d{8}(?:\d{4}(?:\d{2})?)?)(Z?)\Z")
_EXPIRY_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def _expiry_time(options: KeyOptions, value: str) -> KeyOptions:
    match = _EXPIRY.match(value)
    if match is None:
        raise ValueError("option expiry-time is malformed: YYYYMMDD or YYYYMMDDHHMM[SS], perhaps with Z, is expected")
    digits, utc = match.groups()
    try:
        moment = time.strptime(digits, _EXPIRY_FORMATS[len(digits)])
        if utc:
            expires = float(calendar.timegm(moment))
        else:
            expires = time.mktime(moment)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"option expiry-time is malformed: {error}") from None
    return replace(options, expires=expires if options.expires is None else min(expires, options.expires))


_OPTIONS: Final[dict[str, _Option]] = {
    "command": _Option(_command, takes_value=True),
    "from": _Option(_source, takes_value=True),
    "permitopen": _Option(_permit_open, takes_value=True),
    "expiry-time": _Option(_expiry_time, takes_value=True),
    "restrict": _set(pty=False, port_forwarding=False),
    "pty": _set(pty=True),
    "no-pty": _set(pty=False),
    "port-forwarding": _set(port_forwarding=True),
    "no-port-forwarding": _set(port_forwarding=False),
    # What these allow or forbid does not exist here: neither agent nor X11 forwarding, nor ~/.ssh/rc.
    "agent-forwarding": _nothing(),
    "no-agent-forwarding": _nothing(),
    "x11-forwarding": _nothing(),
    "no-x11-forwarding": _nothing(),
    "user-rc": _nothing(),
    "no-user-rc": _nothing(),
    # PermitUserEnvironment is off, as it is in sshd unless turned on.
    "environment": _nothing(takes_value=True),
}
