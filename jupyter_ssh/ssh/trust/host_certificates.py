"""Check a host's certificate against the ``@cert-authority`` lines of known_hosts (sshd(8))."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from jupyter_ssh.ssh.errors import CertificateAuthorityUnknown, CertificateError, HostCertificateError, HostKeyRevoked
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.check import check_host_certificate
from jupyter_ssh.ssh.trust.entries import Entry, Marker
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import KnownHosts

PHASE = "host key"


def plain_key(key: PublicKey) -> PublicKey:
    """Return the key itself, without a certificate."""
    return key.key if isinstance(key, Certificate) else key


def authorities(known_hosts: KnownHosts, host: str, port: int) -> list[Entry]:
    """Return the ``@cert-authority`` entries for a host: those for ``[host]:port``, else those for the bare name."""
    for name in (host_name(host, port), host_name(host)):
        found = [entry for entry in known_hosts.named(name) if entry.marker is Marker.CERT_AUTHORITY]
        if found:
            return found
    return []


def judge_certificate(
    known_hosts: KnownHosts,
    host: str,
    port: int,
    certificate: Certificate,
    *,
    now: float,
    ca_signature_algorithms: Collection[str] | None = None,
) -> Entry | HostCertificateError | None:
    """Return the authority that vouches for the host, or why its certificate is rejected; None if no authority is
    known.

    ``now`` is in seconds since the epoch, ``ca_signature_algorithms`` is as for `check_host_certificate`.  A rejected
    certificate does not rule out the key in it, which may be known by itself.  Raises `HostKeyRevoked` if the key or
    the authority is revoked.
    """
    name = host_name(host, port)
    _refuse_revoked(known_hosts, {name, host_name(host)}, certificate, name)
    known = authorities(known_hosts, host, port)
    if not known:
        return None
    vouching = [entry for entry in known if entry.plain_blob == certificate.authority.blob]
    trusted = [certificate.authority] if vouching else []
    try:
        check_host_certificate(
            certificate,
            host.lower(),
            authorities=trusted,
            now=now,
            ca_signature_algorithms=ca_signature_algorithms,
        )
    except CertificateError as problem:
        return _refused(problem, name, certificate, vouching or known)
    return vouching[0]


def _refuse_revoked(known_hosts: KnownHosts, names: Iterable[str], certificate: Certificate, name: str) -> None:
    parts = {
        certificate.key.blob: "the key in the certificate",
        certificate.authority.blob: "the authority of the certificate",
    }
    for entry in (entry for each in sorted(names) for entry in known_hosts.named(each)):
        if entry.marker is Marker.REVOKED and entry.plain_blob in parts:
            error = HostKeyRevoked(
                f"{parts[entry.plain_blob]} offered by {name} is marked as revoked in {entry.place}",
                phase=PHASE,
                received=entry.fingerprint,
                next_step="It may have been stolen: ask the host's administrator before you continue",
            )
            error.fingerprint = certificate.fingerprint
            raise error


def _refused(
    problem: CertificateError, name: str, certificate: Certificate, known: list[Entry]
) -> HostCertificateError:
    places = ", ".join(f"{entry.fingerprint} from {entry.place}" for entry in known)
    unknown = isinstance(problem, CertificateAuthorityUnknown)
    error = HostCertificateError(
        f"the host certificate of {name} is not valid: {problem.message}",
        phase=PHASE,
        expected=f"one signed by {places}" if unknown else problem.expected,
        received=problem.received,
        next_step=f"{problem.next_step or 'Have the certificate renewed by its authority'}; or check the fingerprint "
        f"{certificate.fingerprint} of the key itself and add the key to known_hosts",
    )
    error.fingerprint = certificate.fingerprint
    error.problem = problem
    error.__cause__ = problem
    return error
