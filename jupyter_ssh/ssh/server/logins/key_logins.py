"""Decide whether a public key or certificate may log in, and with which options; the files are looked at for each.

This reads files, so it belongs on a thread of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jupyter_ssh.ssh.errors import CertificateError, ConfigError, SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.check import check_user_certificate
from jupyter_ssh.ssh.keys.revoked_keys import RevokedKeys, read_revoked_keys
from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.logins.authorized_keys import AuthorizedKeys, Problem
from jupyter_ssh.ssh.server.logins.file_memory import LoginFiles
from jupyter_ssh.ssh.server.logins.file_modes import matching_files
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

    def __init__(self, options: ServerOptions, account: Account, files: LoginFiles, address: str) -> None:
        self._options = options
        self._account = account
        self._files = files
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
        for path in _existing(self._options.key_files):
            found = self._keys(path, key).find(key, self._address, now)
            if found is not None:
                return Admitted(found.options, f"key {key.fingerprint}")
        return f"key {key.fingerprint} is not authorized"

    def _revoked(self, key: PublicKey) -> str | None:
        path = self._options.revoked_keys
        if path is None:
            return None
        try:
            why = self._read_revoked(Path(path)).why(key)
        except (SSHError, OSError) as error:
            # As in sshd: a list that cannot be read might contain any key.
            return f"all keys are treated as revoked: {error}"
        return None if why is None else f"key {key.fingerprint}: {why} is revoked"

    def _read_revoked(self, path: Path) -> RevokedKeys:
        return self._files.revoked.load(path, partial(read_revoked_keys, path))

    def _keys(self, path: Path, key: PublicKey) -> AuthorizedKeys:
        """Return the lines of a file with ``key``; nothing else of it is parsed, whoever offers a key."""
        options, home = self._options, Path(self._account.home)
        try:
            loaded = AuthorizedKeys.load(
                path,
                key=key,
                home=home,
                strict_modes=options.strict_modes,
                required_rsa_size=options.required_rsa_size,
                memory=self._files.contents,
            )
        except ConfigError as error:
            return AuthorizedKeys(problems=_told(path, [Problem(0, str(error))]))
        _told(path, loaded.problems)
        return loaded

    def _principals(self, path: Path, names: Collection[str]) -> Principals:
        try:
            loaded = Principals.load(
                path,
                names=names,
                home=Path(self._account.home),
                strict_modes=self._options.strict_modes,
                memory=self._files.contents,
            )
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
        if self._is_trusted(certificate.authority):
            found = self._check_trusted(user, certificate, now)
            if isinstance(found, KeyOptions):
                return Admitted(found, name)
            reasons.append(found)
        return f"{name}: {'; '.join(reasons) or 'the authority is not trusted'}"

    def _lines_of(self, certificate: Certificate, now: float) -> list[KeyOptions]:
        return [
            line.options
            for path in _existing(self._options.key_files)
            for line in self._keys(path, certificate.authority).authorities(certificate.authority, self._address, now)
        ]

    def _is_trusted(self, authority: PublicKey) -> bool:
        """Return whether TrustedUserCAKeys lists a key; lines with options, which mean nothing there, do not count."""
        return any(
            entry.key == authority and entry.options == KeyOptions()
            for path in self._options.authority_files
            for entry in self._keys(path, authority).entries
        )

    def _check_trusted(self, user: str, certificate: Certificate, now: float) -> KeyOptions | str:
        """Check against an authority for all users: a principal must be the user's name, or one listed in the file."""
        if not self._options.principal_files:
            return self._check(certificate, (user,), None, now)
        for path in _existing(self._options.principal_files):
            names = certificate.statement.principals
            found = self._principals(path, names).find(names, self._address, now)
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


def _existing(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of paths that may have wildcards, as they are now."""
    for path in paths:
        yield from matching_files(path)


def _told(path: Path, problems: Sequence[Problem]) -> Sequence[Problem]:
    """Log problems, and return them."""
    for problem in problems:
        place = f"{path} line {problem.line}" if problem.line else f"{path}"
        log.warning("%s is ignored: %s", place, problem.why)
    return problems
