"""What to do about a host key: OpenSSH's StrictHostKeyChecking (ssh_config(5))."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..errors import (
    CertificateAuthorityUnknown,
    ConfigError,
    HostCertificateError,
    HostKeyChanged,
    HostKeyError,
    HostKeyRevoked,
    HostKeyUnknown,
)
from ..keys import PublicKey
from ..keys.certificates import Certificate
from .appending import append
from .entries import BadLine, Entry
from .host_certificates import authorities, judge_certificate, plain_key
from .host_names import host_name
from .known_hosts import KnownHosts, Status, Verdict
from .question import HostKeyQuestion as HostKeyQuestion  # it is the policy's: imported from here too

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

    @property
    def secrets_allowed(self) -> bool:
        """Whether the host may be sent passwords and keyboard-interactive answers, and given forwards.  OpenSSH
        refuses all of these to a host whose key is wrong."""
        return self.warning is None


@dataclass(frozen=True, slots=True)
class AcceptAndRemember:
    """Go on, and call `HostKeyPolicy.remember`."""


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
        self.known_hosts = KnownHosts([*user_files, *global_known_hosts_files])
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

    def judge(self, host: str, port: int, address: str | None, key: PublicKey) -> Judgement:
        """What to do about ``key``, shown by ``host`` (or its HostKeyAlias, then with port 22) at ``address``.

        A certificate that no known authority vouches for is judged as the key in it.  Raises `HostKeyChanged`,
        `HostKeyRevoked` and, where new hosts are not taken, `HostKeyUnknown`; `HostCertificateError` for a certificate
        that its authority has given, but not for this host or not for now.
        """
        self.known_hosts.refresh()
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
            return Accept(verdict.entry)
        if verdict.status is not Status.UNKNOWN:
            error = _revoked(verdict, key) if verdict.status is Status.REVOKED else _changed(verdict, key)
            if self.strict_host_key_checking != "no":
                raise error
            return Accept(verdict.entry, error)
        if certificate_error is not None and _stands(certificate_error, self.strict_host_key_checking):
            raise certificate_error
        if self.strict_host_key_checking == "yes":
            raise _unknown(
                verdict.name,
                key,
                expected="a key in known_hosts (strict host key checking)",
                next_step="Add the key to known_hosts after checking it, or use strict host key checking 'ask'",
            )
        if self.strict_host_key_checking == "ask":
            others = tuple(self.known_hosts.others_with(key, verdict.name))
            return Ask(HostKeyQuestion(host, port, address, key, self.file, others, verdict.others))
        return AcceptAndRemember()

    def _judge_certificate(self, host: str, port: int, certificate: Certificate) -> Entry | HostCertificateError | None:
        now, algorithms = self._clock(), self._ca_signature_algorithms
        return judge_certificate(self.known_hosts, host, port, certificate, now=now, ca_signature_algorithms=algorithms)

    def remember(self, host: str, port: int, key: PublicKey) -> str | None:
        """Writes the key to the first user file; returns what to tell the user, or None when there is no such file.

        Raises `KnownHostsError`, which is no reason not to go on.
        """
        key = plain_key(key)
        if self.file is None:
            return None
        append(self.file, host, port, key, self.hash_known_hosts, random=self._random)
        return f"The {key.nickname} key of '{host_name(host, port)}' is now kept in {self.file}."

    def refused(self, question: HostKeyQuestion, *, asked: bool = True) -> HostKeyUnknown:
        """The error for a question that was answered with no, or that nobody could be ``asked``."""
        return _unknown(
            question.name,
            question.key,
            expected="a yes to the host key question" if asked else "somebody to confirm the host key",
            next_step=None
            if asked
            else "Connect once where the question can be answered, or with strict host key checking 'accept-new'",
        )


def _stands(error: HostCertificateError, strict_host_key_checking: str) -> bool:
    """Whether a certificate's error decides about a key that is not known by itself.

    With ``yes`` nothing else could be said.  Otherwise it does where the authority is the host's own: unlike OpenSSH we
    do not ask a person to trust the bare key of an expired certificate.  Another authority's is as good as none.
    """
    if strict_host_key_checking == "no":
        return False
    return strict_host_key_checking == "yes" or not isinstance(error.problem, CertificateAuthorityUnknown)


def _unknown(name: str, key: PublicKey, *, expected: str, next_step: str | None) -> HostKeyUnknown:
    error = HostKeyUnknown(
        f"the host key of {name} is not known",
        phase=PHASE,
        expected=expected,
        received=_described(key),
        next_step=next_step,
    )
    error.fingerprint = key.fingerprint
    return error


def _changed(verdict: Verdict, key: PublicKey) -> HostKeyChanged:
    entry = verdict.entries[0]
    known = ", ".join(f"{known.nickname} {known.fingerprint} from {known.place}" for known in verdict.entries)
    error = HostKeyChanged(
        f"THE HOST KEY OF {verdict.name} HAS CHANGED: the host was set up anew, or somebody else answers in its place",
        phase=PHASE,
        expected=known,
        received=_described(key),
        next_step=f"{_how_to_check(key)}. If it is right, {_how_to_remove(entry, verdict.name)} and connect again",
    )
    error.fingerprint = key.fingerprint
    error.known_fingerprints = tuple(known.fingerprint for known in verdict.entries)
    error.file = str(entry.file)
    error.line = entry.line
    return error


def _revoked(verdict: Verdict, key: PublicKey) -> HostKeyRevoked:
    error = HostKeyRevoked(
        f"the key that {verdict.name} shows is marked as revoked in {verdict.entries[0].place}",
        phase=PHASE,
        received=_described(key),
        next_step="It may have been stolen: ask the host's administrator before going on",
    )
    error.fingerprint = key.fingerprint
    return error


def _described(key: PublicKey) -> str:
    return f"{key.nickname} {key.fingerprint}"


def _how_to_check(key: PublicKey) -> str:
    public_file = f"/etc/ssh/ssh_host_{key.row.keygen_name}_key.pub"
    return (
        f"Ask the host's administrator whether the fingerprint is {key.fingerprint}; on the host itself"
        f" `ssh-keygen -lf {public_file}` shows it"
    )


def _how_to_remove(entry: Entry, name: str) -> str:
    # ssh-keygen would take the whole line away, which other hosts need too.
    if entry.has_wildcards:
        return f"remove line {entry.line} of {entry.file} with an editor"
    return f"remove the old one with `ssh-keygen -R {shlex.quote(name)} -f {shlex.quote(str(entry.file))}`"
