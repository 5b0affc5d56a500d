"""The decision about a host key: OpenSSH's StrictHostKeyChecking (ssh_config(5))."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from jupyter_ssh.ssh.errors import (
    CertificateAuthorityUnknown,
    ConfigError,
    HostCertificateError,
    HostKeyError,
    HostKeyRevoked,
    HostKeyUnknown,
    KeyFileError,
)
from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.revoked_keys import read_revoked_keys
from jupyter_ssh.ssh.trust import reports
from jupyter_ssh.ssh.trust.appending import append
from jupyter_ssh.ssh.trust.entries import BadLine, Entry, Marker
from jupyter_ssh.ssh.trust.host_certificates import authorities, judge_certificate, plain_key
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import KnownHosts, Status, Verdict
from jupyter_ssh.ssh.trust.question import (
    HostKeyQuestion as HostKeyQuestion,  # part of the policy's interface, so it can be imported from here too
)
from jupyter_ssh.ssh.trust.sshfp import DnsFinding

PHASE = "host key"
STRICT_HOST_KEY_CHECKING = {
    "ask": "ask",
    "accept-new": "accept-new",
    "yes": "yes",
    "true": "yes",
    "no": "no",
    "false": "no",
    "off": "no",
}
"""The words of ssh_config, and the four values they stand for."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Continue without writing anything."""

    entry: Entry | None = None
    """The entry with the key."""
    warning: HostKeyError | None = None
    """Why one should not continue, if StrictHostKeyChecking ``no`` overrides it."""
    notes: tuple[str, ...] = ()
    """What to tell the user."""
    new_address: str | None = None
    """The host's address, if it is not known yet and has to be remembered too (CheckHostIP)."""
    updates: bool = False
    """Whether the host is trusted enough to announce its other keys (UpdateHostKeys)."""

    @property
    def secrets_allowed(self) -> bool:
        """Whether passwords, keyboard-interactive answers and forwardings are allowed.  As in OpenSSH they are not for
        a host whose key is wrong."""
        return self.warning is None


@dataclass(frozen=True, slots=True)
class AcceptAndRemember:
    """Continue, and call `HostKeyPolicy.remember`."""

    notes: tuple[str, ...] = ()
    """What to tell the user."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a person; after yes call `HostKeyPolicy.remember`, after no raise `HostKeyPolicy.refused`."""

    question: HostKeyQuestion


Judgement: TypeAlias = Accept | AcceptAndRemember | Ask


class HostKeyPolicy:
    """The rules for one connection's host key.

    All files are read at first use and again when they change; only the first of ``user_known_hosts_files`` is ever
    written.  Raises `ConfigError` for an unknown ``strict_host_key_checking``.
    """

    def __init__(
        self,
        strict_host_key_checking: str | bool = "ask",
        user_known_hosts_files: Iterable[Path | str] = (),
        global_known_hosts_files: Iterable[Path | str] = (),
        *,
        hash_known_hosts: bool = False,
        check_host_ip: bool = False,
        no_host_authentication_for_localhost: bool = False,
        revoked_host_keys: Path | str | None = None,
        verify_host_key_dns: str = "no",
        ca_signature_algorithms: Collection[str] | None = None,
        random: Callable[[int], bytes] = os.urandom,
        clock: Callable[[], float] = time.time,
    ) -> None:
        word = str(strict_host_key_checking).lower()
        if word not in STRICT_HOST_KEY_CHECKING:
            raise ConfigError(
                "StrictHostKeyChecking has an invalid value",
                expected=" or ".join(STRICT_HOST_KEY_CHECKING),
                received=repr(strict_host_key_checking),
            )
        self.strict_host_key_checking = STRICT_HOST_KEY_CHECKING[word]
        user_files = [Path(path) for path in user_known_hosts_files]
        self.file: Path | None = user_files[0] if user_files else None
        """The file to which new keys are written."""
        self.hash_known_hosts = hash_known_hosts
        self.user_files = tuple(user_files)
        self.known_hosts = KnownHosts([*user_files, *global_known_hosts_files])
        self.check_host_ip = check_host_ip
        self.no_host_authentication_for_localhost = no_host_authentication_for_localhost
        self.revoked_host_keys = None if revoked_host_keys is None else Path(revoked_host_keys)
        self.verify_host_key_dns = verify_host_key_dns
        self._ca_signature_algorithms = ca_signature_algorithms
        self._random = random
        self._clock = clock

    @property
    def warnings(self) -> list[BadLine]:
        """Lines that were ignored when the files were last read."""
        return self.known_hosts.warnings

    def known_key_types(self, host: str, port: int) -> list[str]:
        """Return key types to propose first for this host, so that it presents its known key."""
        self.known_hosts.refresh()
        return self.known_hosts.known_key_types(host, port)

    def has_authority(self, host: str, port: int) -> bool:
        """Return whether an authority is known for this host, so that certificates should be proposed first."""
        self.known_hosts.refresh()
        return bool(authorities(self.known_hosts, host, port))

    def judge(
        self, host: str, port: int, address: str | None, key: PublicKey, finding: DnsFinding | None = None
    ) -> Judgement:
        """Return what to do about ``key``, offered by ``host`` (or its HostKeyAlias, then with port 22) at ``address``.

        ``address`` is None behind a proxy, ``finding`` is what DNS says if it was asked.  A certificate that no known
        authority vouches for is judged like the plain key in it.  Raises `HostKeyChanged`, `HostKeyRevoked`,
        `HostKeyUnknown` if new hosts are not accepted, `HostCertificateError` for a certificate that a known authority
        issued but that is not valid for this host or at this time, and `HostKeyError` if RevokedHostKeys cannot be
        read.
        """
        self.known_hosts.refresh()
        self.refuse_revoked(host_name(host, port), key)
        certificate_error: HostCertificateError | None = None
        if isinstance(key, Certificate):
            try:
                vouched = self._judge_certificate(host, port, key)
            except HostKeyRevoked as revoked:
                if self.strict_host_key_checking != "no":
                    raise
                return Accept(None, revoked)
            if isinstance(vouched, Entry):
                return Accept(vouched)
            certificate_error, key = vouched, key.key
        verdict = self.known_hosts.check(host, port, key)
        if verdict.status is Status.KNOWN:
            by_user = any(entry.file in self.user_files for entry in verdict.entries)
            accept = Accept(verdict.entry, notes=_alarms(finding, key), updates=by_user)
            return self._with_address(host, port, address, key, accept)
        if verdict.status is not Status.REVOKED and self._is_vouched_for(key, finding):
            return Accept(notes=_vouched(finding, key, verdict))
        if verdict.status is not Status.UNKNOWN:
            if verdict.status is Status.REVOKED:
                error: HostKeyError = reports.revoked(verdict.name, key, "the key", verdict.entries[0].place)
            else:
                error = reports.changed(verdict, key, self._facts(port, address, key, finding))
            if self.strict_host_key_checking != "no":
                raise error
            return Accept(verdict.entry, error)
        if certificate_error is not None and _stands(certificate_error, self.strict_host_key_checking):
            raise certificate_error
        if self.strict_host_key_checking == "yes":
            raise reports.unknown(
                verdict.name,
                key,
                expected="a key in known_hosts (StrictHostKeyChecking=yes)",
                next_step="Check the key and add it to known_hosts, or use StrictHostKeyChecking=ask",
                facts=() if finding is None else (finding.text(key),),
            )
        if self.strict_host_key_checking == "ask":
            others = tuple(self.known_hosts.others_with(key, verdict.name))
            return Ask(HostKeyQuestion(host, port, address, key, self.file, others, verdict.others, dns=finding))
        return AcceptAndRemember(_alarms(finding, key))

    def is_exempt(self, address: str | None) -> bool:
        """Return whether the host's key is not checked: it is this machine, with NoHostAuthenticationForLocalhost."""
        return self.no_host_authentication_for_localhost and address is not None and _is_loopback(address)

    def address_counts(self, host: str, address: str | None) -> bool:
        """Return whether the key is checked and remembered for the address too (CheckHostIP)."""
        return (
            self.check_host_ip and address is not None and address.lower() != host.lower() and not _is_loopback(address)
        )

    def _is_vouched_for(self, key: PublicKey, finding: DnsFinding | None) -> bool:
        """Return whether DNS replaces a person's yes; as in OpenSSH it takes precedence over known_hosts."""
        return self.verify_host_key_dns == "yes" and finding is not None and finding.vouches_for(key)

    def _with_address(self, host: str, port: int, address: str | None, key: PublicKey, accept: Accept) -> Judgement:
        if address is None or not self.address_counts(host, address):
            return accept
        verdict = self.known_hosts.check(address, port, key)
        if verdict.status is Status.KNOWN:
            return accept
        if verdict.status is Status.UNKNOWN:
            return replace(accept, new_address=address)
        if verdict.status is Status.REVOKED:
            error: HostKeyError = reports.revoked(verdict.name, key, "the key", verdict.entries[0].place)
            accept = replace(accept, warning=error, updates=False)
        else:
            if self.strict_host_key_checking == "ask":
                return Ask(HostKeyQuestion(host, port, address, key, None, address_key=verdict.entries[0]))
            error = reports.address_differs(host, address, key, verdict.entries[0])
            accept = replace(accept, notes=(*accept.notes, f"WARNING: {error}"), updates=False)
        if self.strict_host_key_checking != "no":
            raise error
        return accept

    def _facts(self, port: int, address: str | None, key: PublicKey, finding: DnsFinding | None) -> list[str]:
        """Return what else is known about a changed key, as sentences."""
        facts = [] if finding is None else [finding.text(key)]
        if self.check_host_ip and address is not None:
            of_address = self.known_hosts.check(address, port, key)
            said = {
                Status.KNOWN: "This is the known key for",
                Status.UNKNOWN: "No key is known for",
                Status.CHANGED: "This is not the known key for",
                Status.REVOKED: "This key is revoked for",
            }
            facts.append(f"{said[of_address.status]} the address {address}.")
        facts += [
            f"This key is known by another name: {entry.place}: {entry.hosts}."
            for entry in self.known_hosts.with_key(key.blob)[:3]
            if entry.marker is Marker.NONE and not entry.hashed
        ]
        return facts

    def refuse_revoked(self, name: str, key: PublicKey) -> None:
        """Raise `HostKeyRevoked` if RevokedHostKeys lists the key, `HostKeyError` if that file cannot be read.

        Neither can be overridden with StrictHostKeyChecking.
        """
        path = self.revoked_host_keys
        if path is None:
            return
        try:
            what = read_revoked_keys(path).why(key)
        except KeyFileError as error:
            raise HostKeyError(
                f"cannot check whether the host key of {name} is revoked: {error.message}",
                phase=PHASE,
                expected=error.expected or "a file of public keys, or a key revocation list",
                received=error.received,
                next_step="Repair the file that RevokedHostKeys names, or name another file",
            ) from None
        if what is not None:
            raise reports.revoked(name, key, what, str(path))

    def _judge_certificate(self, host: str, port: int, certificate: Certificate) -> Entry | HostCertificateError | None:
        now, algorithms = self._clock(), self._ca_signature_algorithms
        return judge_certificate(self.known_hosts, host, port, certificate, now=now, ca_signature_algorithms=algorithms)

    def remember(self, host: str, port: int, key: PublicKey, address: str | None = None) -> str | None:
        """Write the key to the first user file and return what to tell the user; None if there is no such file.

        ``address`` is written too if CheckHostIP requires it.  Raises `KnownHostsError`, which need not end the
        connection.
        """
        key = plain_key(key)
        if self.file is None:
            return None
        names = [host, address] if address is not None and self.address_counts(host, address) else [host]
        for each in names:
            append(self.file, each, port, key, self.hash_known_hosts, random=self._random)
        said = " and ".join(f"'{host_name(each, port)}'" for each in names)
        return f"Permanently added the {key.nickname} key of {said} to {self.file}."

    def remember_address(self, address: str, port: int, key: PublicKey) -> str | None:
        """Write the key for an address of a known host; otherwise as `remember`."""
        return self.remember(address, port, key)

    def refused(self, question: HostKeyQuestion, *, asked: bool = True) -> HostKeyUnknown:
        """Return the error for a question that was answered with no or, without ``asked``, that nobody could be
        asked."""
        return reports.unknown(
            question.name,
            question.key,
            expected="yes as the answer to the host key question" if asked else "somebody to confirm the host key",
            next_step="Connect again and answer yes, or the fingerprint, once you know that the key is right"
            if asked
            else "Connect once where the question can be answered, or with StrictHostKeyChecking=accept-new",
            # A person who was asked has already read them.
            facts=() if asked or question.dns is None else (question.dns.text(question.key),),
        )


def _alarms(finding: DnsFinding | None, key: PublicKey) -> tuple[str, ...]:
    return (finding.text(key),) if finding is not None and finding.contradicts(key) else ()


def _vouched(finding: DnsFinding | None, key: PublicKey, verdict: Verdict) -> tuple[str, ...]:
    notes = () if finding is None else (finding.text(key),)
    return notes if verdict.entry is None else (*notes, reports.outdated(verdict.entry, verdict.name))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _stands(error: HostCertificateError, strict_host_key_checking: str) -> bool:
    """Return whether a certificate's error is final for a key that is not known by itself.

    With ``yes`` it always is.  Otherwise it is if the certificate was issued by the host's own authority: unlike
    OpenSSH we do not ask a person to trust the bare key of an expired certificate.  One of another authority is
    ignored.
    """
    if strict_host_key_checking == "no":
        return False
    return strict_host_key_checking == "yes" or not isinstance(error.problem, CertificateAuthorityUnknown)
