"""The allowed_signers file of ``ssh-keygen -Y``: who may sign what (ssh-keygen(1), ALLOWED SIGNERS)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from jupyter_ssh.ssh.errors import CertificateError, ConfigError, SignatureError, SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.check import check_user_certificate
from jupyter_ssh.ssh.keys.certificates.validity import parse_date
from jupyter_ssh.ssh.keys.files.public_text import parse_key_or_certificate_line
from jupyter_ssh.ssh.keys.patterns import matches_list
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS

PHASE = "allowed signers"
MAX_LINE = 64 * 1024
FIRST_WORD = re.compile(r'"([^"]*)"[ \t]+|([^\s"]+)[ \t]+')
# Inside quotation marks only \" is special.  Each text matches in one way only, so there is no backtracking.
INSIDE = r'(?:\\"|[^"\\]|\\(?!"))*'
OPTIONS = re.compile(rf'((?:[^\s"]|"{INSIDE}")+)[ \t]+(.*)', re.DOTALL)
OPTION = re.compile(rf'([A-Za-z-]+)(?:="({INSIDE})")?(?:,|$)')


@dataclass(frozen=True, slots=True)
class AllowedSigner:
    """One line: these principals may sign with this key."""

    principals: str
    """A list of patterns."""
    key: PublicKey
    cert_authority: bool = False
    """Whether the key is the authority that certifies the principals' keys."""
    namespaces: str | None = None
    """A list of patterns for namespaces; None for any."""
    valid_after: int | None = None
    valid_before: int | None = None
    """Seconds since the epoch, both inclusive."""
    line: int = 0

    def signs_with(self, key: PublicKey) -> bool:
        """Return whether ``key`` is the key or the certificate of the line, or a certificate issued by its key.

        As in OpenSSH a certificate that is named itself counts like a key: its own validity and names do not.
        """
        if self.cert_authority:
            return isinstance(key, Certificate) and key.authority == self.key
        return key == self.key

    def check_time(self, now: float) -> None:
        """Raise `SignatureError` if the line is not valid at ``now``."""
        if self.valid_after is not None and now < self.valid_after:
            raise SignatureError("the key was not valid yet", phase=PHASE, received=f"line {self.line}")
        if self.valid_before is not None and now > self.valid_before:
            raise SignatureError("the key was no longer valid", phase=PHASE, received=f"line {self.line}")


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that could not be parsed and so allows nobody to sign."""

    line: int
    why: str


class AllowedSigners:
    """The lines of a file.  Those that cannot be parsed are ``problems``; they do not affect the others."""

    def __init__(self, entries: Iterable[AllowedSigner] = (), problems: Iterable[Problem] = ()) -> None:
        self.entries = tuple(entries)
        self.problems = tuple(problems)

    @classmethod
    def parse(cls, text: str, required_rsa_size: int | None = None) -> AllowedSigners:
        """Read the text of a file."""
        entries: list[AllowedSigner] = []
        problems: list[Problem] = []
        for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            try:
                entries.append(_parse_line(line, number, required_rsa_size))
            except SSHError as error:
                problems.append(Problem(number, str(error)))
        return cls(entries, problems)

    def check(self, identity: str, key: PublicKey, namespace: str, now: float) -> AllowedSigner:
        """Return the first line that allows ``identity`` to sign with ``key`` in ``namespace`` at ``now``.

        Raises `SignatureError` with the reason why the last applicable line did not.
        """
        failure = SignatureError(
            f"{identity[:100]!r} may not sign with this key", phase=PHASE, received=key.fingerprint
        )
        for entry in self.entries:
            if not matches_list(identity, entry.principals) or not entry.signs_with(key):
                continue
            try:
                _check_entry(entry, identity, key, namespace, now)
            except (SignatureError, CertificateError) as error:
                failure = SignatureError(
                    f"{identity[:100]!r} may not sign with this key: {error.message}",
                    phase=PHASE,
                    expected=error.expected,
                    received=error.received,
                )
                continue
            return entry
        raise failure

    def find_principals(self, key: PublicKey, now: float) -> list[str]:
        """Return the principals of the first line valid for ``key`` at ``now``.

        They are the line's patterns or, for a certificate, those of its own principals that match them.
        """
        for entry in self.entries:
            if not entry.signs_with(key):
                continue
            try:
                entry.check_time(now)
                names = entry.principals.split(",")
                if entry.cert_authority:
                    names = _certified_principals(entry, key, now)
            except (SignatureError, CertificateError):
                continue
            if names:
                return names
        return []

    def match_principals(self, identity: str) -> list[str]:
        """Return the principals, as written, of each line that ``identity`` matches."""
        return [entry.principals for entry in self.entries if matches_list(identity, entry.principals)]


def _check_entry(entry: AllowedSigner, identity: str, key: PublicKey, namespace: str, now: float) -> None:
    if entry.namespaces is not None and not matches_list(namespace, entry.namespaces):
        raise SignatureError(
            "the key is for other namespaces", expected=entry.namespaces, received=repr(namespace[:100])
        )
    entry.check_time(now)
    if entry.cert_authority:
        _check_certificate(entry, key, [identity], now)


def _check_certificate(entry: AllowedSigner, certificate: PublicKey, users: list[str], now: float) -> None:
    assert isinstance(certificate, Certificate)  # see `AllowedSigner.signs_with`
    check_user_certificate(
        certificate, users, authorities=[entry.key], now=now, ca_signature_algorithms=SIGNATURE_ALGORITHMS
    )


def _certified_principals(entry: AllowedSigner, key: PublicKey, now: float) -> list[str]:
    assert isinstance(key, Certificate)
    names = [name for name in key.statement.principals if matches_list(name, entry.principals)]
    if names:
        _check_certificate(entry, key, names, now)
    return names


def _parse_line(line: str, number: int, required_rsa_size: int | None) -> AllowedSigner:
    if len(line) > MAX_LINE:
        raise ConfigError("line too long", expected=f"at most {MAX_LINE} characters")
    first = FIRST_WORD.match(line)
    if first is None:
        raise ConfigError("not an allowed_signers line", expected="'principals [options] key-type key'")
    principals = first[1] if first[2] is None else first[2]
    rest = line[first.end() :]
    options: dict[str, str | None] = {}
    if not _begins_with_key(rest):
        match = OPTIONS.fullmatch(rest)
        if match is None:
            raise ConfigError("neither a key nor options and a key")
        options, rest = _parse_options(match[1]), match[2]
    key, _ = parse_key_or_certificate_line(rest, required_rsa_size)
    valid_after, valid_before = (_date(options.get(name)) for name in ("valid-after", "valid-before"))
    if valid_after is not None and valid_before is not None and valid_before <= valid_after:
        raise ConfigError("the line is never valid", expected="valid-before after valid-after")
    return AllowedSigner(
        principals,
        key,
        cert_authority="cert-authority" in options,
        namespaces=options.get("namespaces"),
        valid_after=valid_after,
        valid_before=valid_before,
        line=number,
    )


def _begins_with_key(text: str) -> bool:
    words = text.split(None, 2)
    return len(words) > 1 and words[1].startswith("AAAA")


TAKES_VALUE = {"cert-authority": False, "namespaces": True, "valid-after": True, "valid-before": True}


def _parse_options(text: str) -> dict[str, str | None]:
    options: dict[str, str | None] = {}
    position = 0
    while position < len(text):
        match = OPTION.match(text, position)
        name = match[1].lower() if match else ""
        if match is None or name not in TAKES_VALUE or (match[2] is not None) != TAKES_VALUE[name]:
            # The unknown option might restrict the line, so the line allows nothing.
            raise ConfigError("bad option", expected=" or ".join(TAKES_VALUE), received=repr(text[position:][:64]))
        if name in options:
            raise ConfigError(f"duplicate option {name}")
        options[name] = None if match[2] is None else match[2].replace('\\"', '"')
        position = match.end()
    return options


def _date(text: str | None) -> int | None:
    return None if text is None else parse_date(text)
