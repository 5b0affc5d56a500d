"""What to do about a host key: OpenSSH's StrictHostKeyChecking (ssh_config(5))."""

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
    HostKeyQuestion as HostKeyQuestion,  # it is the policy's: imported from here too
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
"""ssh_config's words for it, and the four values they stand for."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Go on; nothing is to be written."""

    entry: Entry | None = None
    """The entry that knows the key."""
    warning: HostKeyError | None = None
    """Why one should not go on, where the user said so nevertheless (``no``)."""
    notes: tuple[str, ...] = ()
    """What to tell the person."""
    new_address: str | None = None
    """The host's address, which is not known yet and to be remembered too (CheckHostIP)."""
    updates: bool = False
    """Whether the host is trusted enough to tell of other keys it has (UpdateHostKeys)."""

    @property
    def secrets_allowed(self) -> bool:
        """Whether the host may be sent passwords and keyboard-interactive answers, and given forwards.  OpenSSH
        refuses all of these to a host whose key is wrong."""
        return self.warning is None


@dataclass(frozen=True, slots=True)
class AcceptAndRemember:
    """Go on, and call `HostKeyPolicy.remember`."""

    notes: tuple[str, ...] = ()
    """What to tell the person."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a person; after a yes call `HostKeyPolicy.remember`, after a no raise `HostKeyPolicy.refused`."""

    question: HostKeyQuestion


Judgement: TypeAlias = Accept | AcceptAndRemember | Ask


class HostKeyPolicy:
    """The rules for one connection's host key.

    ``user_known_hosts_files`` are read and the first of them written, ``global_known_hosts_files`` only read; all are
    read at first use and again when they change.  Raises `ConfigError` for an unknown ``strict_host_key_checking``.
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
                "StrictHostKeyChecking has an unknown value",
                expected=" or ".join(STRICT_HOST_KEY_CHECKING),
                received=repr(strict_host_key_checking),
            )
        self.strict_host_key_checking = STRICT_HOST_KEY_CHECKING[word]
        user_files = [Path(path) for path in user_known_hosts_files]
        self.file: Path | None = user_files[0] if user_files else None
        """Where new keys are written."""
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
        """Lines of the files that were left out when they were last read."""
        return self.known_hosts.warnings

    def known_key_types(self, host: str, port: int) -> list[str]:
        """Key types to propose first for this host, so that its known key is the one it shows."""
        self.known_hosts.refresh()
        return self.known_hosts.known_key_types(host, port)

    def has_authority(self, host: str, port: int) -> bool:
        """Whether an authority is known for this host, so that certificates are to be proposed first."""
        self.known_hosts.refresh()
        return bool(authorities(self.known_hosts, host, port))

    def judge(
        self, host: str, port: int, address: str | None, key: PublicKey, finding: DnsFinding | None = None
    ) -> Judgement:
        """What to do about ``key``, shown by ``host`` (or its HostKeyAlias, then with port 22) at ``address``.

        ``address`` is None behind a proxy, ``finding`` what DNS says where it was asked.  A certificate that no known
        authority vouches for is judged as the key in it.  Raises `HostKeyChanged`, `HostKeyRevoked` and, where new
        hosts are not taken, `HostKeyUnknown`; `HostCertificateError` for a certificate that its authority has given,
        but not for this host or not for now; `HostKeyError` where RevokedHostKeys cannot be read.
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
                expected="a key in known_hosts (strict host key checking)",
                next_step="Add the key to known_hosts after checking it, or use strict host key checking 'ask'",
                facts=() if finding is None else (finding.text(key),),
            )
        if self.strict_host_key_checking == "ask":
            others = tuple(self.known_hosts.others_with(key, verdict.name))
            return Ask(HostKeyQuestion(host, port, address, key, self.file, others, verdict.others, dns=finding))
        return AcceptAndRemember(_alarms(finding, key))

    def is_exempt(self, address: str | None) -> bool:
        """Whether the host's key does not matter: NoHostAuthenticationForLocalhost, and it is this machine."""
        return self.no_host_authentication_for_localhost and address is not None and _is_loopback(address)

    def address_counts(self, host: str, address: str | None) -> bool:
        """Whether the key of the address is checked and remembered beside that of the name: CheckHostIP."""
        return (
            self.check_host_ip and address is not None and address.lower() != host.lower() and not _is_loopback(address)
        )

    def _is_vouched_for(self, key: PublicKey, finding: DnsFinding | None) -> bool:
        """Whether DNS stands for a person's yes; as in OpenSSH that is more than what known_hosts has."""
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
        """What else is known about a key that has changed."""
        facts = [] if finding is None else [finding.text(key)]
        if self.check_host_ip and address is not None:
            of_address = self.known_hosts.check(address, port, key)
            said = {
                Status.KNOWN: "This key is the one known for",
                Status.UNKNOWN: "No key is known for",
                Status.CHANGED: "This key is not the one known for",
                Status.REVOKED: "This key is revoked for",
            }
            facts.append(f"{said[of_address.status]} the address {address}.")
        facts += [
            f"The same key is known under another name: {entry.place}: {entry.hosts}."
            for entry in self.known_hosts.with_key(key.blob)[:3]
            if entry.marker is Marker.NONE and not entry.hashed
        ]
        return facts

    def refuse_revoked(self, name: str, key: PublicKey) -> None:
        """RevokedHostKeys; a file that cannot be read revokes all, and no value of StrictHostKeyChecking helps."""
        path = self.revoked_host_keys
        if path is None:
            return
        try:
            what = read_revoked_keys(path).why(key)
        except KeyFileError as error:
            raise HostKeyError(
                f"whether the host key of {name} is revoked cannot be known: {error.message}",
                phase=PHASE,
                expected=error.expected or "a file of public keys, or a key revocation list",
                received=error.received,
                next_step="Repair the file that RevokedHostKeys names, or name another one",
            ) from None
        if what is not None:
            raise reports.revoked(name, key, what, str(path))

    def _judge_certificate(self, host: str, port: int, certificate: Certificate) -> Entry | HostCertificateError | None:
        now, algorithms = self._clock(), self._ca_signature_algorithms
        return judge_certificate(self.known_hosts, host, port, certificate, now=now, ca_signature_algorithms=algorithms)

    def remember(self, host: str, port: int, key: PublicKey, address: str | None = None) -> str | None:
        """Writes the key to the first user file; returns what to tell the user, or None when there is no such file.

        ``address`` is written beside the name where CheckHostIP wants it.  Raises `KnownHostsError`, which is no reason
        not to go on.
        """
        key = plain_key(key)
        if self.file is None:
            return None
        names = [host, address] if address is not None and self.address_counts(host, address) else [host]
        for each in names:
            append(self.file, each, port, key, self.hash_known_hosts, random=self._random)
        said = " and ".join(f"'{host_name(each, port)}'" for each in names)
        return f"The {key.nickname} key of {said} is now kept in {self.file}."

    def remember_address(self, address: str, port: int, key: PublicKey) -> str | None:
        """Writes the key for an address of a known host; otherwise as `remember`."""
        return self.remember(address, port, key)

    def refused(self, question: HostKeyQuestion, *, asked: bool = True) -> HostKeyUnknown:
        """The error for a question that was answered with no, or that nobody could be ``asked``."""
        return reports.unknown(
            question.name,
            question.key,
            expected="a yes to the host key question" if asked else "somebody to confirm the host key",
            next_step="Connect again, and answer with yes or the fingerprint, once you know that the key is right"
            if asked
            else "Connect once where the question can be answered, or with strict host key checking 'accept-new'",
            # Who was asked has read it.
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
    """Whether a certificate's error decides about a key that is not known by itself.

    With ``yes`` nothing else could be said.  Otherwise it does where the authority is the host's own: unlike OpenSSH we
    do not ask a person to trust the bare key of an expired certificate.  Another authority's is as good as none.
    """
    if strict_host_key_checking == "no":
        return False
    return strict_host_key_checking == "yes" or not isinstance(error.problem, CertificateAuthorityUnknown)
