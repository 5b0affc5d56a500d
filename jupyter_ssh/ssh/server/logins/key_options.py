"""The options before a key in authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT).

One row per option.  Ignoring an option that cannot be enforced here would allow more than its author intended, so a
line with such an option is refused; so is one with an unknown option.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.options import USER_EXTENSIONS, UserOptions
from jupyter_ssh.ssh.server.logins.addresses import address_matches


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """What a key may be used for; the defaults are those of a line without options."""

    pty: bool = True
    port_forwarding: bool = True
    agent_forwarding: bool = True
    x11_forwarding: bool = True
    user_rc: bool = True
    command: str | None = None
    """Run instead of whatever the client asks for."""
    sources: tuple[str, ...] = ()
    """Address lists (``from=``), all of which must match."""
    permit_open: tuple[str, ...] | None = None
    """Permitted destinations ``HOST:PORT`` of direct-tcpip; None for any."""
    permit_listen: tuple[str, ...] | None = None
    """Permitted ``[HOST:]PORT`` for remote forwarding; None for any."""
    expires: float | None = None
    """When the key expires, in seconds since the epoch."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables for the session, if the server permits it (PermitUserEnvironment)."""
    touch_required: bool = True
    """Whether a security key must have been touched for the signature."""
    verify_required: bool = False
    """Whether a security key must have checked a PIN or a fingerprint for the signature."""
    cert_authority: bool = False
    """Whether the key is an authority whose certificates are accepted; the key itself is then not."""
    principals: tuple[str, ...] | None = None
    """A certificate of this authority must have one of these principals; None: the user's name."""

    def admits(self, address: str, now: float) -> bool:
        """Return whether a client at ``address`` may log in with the key, at ``now`` in seconds since the epoch."""
        if self.expires is not None and now >= self.expires:
            return False
        return all(address_matches(address, source) for source in self.sources)

    def merged(self, other: KeyOptions) -> KeyOptions:
        """Return what both allow, such as an authority's line and a certificate; ``self`` takes precedence.

        Raises `ValueError` if they force different commands.
        """
        if self.command is not None and other.command is not None and self.command != other.command:
            raise ValueError("there are two different forced commands")
        expires = [time for time in (self.expires, other.expires) if time is not None]
        return KeyOptions(
            **{name: getattr(self, name) and getattr(other, name) for name in PERMISSIONS},
            command=other.command if self.command is None else self.command,
            sources=(*self.sources, *other.sources),
            permit_open=other.permit_open if self.permit_open is None else self.permit_open,
            permit_listen=other.permit_listen if self.permit_listen is None else self.permit_listen,
            expires=min(expires, default=None),
            environment=(*self.environment, *other.environment),
            touch_required=self.touch_required or other.touch_required,
            verify_required=self.verify_required or other.verify_required,
        )


PERMISSIONS: Final = ("pty", "port_forwarding", "agent_forwarding", "x11_forwarding", "user_rc")
"""Fields that ``restrict`` turns off, and for which a certificate needs an extension."""

RESTRICTED: Final = KeyOptions(**dict.fromkeys(PERMISSIONS, False))  # type: ignore[arg-type]

_EXTENSIONS: Final[dict[str, dict[str, bool]]] = {
    "permit-X11-forwarding": {"x11_forwarding": True},
    "permit-agent-forwarding": {"agent_forwarding": True},
    "permit-port-forwarding": {"port_forwarding": True},
    "permit-pty": {"pty": True},
    "permit-user-rc": {"user_rc": True},
    "no-touch-required": {"touch_required": False},
}
assert set(_EXTENSIONS) == set(USER_EXTENSIONS)


def of_certificate(certificate: Certificate, critical: UserOptions) -> KeyOptions:
    """Return what a certificate allows: nothing but what it has an extension for; ``critical`` are its critical
    options.

    Its source addresses have already been checked.  Unknown extensions are ignored (PROTOCOL.certkeys).
    """
    options = replace(RESTRICTED, command=critical.force_command, verify_required=critical.verify_required)
    for name, changes in _EXTENSIONS.items():
        if certificate.permits(name):
            options = replace(options, **changes)  # type: ignore[arg-type]
    return options


def parse_options(text: str) -> KeyOptions:
    """Parse comma-separated options.  Raises `ValueError` with a message for people."""
    options = KeyOptions()
    for name, value in split_options(text):
        row = _OPTIONS.get(name.lower())
        if row is None:
            raise ValueError(f"option {name} is unknown or not supported, so the whole line is ignored")
        if row.takes_value != (value is not None):
            raise ValueError(f"option {name} {'needs a' if row.takes_value else 'takes no'} value")
        options = row.apply(options, value or "")
    return options


# Inside quotation marks only \" is special; before anything else a backslash is literal.
_ITEM = re.compile(r'([A-Za-z0-9-]+)(?:="((?:\\"|[^"\\]|\\(?!"))*)")?')


def split_options(text: str) -> list[tuple[str, str | None]]:
    """Split options into (name, value or None); in a value, ``\\"`` is a quotation mark and all else is literal."""
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


_LISTENING = re.compile(r"(?:(\[[^\]]+\]|[^:\[\]]+):)?(\d{1,5}|\*)\Z")
_VARIABLE = re.compile(r"([A-Za-z0-9_]+)=([^\0]*)", re.DOTALL)


def _permit_listen(options: KeyOptions, value: str) -> KeyOptions:
    if not _LISTENING.match(value):
        raise ValueError("option permitlisten is malformed: [HOST:]PORT is expected")
    return replace(options, permit_listen=(*(options.permit_listen or ()), value))


def _environment(options: KeyOptions, value: str) -> KeyOptions:
    match = _VARIABLE.fullmatch(value)
    if match is None:
        raise ValueError("option environment is malformed: NAME=value is expected")
    if any(name == match[1] for name, _ in options.environment):
        return options  # the first counts
    return replace(options, environment=(*options.environment, (match[1], match[2])))


def _principals(options: KeyOptions, value: str) -> KeyOptions:
    names = tuple(value.split(","))
    if options.principals is not None or not all(names):
        raise ValueError("option principals is malformed or given twice: comma-separated names are expected")
    return replace(options, principals=names)


def _refused(why: str, *, takes_value: bool = False) -> _Option:
    def apply(options: KeyOptions, value: str) -> KeyOptions:
        raise ValueError(why)

    return _Option(apply, takes_value)


def _permit_open(options: KeyOptions, value: str) -> KeyOptions:
    if not _DESTINATION.match(value):
        raise ValueError("option permitopen is malformed: HOST:PORT is expected")
    return replace(options, permit_open=(*(options.permit_open or ()), value))


_EXPIRY = re.compile(r"(\d{8}(?:\d{4}(?:\d{2})?)?)(Z?)\Z")
_EXPIRY_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def _expiry_time(options: KeyOptions, value: str) -> KeyOptions:
    match = _EXPIRY.match(value)
    if match is None:
        raise ValueError("option expiry-time is malformed: YYYYMMDD[HHMM[SS]], optionally with Z, is expected")
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
    "permitlisten": _Option(_permit_listen, takes_value=True),
    "environment": _Option(_environment, takes_value=True),
    "principals": _Option(_principals, takes_value=True),
    "cert-authority": _set(cert_authority=True),
    "no-touch-required": _set(touch_required=False),
    "verify-required": _set(verify_required=True),
    "restrict": _set(**dict.fromkeys(PERMISSIONS, False)),
    "pty": _set(pty=True),
    "no-pty": _set(pty=False),
    "port-forwarding": _set(port_forwarding=True),
    "no-port-forwarding": _set(port_forwarding=False),
    "agent-forwarding": _set(agent_forwarding=True),
    "no-agent-forwarding": _set(agent_forwarding=False),
    # There is neither X11 forwarding nor ~/.ssh/rc here, so these have no effect.
    "x11-forwarding": _set(x11_forwarding=True),
    "no-x11-forwarding": _set(x11_forwarding=False),
    "user-rc": _set(user_rc=True),
    "no-user-rc": _set(user_rc=False),
    # The key is meant for a tunnel device, not for whatever else a login gives.
    "tunnel": _refused("option tunnel is not supported, so the whole line is ignored", takes_value=True),
}
