"""A certificate as text: the lines of ``ssh-keygen -L``."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_ssh.ssh.errors import CertificateOptionError
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.options import USER_EXTENSIONS, USER_OPTIONS, option_value
from jupyter_ssh.ssh.keys.certificates.validity import format_validity
from jupyter_ssh.ssh.text import escaped

INDENT = " " * 8
ITEM = " " * 16


def describe(certificate: Certificate) -> list[str]:
    """Return the lines that ``ssh-keygen -L`` prints below the name of the file; untrusted text is escaped."""
    statement = certificate.statement
    authority = certificate.authority
    using = certificate.signature_algorithm
    return [
        f"{INDENT}Type: {certificate.key_type} {statement.kind} certificate",
        f"{INDENT}Public key: {certificate.nickname} {certificate.fingerprint}",
        f"{INDENT}Signing CA: {authority.nickname} {authority.fingerprint} (using {using})",
        f'{INDENT}Key ID: "{escaped(statement.key_id)}"',
        f"{INDENT}Serial: {statement.serial}",
        f"{INDENT}Valid: {format_validity(statement.valid_after, statement.valid_before)}",
        *_items("Principals", [escaped(name) for name in statement.principals]),
        *_items("Critical Options", _options(statement.critical_options, USER_OPTIONS)),
        *_items("Extensions", _options(statement.extensions, dict.fromkeys(USER_EXTENSIONS, False))),
    ]


def _items(title: str, items: list[str]) -> list[str]:
    if not items:
        return [f"{INDENT}{title}: (none)"]
    return [f"{INDENT}{title}: ", *(f"{ITEM}{item}" for item in items)]


def _options(options: Mapping[str, bytes], known: Mapping[str, bool]) -> list[str]:
    """Return a line for each option; ``known`` maps known options to whether they have a value."""
    lines = []
    for name, data in options.items():
        shown = escaped(name)
        if known.get(name):
            try:
                shown += f" {escaped(option_value(options, name) or '')}"
            except CertificateOptionError:
                shown += " (malformed)"
        elif data:
            shown += f" UNKNOWN OPTION: {data.hex()} (len {len(data)})"
        elif name not in known:
            shown += " UNKNOWN FLAG OPTION"
        lines.append(shown)
    return lines
