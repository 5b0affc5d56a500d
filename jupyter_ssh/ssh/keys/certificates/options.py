"""Critical options and extensions of OpenSSH certificates (PROTOCOL.certkeys): their encoding, and those we know."""

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
"""Critical options of user certificates, and whether they have a value.  Of host certificates there are none."""

PERMISSIONS = (
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
    "permit-user-rc",
)
"""The extensions that ssh-keygen gives to a user certificate unless told otherwise."""
USER_EXTENSIONS = (*PERMISSIONS, NO_TOUCH_REQUIRED)
"""All extensions of user certificates; none has a value.  Of host certificates there are none."""


def encode_options(options: Mapping[str, str | None]) -> bytes:
    """string(name) string(data) for each option, in the order of their names; None is a flag without a value."""
    return b"".join(
        string(name) + string(b"" if value is None else string(value)) for name, value in sorted(options.items())
    )


def decode_options(data: bytes, what: str) -> dict[str, bytes]:
    """Return names and raw data of options or extensions; ``what`` they are is for the error.

    Raises `KeyFormatError`, also for a name that comes twice: which of the two would hold?
    """
    fields = Reader(data)
    options: dict[str, bytes] = {}
    try:
        while fields.remaining:
            name, value = fields.text(), fields.string()
            if name in options:
                raise KeyFormatError(f"the certificate has the {what} {name[:64]!r} twice")
            options[name] = value
    except WireError:
        raise KeyFormatError(f"the {what}s of the certificate are malformed") from None
    return options


def option_value(options: Mapping[str, bytes], name: str) -> str | None:
    """Return the text of an option; None where it is missing.  Raises `CertificateOptionError` for one without a
    text."""
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
    """Run in the place of whatever the client asks for."""
    source_addresses: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] | None = None
    """Where the certificate may be used from; None: anywhere."""
    verify_required: bool = False
    """Whether a security key must have checked a PIN or a finger."""

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
            # A socket for both protocols reports IPv4 so.
            subject = subject.ipv4_mapped
        return any(subject.version == network.version and subject in network for network in self.source_addresses)


def user_options(options: Mapping[str, bytes]) -> UserOptions:
    """Return the meaning of critical options.  Raises `CertificateOptionError` for unknown and malformed ones."""
    check_known(options, USER_OPTIONS)
    sources = option_value(options, SOURCE_ADDRESS)
    return UserOptions(
        force_command=option_value(options, FORCE_COMMAND),
        source_addresses=None if sources is None else parse_sources(sources),
        verify_required=VERIFY_REQUIRED in options,
    )


def check_known(options: Mapping[str, bytes], known: Mapping[str, bool]) -> None:
    """Raises `CertificateOptionError` for an option that is not in ``known``, or is a flag with a value."""
    for name, value in options.items():
        if name not in known:
            raise CertificateOptionError(
                "the certificate has a critical option that is not known",
                phase="certificate",
                expected=" or ".join(known) or "none",
                received=repr(name[:64]),
            )
        if value and not known[name]:
            raise CertificateOptionError(f"the certificate's {name} has a value", phase="certificate")


def parse_sources(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return the networks of a source-address list; raises `CertificateOptionError`, also where host bits are set."""
    import ipaddress

    try:
        return tuple(ipaddress.ip_network(item) for item in text.split(","))
    except ValueError:
        raise CertificateOptionError(
            "the certificate's source-address is malformed",
            phase="certificate",
            expected="addresses and CIDR ranges with commas between them",
            received=repr(text[:100]),
        ) from None
