"""Certificates: sign them (``-s``) and show their content (``-L``)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from jupyter_ssh.ssh.errors import ConfigError, KeygenError, SSHError
from jupyter_ssh.ssh.keygen.job import REQUIRED_RSA_SIZE, Job, load_public, read_input_text, read_text
from jupyter_ssh.ssh.keys import Certificate, PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.options import (
    FORCE_COMMAND,
    NO_TOUCH_REQUIRED,
    PERMISSIONS,
    SOURCE_ADDRESS,
    VERIFY_REQUIRED,
    parse_sources,
)
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.certificates.text import describe
from jupyter_ssh.ssh.keys.certificates.validity import FOREVER, format_validity, parse_validity
from jupyter_ssh.ssh.keys.files.public_text import parse_key_or_certificate_line
from jupyter_ssh.ssh.keys.files.saving import save_public_key
from jupyter_ssh.ssh.text import escaped, line_without_controls

STDIN = "-"
PUBLIC_FAILURE = 'load pubkey "{path}"'
SWITCHES: dict[str, tuple[str, bool]] = {
    **{f"permit-{name.lower()}": (f"permit-{name}", True) for name in (p.removeprefix("permit-") for p in PERMISSIONS)},
    **{f"no-{name.lower()}": (f"permit-{name}", False) for name in (p.removeprefix("permit-") for p in PERMISSIONS)},
    "touch-required": (NO_TOUCH_REQUIRED, False),
    "no-touch-required": (NO_TOUCH_REQUIRED, True),
    "verify-required": (VERIFY_REQUIRED, True),
    "no-verify-required": (VERIFY_REQUIRED, False),
}
"""Words of ``-O`` in lower case, with the extension or critical option they set or clear."""
RSA_SIGNATURES = ("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512")
"""The values of ``-t``: signature algorithms of an RSA authority."""


class Options:
    """The options of ``-O``, added one by one."""

    def __init__(self, kind: CertificateKind) -> None:
        self.critical: dict[str, str | None] = {}
        self.extensions: dict[str, str | None] = dict.fromkeys(PERMISSIONS if kind is CertificateKind.USER else ())

    def add(self, option: str) -> None:
        """Take one option.  Raises `KeygenError`."""
        word = option.lower()
        if word == "clear":
            for name in (*PERMISSIONS, NO_TOUCH_REQUIRED):
                self.extensions.pop(name, None)
            self.critical.pop(VERIFY_REQUIRED, None)
        elif word in SWITCHES:
            self._switch(*SWITCHES[word])
        elif word.startswith((f"{FORCE_COMMAND}=", f"{SOURCE_ADDRESS}=")):
            self._set(option)
        elif word.startswith(("extension:", "critical:")):
            where, _, rest = option.partition(":")
            name, equals, value = rest.partition("=")
            (self.extensions if where.lower() == "extension" else self.critical)[name] = value if equals else None
        else:
            raise KeygenError(f'Unsupported certificate option "{option}"', phase="options")

    def _switch(self, name: str, on: bool) -> None:
        options = self.critical if name == VERIFY_REQUIRED else self.extensions
        options.pop(name, None)
        if on:
            options[name] = None

    def _set(self, option: str) -> None:
        name, _, value = option.partition("=")
        name = name.lower()
        if not value:
            raise KeygenError(f"Empty {name} option", phase="options")
        if name in self.critical:
            raise KeygenError(f"{name} already specified", phase="options")
        if name == SOURCE_ADDRESS:
            try:
                parse_sources(value)
            except SSHError as error:
                raise KeygenError(
                    "Invalid source-address list", phase="options", expected=error.expected, received=error.received
                ) from None
        self.critical[name] = value


def sign(job: Job) -> None:
    """``keygen -s ca_key -I identity file …``: certify each public key, in ``NAME-cert.pub``."""
    arguments = job.arguments
    key_id = arguments.text("I")
    if key_id is None:
        raise KeygenError("Must specify key id (-I) when certifying", phase="options")
    kind = CertificateKind.HOST if arguments.has("h") else CertificateKind.USER
    options = Options(kind)
    for option in arguments.options:
        options.add(option)
    principals = _principals(arguments.text("n"))
    valid_after, valid_before = _validity(arguments.text("V"), job.now)
    authority = _authority(job, job.person.path(arguments.text("s") or ""))
    algorithm = _algorithm(authority, arguments.text("t"))
    serial, counts_up = arguments.serial
    paths = [job.person.path(name) for name in arguments.operands]
    requests = [(path, *_to_certify(path)) for path in paths]
    if not principals and not arguments.quiet:
        job.console.say(
            f"Warning: OpenSSH 10.3 and newer accept a {kind} certificate without principals (-n) for nobody"
        )
    if kind is CertificateKind.HOST and not arguments.quiet:
        for name in options.critical:
            # PROTOCOL.certkeys defines none for hosts, and what is critical must be understood.
            job.console.say(f"Warning: ssh refuses a host certificate with a critical option, such as {escaped(name)}")
    for path, key, comment in requests:
        make = partial(
            sign_certificate,
            authority,
            key,
            kind=kind,
            key_id=key_id,
            principals=principals,
            serial=serial,
            valid_after=valid_after,
            valid_before=valid_before,
            critical_options=options.critical,
            extensions=options.extensions,
            algorithm=algorithm,
        )
        certificate = job.console.work(make)
        target = Path(f"{str(path).removesuffix('.pub')}-cert.pub")
        try:
            save_public_key(target, certificate, comment or str(path), overwrite=True)
        except SSHError as error:
            raise KeygenError(f'Saving "{target}" failed: {error.message}') from None
        if not arguments.quiet:
            job.console.say(_signed(target, certificate))
        serial += counts_up


def show(job: Job) -> None:
    """``keygen -L``: show the certificates in a file."""
    if job.arguments.text("f") == STDIN:
        name, text = STDIN, read_input_text(job.console)
    else:
        path = job.existing_file("Enter file in which the key is")
        name = str(path)
        try:
            text = read_text(path)
        except SSHError as error:
            raise KeygenError(error.message) from None
    found = False
    for number, line in enumerate(text.splitlines(), 1):
        line = line.lstrip(" \t")
        if not line or line.startswith("#"):
            continue
        place = f"(stdin):{number}" if name == STDIN else name if number == 1 else f"{name}:{number}"
        try:
            key, _ = parse_key_or_certificate_line(line, REQUIRED_RSA_SIZE)
        except SSHError as error:
            job.console.say(f"{name}:{number}: invalid key: {error.message}")
            continue
        if not isinstance(key, Certificate):
            job.console.say(f"{name}:{number} is not a certificate")
            continue
        found = True
        job.console.out("\n".join((f"{place}:", *describe(key))))
    if not found:
        raise KeygenError.ended(f"no certificate in {name}")


def _authority(job: Job, path: Path) -> PrivateKey:
    """Return the CA key from a private file or, with ``-U``, from the agent by its public file.

    Raises `KeygenError`.
    """
    if not job.arguments.has("U"):
        return job.load_private(path)
    public, _ = load_public(path, PUBLIC_FAILURE)
    key = job.agent_key(public, path)
    assert key is not None
    return key


def _principals(text: str | None) -> list[str]:
    if text is None:
        return []
    names = text.split(",")
    if "" in names:
        raise KeygenError("Empty principal name", phase="options")
    return names


def _validity(text: str | None, now: float) -> tuple[int, int]:
    if text is None:
        return 0, FOREVER
    try:
        return parse_validity(text, now)
    except ConfigError as error:
        if error.message == "empty validity interval":
            raise KeygenError("Empty certificate validity interval", phase="options") from None
        raise KeygenError(
            f"Invalid certificate life specification {text}",
            phase="options",
            expected="+SPAN or FROM:TO, such as +52w or 20260101:20270101",
        ) from None


def _algorithm(authority: PrivateKey, named: str | None) -> str | None:
    if named is None:
        return None
    if named not in authority.public.signature_algorithms or named not in RSA_SIGNATURES:
        raise KeygenError(
            f"CA key type {authority.public.key_type} doesn't match specified {named}",
            expected=" or ".join(RSA_SIGNATURES),
        )
    return named


def _to_certify(path: Path) -> tuple[PublicKey, str]:
    """Return the public key to certify and its comment.  Raises `KeygenError`."""
    key, comment = load_public(path, PUBLIC_FAILURE)
    if isinstance(key, Certificate):
        raise KeygenError(f'key "{path}" type {key.nickname} cannot be certified')
    return key, line_without_controls(comment)


def _signed(path: Path, certificate: Certificate) -> str:
    statement = certificate.statement
    names = ",".join(map(escaped, statement.principals))
    return (
        f'Signed {statement.kind} key {path}: id "{escaped(statement.key_id)}" serial {statement.serial}'
        f"{' for ' if names else ''}{names}"
        f" valid {format_validity(statement.valid_after, statement.valid_before)}"
    )
