"""Critical options and extensions of OpenSSH certificates (PROTOCOL.certkeys): their encoding, and the known ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_ssh.ssh.errors import CertificateOptionError, KeyFormatError, WireError
from jupyter_ssh.ssh.wire.types import Reader, string

if TYPE_CHECKING:
    import ipaddress

FORCE_COMMAND = "force-command"
SOURCE_ADDRESS = "source-address"
VERIFY_REQUIRED = "verify-required"
NO_TOUCH_REQUIRED = "no-touch-required"

USER_OPTIONS: Mapping[str, bool] = {FORCE_COMMAND: True, SOURCE_ADDRESS: True, VERIFY_REQUIRED: False}
"""Critical options of user certificates, and whether they have a value.  Host certificates have none."""

PERMISSIONS = (
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
    "permit-user-rc",
)
"""The extensions that ssh-keygen gives to a user certificate by default."""
USER_EXTENSIONS = (*PERMISSIONS, NO_TOUCH_REQUIRED)
"""All extensions of user certificates; none has a value.  Host certificates have none."""


def encode_options(options: Mapping[str, str | None]) -> bytes:
    """Return string(name) string(data) for each option, sorted by name; None stands for a flag without a value."""
    return b"".join(
        string(name) + string(b"" if value is None else string(value)) for name, value in sorted(options.items())
    )


def decode_options(data: bytes, what: str) -> dict[str, bytes]:
    """Return the names and raw data of options or extensions; ``what`` they are is for the error.

    Raises `KeyFormatError`, also for duplicate names, which would be ambiguous.
    """
    fields = Reader(data)
    options: dict[str, bytes] = {}
    try:
        while fields.remaining:
            name, value = fields.text(), fields.string()
            if name in options:
                raise KeyFormatError(f"the certificate has a duplicate {what} {name[:64]!r}")
            options[name] = value
    except WireError:
        raise KeyFormatError(f"the {what}s of the certificate are malformed") from None
    return options


def option_value(options: Mapping[str, bytes], name: str) -> str | None:
    """Return the text of an option; None if it is missing.  Raises `CertificateOptionError` if it is not a text."""
    if name not in options:
        return None
    fields = Reader(options[name])
    try:
        value = fields.text()
        fields.finish()
    except WireError:
        raise CertificateOptionError(f"the certificate's {name} is malformed", phase="certificate") from None
    return value


@dataclass(frozen=True, slots=True)
class UserOptions:
    """What the critical options of a user certificate demand."""

    force_command: str | None = None
    """The command to run instead of whatever the client asks for."""
    source_addresses: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] | None = None
    """The addresses from which the certificate may be used; None for any."""
    verify_required: bool = False
    """Whether a security key must have checked a PIN or a fingerprint."""

    def admits(self, address: str) -> bool:
        """Return whether a client at the IP address ``address`` may use the certificate."""
        import ipaddress

        if self.source_addresses is None:
            return True
        try:
            subject = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(subject, ipaddress.IPv6Address) and subject.ipv4_mapped is not None:
            # A dual-stack socket reports IPv4 addresses in this form.
            subject = subject.ipv4_mapped
        return any(subject.version == network.version and subject in network for network in self.source_addresses)


def user_options(options: Mapping[str, bytes]) -> UserOptions:
    """Interpret critical options.  Raises `CertificateOptionError` for unknown and malformed ones."""
    check_known(options, USER_OPTIONS)
    sources = option_value(options, SOURCE_ADDRESS)
    return UserOptions(
        force_command=option_value(options, FORCE_COMMAND),
        source_addresses=None if sources is None else parse_sources(sources),
        verify_required=VERIFY_REQUIRED in options,
    )


def check_known(options: Mapping[str, bytes], known: Mapping[str, bool]) -> None:
    """Raise `CertificateOptionError` for an option that is not in ``known``, or a flag with a value."""
    for name, value in options.items():
        if name not in known:
            raise CertificateOptionError(
                "the certificate has an unknown critical option",
                phase="certificate",
                expected=" or ".join(known) or "none",
                received=repr(name[:64]),
            )
        if value and not known[name]:
            raise CertificateOptionError(f"the certificate's {name} must not have a value", phase="certificate")


def parse_sources(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return the networks of a source-address list.  Raises `CertificateOptionError`, also if host bits are set."""
    import ipaddress

    try:
        return tuple(ipaddress.ip_network(item) for item in text.split(","))
    except ValueError:
        raise CertificateOptionError(
            "the certificate's source-address is malformed",
            phase="certificate",
            expected="comma-separated addresses and CIDR ranges",
            received=repr(text[:100]),
        ) from None
