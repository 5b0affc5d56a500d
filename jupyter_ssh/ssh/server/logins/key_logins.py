"""Decide whether a public key or certificate may log in, and with which options; the files are read at each login."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.errors import CertificateError, ConfigError, SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.check import check_user_certificate
from jupyter_ssh.ssh.keys.revoked_keys import read_revoked_keys
from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.logins.authorized_keys import AuthorizedKeys, Problem
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions, of_certificate
from jupyter_ssh.ssh.server.logins.principals import Principals
from jupyter_ssh.ssh.server.options import ServerOptions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Admitted:
    """An accepted key: its options, and its description for the log."""

    options: KeyOptions
    how: str


class KeyLogins:
    """Decides about the keys of a client at ``address``."""

    def __init__(self, options: ServerOptions, account: Account, address: str) -> None:
        self._options = options
        self._account = account
        self._address = address
        self._ca_algorithms = options.accepted_ca_algorithms

    def judge(self, user: str, key: PublicKey) -> Admitted | str:
        """Return what ``key`` allows ``user``, or why it is refused, for the log and never for the client."""
        revoked = self._revoked(key)
        if revoked is not None:
            return revoked
        now = time.time()
        if isinstance(key, Certificate):
            return self._judge_certificate(user, key, now)
        for path in self._options.key_files:
            found = self._keys(path).find(key, self._address, now)
            if found is not None:
                return Admitted(found.options, f"key {key.fingerprint}")
        return f"key {key.fingerprint} is not authorized"

    def _revoked(self, key: PublicKey) -> str | None:
        path = self._options.revoked_keys
        if path is None:
            return None
        try:
            why = read_revoked_keys(Path(path)).why(key)
        except SSHError as error:
            # As in sshd: a list that cannot be read might contain any key.
            return f"all keys are treated as revoked: {error}"
        return None if why is None else f"key {key.fingerprint}: {why} is revoked"

    def _keys(self, path: Path) -> AuthorizedKeys:
        options, home = self._options, Path(self._account.home)
        try:
            loaded = AuthorizedKeys.load(
                path, home=home, strict_modes=options.strict_modes, required_rsa_size=options.required_rsa_size
            )
        except ConfigError as error:
            return AuthorizedKeys(problems=_told(path, [Problem(0, str(error))]))
        _told(path, loaded.problems)
        return loaded

    def _principals(self, path: Path) -> Principals:
        try:
            loaded = Principals.load(path, home=Path(self._account.home), strict_modes=self._options.strict_modes)
        except ConfigError as error:
            return Principals(problems=_told(path, [Problem(0, str(error))]))
        _told(path, loaded.problems)
        return loaded

    # --- certificates -------------------------------------------------------------------------------------------------

    def _judge_certificate(self, user: str, certificate: Certificate, now: float) -> Admitted | str:
        """Try the authorities in authorized_keys, then those of TrustedUserCAKeys."""
        name = (
            f"certificate {certificate.statement.key_id[:64]!a} (serial {certificate.statement.serial}) of "
            f"{certificate.nickname} {certificate.fingerprint} by the authority {certificate.authority.fingerprint}"
        )
        reasons: list[str] = []
        for line in self._lines_of(certificate, now):
            names = (user,) if line.principals is None else line.principals
            found = self._check(certificate, names, line, now)
            if isinstance(found, KeyOptions):
                return Admitted(found, name)
            reasons.append(found)
        if any(certificate.authority == authority for authority in self._trusted()):
            found = self._check_trusted(user, certificate, now)
            if isinstance(found, KeyOptions):
                return Admitted(found, name)
            reasons.append(found)
        return f"{name}: {'; '.join(reasons) or 'the authority is not trusted'}"

    def _lines_of(self, certificate: Certificate, now: float) -> list[KeyOptions]:
        return [
            line.options
            for path in self._options.key_files
            for line in self._keys(path).authorities(certificate.authority, self._address, now)
        ]

    def _trusted(self) -> list[PublicKey]:
        """Return the keys of TrustedUserCAKeys; lines with options are ignored, as options have no meaning there."""
        return [
            entry.key
            for path in self._options.authority_files
            for entry in self._keys(path).entries
            if entry.options == KeyOptions()
        ]

    def _check_trusted(self, user: str, certificate: Certificate, now: float) -> KeyOptions | str:
        """Check against an authority for all users: a principal must be the user's name, or one listed in the file."""
        if not self._options.principal_files:
            return self._check(certificate, (user,), None, now)
        for path in self._options.principal_files:
            found = self._principals(path).find(certificate.statement.principals, self._address, now)
            if found is not None:
                return self._check(certificate, (found.name,), found.options, now)
        return "none of its principals is authorized"

    def _check(
        self, certificate: Certificate, names: Collection[str], line: KeyOptions | None, now: float
    ) -> KeyOptions | str:
        """Return what the certificate and, if given, the line for it both allow."""
        try:
            critical = check_user_certificate(
                certificate,
                names,
                authorities=(certificate.authority,),
                now=now,
                address=self._address,
                ca_signature_algorithms=self._ca_algorithms,
            )
            allowed = of_certificate(certificate, critical)
            return allowed if line is None else line.merged(allowed)
        except (CertificateError, ValueError) as error:
            return str(error)


def _told(path: Path, problems: Sequence[Problem]) -> Sequence[Problem]:
    """Log problems, and return them."""
    for problem in problems:
        place = f"{path} line {problem.line}" if problem.line else f"{path}"
        log.warning("%s is ignored: %s", place, problem.why)
    return problems
