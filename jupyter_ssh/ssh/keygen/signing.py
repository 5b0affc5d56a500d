"""Signatures of files (``-Y``): make and check them, and find principals (OpenSSH's PROTOCOL.sshsig)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.errors import ConfigError, KeyFileError, KeygenError, SignatureError, SSHError
from jupyter_ssh.ssh.keygen.fingerprints import fingerprint_of
from jupyter_ssh.ssh.keygen.generation import confirm_overwriting
from jupyter_ssh.ssh.keygen.job import REQUIRED_RSA_SIZE, Job, read_text
from jupyter_ssh.ssh.keys import Certificate, CertifiedKey, PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.allowed_signers import AllowedSigners
from jupyter_ssh.ssh.keys.certificates.validity import parse_date
from jupyter_ssh.ssh.keys.file_signatures import (
    HASHES,
    FileSignature,
    check_novalidate,
    find_principals,
    parse_signature,
    sign_file,
    verify_file,
)
from jupyter_ssh.ssh.keys.files.public_text import parse_public_text
from jupyter_ssh.ssh.keys.files.saving import write_file
from jupyter_ssh.ssh.keys.revoked_keys import RevokedKeys, read_revoked_keys
from jupyter_ssh.ssh.text import line_without_controls

NOT_VERIFIED = "Could not verify signature."
NO_PRINCIPAL = "No principal matched."
SUFFIXES = ("-cert.pub", ".pub")
"""Suffixes of public files that the private file's name lacks."""


def run(job: Job) -> None:
    """``keygen -Y operation``."""
    name = job.arguments.text("Y") or ""
    if name not in OPERATIONS:
        raise Usage(f'Unsupported operation for -Y: "{name}"', phase="options", expected=" or ".join(OPERATIONS))
    needed, operation = OPERATIONS[name]
    for letter, what in needed:
        if not job.arguments.text(letter):
            error = KeygenError(f"Too few arguments for {name}: missing {what}", next_step=f"Give it with -{letter}")
            error.status = 1
            raise error
    if job.arguments.operands and name != "sign":
        raise Usage("Too many arguments.", phase="options")
    operation(job)


def _sign(job: Job) -> None:
    arguments, console = job.arguments, job.console
    options = _options(job, "hashalg")
    key = _signing_key(job, job.person.path(arguments.text("f") or ""))
    namespace, hash_name = arguments.text("n") or "", options.get("hashalg", HASHES[0])
    if not arguments.operands:
        if not arguments.quiet:
            console.say("Signing data on standard input")
        console.out(_signature(job, key, console.input(), namespace, hash_name, "standard input").rstrip("\n"))
        return
    for name in arguments.operands:
        path = job.person.path(name)
        if not arguments.quiet:
            console.say(f"Signing file {name}")
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(path.open("rb"))
            except OSError as error:
                raise KeygenError(f"Cannot open {name} for signing: {error.strerror}") from None
            text = _signature(job, key, stream, namespace, hash_name, name)
        target = Path(f"{path}.sig")
        confirm_overwriting(job, target)
        try:
            write_file(target, text.encode("ascii"), 0o644)
        except KeyFileError as error:
            raise KeygenError(error.message) from None
        if not arguments.quiet:
            console.say(f"Write signature to {name}.sig")


def _signature(job: Job, key: PrivateKey, stream: BinaryIO, namespace: str, hash_name: str, name: str) -> str:
    try:
        return job.console.work(partial(sign_file, key, stream, namespace, hash_name=hash_name))
    except SSHError as error:
        raise KeygenError(
            f"Signing {name} failed: {error.message}",
            expected=error.expected,
            received=error.received,
            next_step=error.next_step,
        ) from None
    except OSError as error:
        raise KeygenError(f"Signing {name} failed: {error.strerror}") from None


def _signing_key(job: Job, path: Path) -> PrivateKey:
    """Return the key to sign with, from an agent or else the file; ``path`` is a private or public key or
    certificate."""
    try:
        text = read_text(path)
    except SSHError as error:
        raise KeygenError(f"Couldn't load public key {error.message}") from None
    try:
        named, _ = parse_public_text(text, REQUIRED_RSA_SIZE)
    except SSHError:
        return _in_agent(job, path) or job.load_private(path)
    in_agent = job.agent_key(named, path)
    if in_agent is not None:
        return in_agent
    suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), "")
    private_path = Path(str(path).removesuffix(suffix))
    if not suffix or not private_path.exists():
        raise KeygenError(
            f'No private key found for public key "{path}"', next_step="Name the file with the private key"
        )
    key = job.load_private(private_path)
    if key.public != (named.key if isinstance(named, Certificate) else named):
        raise KeygenError(f'The private key "{private_path}" does not match "{path}"')
    return CertifiedKey(key, named) if isinstance(named, Certificate) else key


def _in_agent(job: Job, path: Path) -> PrivateKey | None:
    """Return the key of a private file from an agent that has it, which needs no passphrase."""
    public: PublicKey | None = None
    with suppress(SSHError):
        public = job.open_private(path).public
    return None if public is None else job.agent_key(public, path)


def _check_novalidate(job: Job) -> None:
    options = _options(job, "print-pubkey")
    try:
        signature = _read_signature(job)
        check_novalidate(signature, job.console.input(), job.arguments.text("n") or "")
    except SSHError as error:
        raise _not_verified(job, error) from None
    _tell_good(job, signature, "", "print-pubkey" in options)


def _verify(job: Job) -> None:
    options = _options(job, "print-pubkey", "verify-time")
    identity, namespace = job.arguments.text("I") or "", job.arguments.text("n") or ""
    try:
        signature = _read_signature(job)
        verify_file(
            signature,
            job.console.input(),
            signers=_signers(job),
            identity=identity,
            namespace=namespace,
            now=_time(job, options),
            revoked=_revoked(job),
        )
    except SSHError as error:
        raise _not_verified(job, error) from None
    _tell_good(job, signature, f" for {line_without_controls(identity)}", "print-pubkey" in options)


def _find_principals(job: Job) -> None:
    options = _options(job, "verify-time")
    try:
        names = find_principals(_read_signature(job), signers=_signers(job), now=_time(job, options))
    except SSHError as error:
        job.console.say(NO_PRINCIPAL)
        raise KeygenError(error.message, expected=error.expected, received=error.received) from None
    for name in names:
        job.console.out(line_without_controls(name))


def _match_principals(job: Job) -> None:
    names = _signers(job).match_principals(job.arguments.text("I") or "")
    if not names:
        raise KeygenError(NO_PRINCIPAL)
    for name in names:
        job.console.out(line_without_controls(name))


OPERATIONS: dict[str, tuple[tuple[tuple[str, str], ...], Callable[[Job], None]]] = {
    "sign": ((("n", "namespace"), ("f", "key")), _sign),
    "verify": (
        (("n", "namespace"), ("s", "signature file"), ("f", "allowed keys file"), ("I", "principal identity")),
        _verify,
    ),
    "check-novalidate": ((("n", "namespace"), ("s", "signature file")), _check_novalidate),
    "find-principals": ((("s", "signature file"), ("f", "allowed keys file")), _find_principals),
    "match-principals": ((("f", "allowed keys file"), ("I", "principal ID")), _match_principals),
}
"""The operations: (required letters with their meaning, function)."""


def _options(job: Job, *known: str) -> dict[str, str]:
    """Return the options of ``-O`` with their values.  Raises `KeygenError` for those that ``-Y`` does not know."""
    options: dict[str, str] = {}
    for option in job.arguments.options:
        name, equals, value = option.partition("=")
        if name.lower() not in ("hashalg", "print-pubkey", "verify-time") or bool(equals) == (name == "print-pubkey"):
            raise KeygenError(f'Invalid option "{option}"', phase="options", expected=" or ".join(known))
        options[name.lower()] = value
    return options


def _read_signature(job: Job) -> FileSignature:
    path = job.person.path(job.arguments.text("s") or "")
    try:
        text = read_text(path)
    except SSHError as error:
        raise KeygenError(f"Couldn't read signature file: {error.message.removeprefix(f'{path}: ')}") from None
    try:
        return parse_signature(text)
    except SSHError as error:
        raise KeygenError(
            f"Couldn't parse signature: {error.message}", expected=error.expected, received=error.received
        ) from None


def _signers(job: Job) -> AllowedSigners:
    path = job.person.path(job.arguments.text("f") or "")
    try:
        signers = AllowedSigners.parse(read_text(path))
    except SSHError as error:
        raise KeygenError(
            f'Unable to open allowed keys file "{path}": {error.message.removeprefix(f"{path}: ")}'
        ) from None
    for problem in signers.problems:
        job.console.say(f"{path}:{problem.line}: {line_without_controls(problem.why)}")
    return signers


def _revoked(job: Job) -> RevokedKeys | None:
    """Read the revoked keys of ``-r``; a file that cannot be parsed revokes everything."""
    name = job.arguments.text("r")
    if name is None:
        return None
    try:
        return read_revoked_keys(job.person.path(name))
    except SSHError as error:
        raise KeygenError(error.message, expected=error.expected, received=error.received) from None


def _time(job: Job, options: dict[str, str]) -> float:
    if "verify-time" not in options:
        return job.now
    try:
        return parse_date(options["verify-time"])
    except ConfigError as error:
        raise KeygenError("Invalid verify-time", expected=error.expected, received=error.received) from None


def _not_verified(job: Job, error: SSHError) -> KeygenError:
    if not job.arguments.quiet:
        job.console.out(NOT_VERIFIED)
    message = f"Signature verification failed: {error.message}" if isinstance(error, SignatureError) else error.message
    return KeygenError(message, expected=error.expected, received=error.received, next_step=error.next_step)


def _tell_good(job: Job, signature: FileSignature, whose: str, print_key: bool) -> None:
    key = signature.key
    if not job.arguments.quiet:
        job.console.out(
            f'Good "{line_without_controls(signature.namespace)}" signature{whose} with {key.nickname} key'
            f" {fingerprint_of(key, job.arguments.fingerprint_hash)}"
        )
    if print_key:
        job.console.out(key.line())
