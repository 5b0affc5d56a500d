"""Check whether a certificate is valid for a user or a host, here and now."""

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
    """Raise `CertificateError`, a subclass for each reason, unless ``certificate`` is valid for ``host``.

    ``host`` is a lower-case name as the user gave it, without a port; ``authorities`` are the keys that may certify
    that host, ``ca_signature_algorithms`` (OpenSSH's CASignatureAlgorithms) those they may sign with, by default the
    modern ones; ``now`` is in seconds since the epoch.  Principals may contain ``*`` and ``?``.  A certificate without
    principals is for nobody, as since OpenSSH 10.3, or with ``any_principal`` for everybody, as PROTOCOL.certkeys says.
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
    """Check ``certificate`` for a login as one of ``users`` and return what its critical options demand.

    ``users`` is the name of the account, or what authorized_keys or AuthorizedPrincipalsFile names instead; ``address``
    is the client's.  The other parameters and the errors are those of `check_host_certificate`.
    """
    _check(certificate, CertificateKind.USER, authorities, now, ca_signature_algorithms)
    principals = certificate.statement.principals
    if not set(users).intersection(principals):
        _check_principals(principals, users, any_principal)
    options = certificate_options.user_options(certificate.statement.critical_options)
    if address is not None and not options.admits(address):
        raise CertificateAddressError(
            "the certificate may not be used from this address",
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
        raise CertificateTypeError(
            f"this is a {statement.kind} certificate", phase=PHASE, expected=f"a {kind} certificate"
        )
    if not any(certificate.authority == authority for authority in authorities):
        raise CertificateAuthorityUnknown(
            "the certificate was issued by an authority that is not trusted",
            phase=PHASE,
            received=certificate.authority.fingerprint,
        )
    algorithms = names(SIGNATURE_ALGORITHMS) if ca_signature_algorithms is None else ca_signature_algorithms
    if certificate.signature_algorithm not in algorithms:
        raise CertificateSignatureError(
            "the certificate is signed with an algorithm that is not accepted",
            phase=PHASE,
            expected=" or ".join(algorithms),
            received=certificate.signature_algorithm,
        )
    check_validity(certificate, now)


def check_validity(certificate: Certificate, now: float) -> None:
    """Raise `CertificateNotYetValid` or `CertificateExpired` if the certificate is not valid at ``now``."""
    after, before = certificate.statement.valid_after, certificate.statement.valid_before
    if now < after:
        raise CertificateNotYetValid(
            "the certificate is not valid yet",
            phase=PHASE,
            expected=f"a time from {format_time(after)} on",
            next_step="If that is in the past, set this machine's clock",
        )
    if now >= before:
        raise CertificateExpired(
            "the certificate has expired",
            phase=PHASE,
            expected=f"a time before {format_time(before)}",
            next_step="Have the certificate renewed",
        )


def _check_principals(principals: Collection[str], wanted: Collection[str], any_principal: bool) -> None:
    """Raise the error for principals that do not match, unless there are none and ``any_principal`` accepts that."""
    if not principals and any_principal:
        return
    raise CertificatePrincipalError(
        "the certificate is for other principals" if principals else "the certificate names no principals",
        phase=PHASE,
        expected=" or ".join(repr(name[:100]) for name in wanted),
        received=", ".join(repr(name[:100]) for name in list(principals)[:10]) or None,
    )
