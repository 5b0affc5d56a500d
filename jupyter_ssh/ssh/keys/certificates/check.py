"""Whether a certificate vouches for a user or a host, here and now."""

from __future__ import annotations

from collections.abc import Collection

from jupyter_ssh.ssh.crypto.selection import names
from jupyter_ssh.ssh.errors import (
    CertificateAddressError,
    CertificateAuthorityUnknown,
    CertificateExpired,
    CertificateNotYetValid,
    CertificatePrincipalError,
    CertificateSignatureError,
    CertificateTypeError,
)
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates import options as certificate_options
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, CertificateKind
from jupyter_ssh.ssh.keys.certificates.options import UserOptions
from jupyter_ssh.ssh.keys.certificates.validity import format_time
from jupyter_ssh.ssh.keys.patterns import matches_pattern
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS

PHASE = "certificate"


def check_host_certificate(
    certificate: Certificate,
    host: str,
    *,
    authorities: Collection[PublicKey],
    now: float,
    ca_signature_algorithms: Collection[str] | None = None,
    any_principal: bool = False,
) -> None:
    """Return when ``certificate`` vouches for ``host``, a name in lower case as the user gave it, without a port.

    ``authorities`` are the keys that may certify that host, ``now`` is in seconds since the epoch,
    ``ca_signature_algorithms`` (OpenSSH's CASignatureAlgorithms) what they may sign with, by default the modern ones.
    A principal may have ``*`` and ``?`` in it.  A certificate without principals is for nobody, as since OpenSSH 10.3,
    or with ``any_principal`` for everybody, as it says in PROTOCOL.certkeys.

    Raises `CertificateError`: a subclass for each way to be wrong.
    """
    _check(certificate, CertificateKind.HOST, authorities, now, ca_signature_algorithms)
    principals = certificate.statement.principals
    if not any(matches_pattern(host, principal.lower()) for principal in principals):
        _check_principals(principals, (host,), any_principal)
    certificate_options.check_known(certificate.statement.critical_options, {})


def check_user_certificate(
    certificate: Certificate,
    users: Collection[str],
    *,
    authorities: Collection[PublicKey],
    now: float,
    address: str | None = None,
    ca_signature_algorithms: Collection[str] | None = None,
    any_principal: bool = False,
) -> UserOptions:
    """Return what the critical options demand of somebody who shows ``certificate`` to be one of ``users``.

    ``users`` is the name of the account, or what authorized_keys or AuthorizedPrincipalsFile has in its place;
    ``address`` is where the client is.  The other parameters and the errors are those of `check_host_certificate`.
    """
    _check(certificate, CertificateKind.USER, authorities, now, ca_signature_algorithms)
    principals = certificate.statement.principals
    if not set(users).intersection(principals):
        _check_principals(principals, users, any_principal)
    options = certificate_options.user_options(certificate.statement.critical_options)
    if address is not None and not options.admits(address):
        raise CertificateAddressError(
            "the certificate may not be used from here",
            phase=PHASE,
            expected=", ".join(map(str, options.source_addresses or ())),
            received=repr(address),
        )
    return options


def _check(
    certificate: Certificate,
    kind: CertificateKind,
    authorities: Collection[PublicKey],
    now: float,
    ca_signature_algorithms: Collection[str] | None,
) -> None:
    statement = certificate.statement
    if statement.kind is not kind:
        raise CertificateTypeError(f"this is a {statement.kind} certificate", phase=PHASE, expected=f"one of a {kind}")
    if not any(certificate.authority == authority for authority in authorities):
        raise CertificateAuthorityUnknown(
            "the certificate is of an authority that is not trusted here",
            phase=PHASE,
            received=certificate.authority.fingerprint,
        )
    algorithms = names(SIGNATURE_ALGORITHMS) if ca_signature_algorithms is None else ca_signature_algorithms
    if certificate.signature_algorithm not in algorithms:
        raise CertificateSignatureError(
            "the certificate is signed in a way that is not taken",
            phase=PHASE,
            expected=" or ".join(algorithms),
            received=certificate.signature_algorithm,
        )
    check_validity(certificate, now)


def check_validity(certificate: Certificate, now: float) -> None:
    """Raises `CertificateNotYetValid` or `CertificateExpired` when ``now`` is outside the certificate's time."""
    after, before = certificate.statement.valid_after, certificate.statement.valid_before
    if now < after:
        raise CertificateNotYetValid(
            "the certificate is not valid yet",
            phase=PHASE,
            expected=f"a time from {format_time(after)} on",
            next_step="If that is past, set the clock of this machine",
        )
    if now >= before:
        raise CertificateExpired(
            "the certificate has expired",
            phase=PHASE,
            expected=f"a time before {format_time(before)}",
            next_step="Have the key certified anew",
        )


def _check_principals(principals: Collection[str], wanted: Collection[str], any_principal: bool) -> None:
    """Raises the error for principals that do not match, unless there are none and that is taken for all."""
    if not principals and any_principal:
        return
    raise CertificatePrincipalError(
        "the certificate is for others" if principals else "the certificate is for nobody: it names no principals",
        phase=PHASE,
        expected=" or ".join(repr(name[:100]) for name in wanted),
        received=", ".join(repr(name[:100]) for name in list(principals)[:10]) or None,
    )
