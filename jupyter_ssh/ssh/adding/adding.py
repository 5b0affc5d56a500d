"""The operations of ssh-add: add keys to an agent, remove and list them, lock and unlock it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from jupyter_ssh.ssh.adding.options import Arguments
from jupyter_ssh.ssh.agent import AgentIdentity, Constraints, Destination, Hop, HopKey
from jupyter_ssh.ssh.agent.asking import REQUIRED_RSA_SIZE, AskAgent, AskedAgent
from jupyter_ssh.ssh.errors import (
    AgentError,
    AgentRefused,
    ConfigError,
    KeyFileError,
    KeyFormatError,
    PromptUnavailable,
    SSHError,
    WrongPassphrase,
)
from jupyter_ssh.ssh.keygen import Console, Person
from jupyter_ssh.ssh.keygen.fingerprints import fingerprint_of
from jupyter_ssh.ssh.keygen.job import MAX_TEXT, decode
from jupyter_ssh.ssh.keys import (
    Certificate,
    CertifiedKey,
    KeyFile,
    PrivateKey,
    PublicKey,
    open_key_file,
)
from jupyter_ssh.ssh.keys.files.public_text import parse_key_or_certificate_line
from jupyter_ssh.ssh.keys.files.reading import (
    MAX_FILE,
    certificate_beside,
    load_certificate,
    load_public_half,
    parse_key_file,
)
from jupyter_ssh.ssh.text import escaped, printable
from jupyter_ssh.ssh.trust.entries import Marker
from jupyter_ssh.ssh.trust.known_hosts import KnownHosts

DEFAULT_NAMES = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")
DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts")
STDIN = "-"
"""The file name that stands for standard input."""
STDIN_NAME = Path("(stdin)")
INTERNAL_PROVIDER = "internal"
"""OpenSSH's own access to security keys, in place of a library."""
ATTEMPTS = 3
TEST_SIZE = 1024


class Adding:
    """One run; `run` returns ssh-add's exit status."""

    def __init__(
        self,
        arguments: Arguments,
        console: Console,
        person: Person,
        ask: AskAgent,
        on_failure: Callable[[str], None] | None = None,
        sk_provider: str | None = None,
    ) -> None:
        """Prepare a run; ``on_failure`` is called with a line for each failure, which by default is a message.

        ``sk_provider`` is the library for security keys unless ``-S`` names one (SSH_SK_PROVIDER).
        """
        self._arguments = arguments
        self._console = console
        self._person = person
        self._ask = ask
        self._on_failure = on_failure or console.say
        self._sk_provider = arguments.sk_provider or sk_provider or INTERNAL_PROVIDER
        self._last_passphrase: str | None = None
        """The last passphrase: keys often share one.  It is forgotten with this object."""
        self.listed: list[AgentIdentity] | None = None
        """The keys found by ``-l`` and ``-L``."""

    def run(self) -> int:
        """Do what the options say; return 0, or 1 if some of it failed.  Raises `SSHError` without an agent."""
        try:
            return _ACTIONS[self._arguments.action](self)
        finally:
            self._last_passphrase = None

    # --- messages -----------------------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        if not self._arguments.has("q"):
            self._console.say(text)

    def _fail(self, text: str, error: SSHError | None = None) -> int:
        self._on_failure(printable(text if error is None else f"{text}: {_reason(error)}"))
        return 1

    def _paths(self) -> list[Path | None]:
        """Return the files that were named (None for standard input), or the existing ones with the usual names."""
        if self._arguments.files:
            return [None if name == STDIN else self._person.path(name) for name in self._arguments.files]
        usual = (self._person.home / ".ssh" / name for name in DEFAULT_NAMES)
        return [path for path in usual if path.exists()]

    # --- adding -------------------------------------------------------------------------------------------------------

    def _add(self) -> int:
        arguments = self._arguments
        constraints = Constraints(arguments.lifetime, arguments.has("c"), self._destinations())
        paths = self._paths()
        if not paths:
            return self._fail("No key file with one of the usual names in ~/.ssh; name one")
        return max([self._add_file(path, constraints) for path in paths])

    def _add_file(self, place: Path | None, constraints: Constraints) -> int:
        path = place or STDIN_NAME
        try:
            file = self._read_input() if place is None else open_key_file(place, REQUIRED_RSA_SIZE)
            key = self._unlock(file)
        except (KeyFileError, KeyFormatError, PromptUnavailable) as error:
            return self._fail(f'Could not add identity "{path}"', error)
        if key is None:
            return self._fail(f'Could not add identity "{path}": the passphrase is missing or wrong')
        if key.needs_agent:  # for other keys OpenSSH's agent refuses the constraint
            constraints = replace(constraints, sk_provider=self._sk_provider)
        status = 0
        if not self._arguments.has("C"):
            status = self._hand_over(key, path, "Identity", constraints)
        if not self._arguments.has("k") and place is not None:
            status = max(status, self._add_certificate(key, place, constraints))
        return status

    def _read_input(self) -> KeyFile:
        return parse_key_file(self._console.input().read(MAX_FILE + 1), str(STDIN_NAME), REQUIRED_RSA_SIZE)

    def _add_certificate(self, key: PrivateKey, path: Path, constraints: Constraints) -> int:
        place = Path(f"{path}-cert.pub")
        try:
            certificate = certificate_beside(path, REQUIRED_RSA_SIZE)
            certified = None if certificate is None else CertifiedKey(key, certificate, key.comment)
        except SSHError as error:
            return self._fail(f'Failed to load certificate "{place}"', error)
        return 0 if certified is None else self._hand_over(certified, place, "Certificate", constraints)

    def _hand_over(self, key: PrivateKey, path: Path, what: str, constraints: Constraints) -> int:
        comment = key.comment or str(path)
        try:
            self._ask(lambda agent: agent.add(key, comment, constraints))
        except AgentRefused as error:
            return self._fail(f'Could not add {what.lower()} "{path}"', error)
        self._say(f"{what} added: {path} ({escaped(comment)})")
        if constraints.lifetime is not None:
            self._say(f"Lifetime set to {constraints.lifetime} seconds")
        if constraints.confirm:
            self._say("The user must confirm each use of the key")
        return 0

    def _unlock(self, file: KeyFile) -> PrivateKey | None:
        """Return the key in a file, trying the last passphrase before asking for one; None if none is given."""
        if not file.encrypted:
            return file.unlock()
        given, self._last_passphrase = self._last_passphrase, None
        note = " (will confirm each use)" if self._arguments.has("c") else ""
        prompt = f"Enter passphrase for {file.path}{note}: "
        for _ in range(ATTEMPTS + (given is not None)):
            passphrase = self._console.secret(prompt) if given is None else given
            if not passphrase:
                return None
            try:
                key = self._console.work(partial(file.unlock, passphrase))
            except WrongPassphrase:
                if given is None:
                    prompt = f"Bad passphrase, try again for {file.path}{note}: "
                given = None
                continue
            self._last_passphrase = passphrase
            return key
        return None

    def _destinations(self) -> tuple[Destination, ...]:
        names = self._arguments.known_hosts or DEFAULT_KNOWN_HOSTS
        if not self._arguments.destinations:
            return ()
        known = KnownHosts.load([self._person.path(name) for name in names])
        return tuple(_destination(text, known) for text in self._arguments.destinations)

    # --- removing -----------------------------------------------------------------------------------------------------

    def _remove(self) -> int:
        paths = self._paths()
        return max([self._remove_listed() if path is None else self._remove_file(path) for path in paths], default=1)

    def _remove_listed(self) -> int:
        """Remove the keys whose public keys and certificates are on standard input; one that is removed is success."""
        status = 1
        lines = decode(self._console.input().read(MAX_TEXT)).split("\n")
        for number, line in enumerate(map(str.strip, lines), 1):
            if not line or line.startswith("#"):
                continue
            try:
                key, comment = parse_key_or_certificate_line(line, REQUIRED_RSA_SIZE)
            except SSHError as error:
                self._fail(f"{STDIN_NAME}:{number}: invalid key", error)
                continue
            if self._arguments.has("k" if isinstance(key, Certificate) else "C"):
                continue
            try:
                blob = key.blob
                self._ask(lambda agent, blob=blob: agent.remove(blob))  # type: ignore[misc]
            except AgentRefused as error:
                self._fail(f'Could not remove identity "{STDIN_NAME}"', error)
            else:
                status = 0
                self._say(f"Identity removed: {STDIN_NAME} {key.nickname} ({escaped(comment)})")
        return status

    def _remove_file(self, path: Path) -> int:
        status, found = 0, False
        loaders: list[Callable[[], tuple[PublicKey, str]]] = []
        if not self._arguments.has("C"):
            loaders.append(lambda: load_public_half(path, REQUIRED_RSA_SIZE))
        if not self._arguments.has("k") and (self._arguments.has("C") or Path(f"{path}-cert.pub").exists()):
            loaders.append(lambda: load_certificate(f"{path}-cert.pub", REQUIRED_RSA_SIZE))
        for load in loaders:
            try:
                key, comment = load()
                blob = key.blob
                self._ask(lambda agent, blob=blob: agent.remove(blob))  # type: ignore[misc]
            except (KeyFileError, KeyFormatError) as error:
                status = self._fail(f'Bad key file "{path}"', error)
            except AgentRefused as error:
                if not found:
                    status = self._fail(f'Could not remove identity "{path}"', error)
            else:
                found = True
                self._say(f"Identity removed: {path} {key.nickname} ({escaped(comment) or 'no comment'})")
        return status

    def _remove_all(self) -> int:
        try:
            self._ask(lambda agent: agent.remove_all())
        except AgentRefused as error:
            return self._fail("Failed to remove all identities", error)
        self._say("All identities removed.")
        return 0

    # --- showing ------------------------------------------------------------------------------------------------------

    def _list(self) -> int:
        found = self._ask(lambda agent: agent.identities(REQUIRED_RSA_SIZE))
        self.listed = found
        for item in found:
            if item.key is None:
                if self._arguments.verbose:
                    self._console.say(f"A key is skipped ({item.comment}): {item.problem}")
            elif self._arguments.action == "L":
                self._console.out(item.key.line(item.comment))
            else:
                fingerprint = fingerprint_of(item.key, self._arguments.hash_name)
                self._console.out(f"{item.key.size} {fingerprint} {item.comment} ({item.key.nickname})")
        if not found:
            self._console.out("The agent has no identities.")
        return 0 if found else 1

    def _test(self) -> int:
        if not self._arguments.files:
            return self._fail("Name the public key files to test")
        return max([self._test_file(self._person.path(name)) for name in self._arguments.files])

    def _test_file(self, path: Path) -> int:
        data = secrets.token_bytes(TEST_SIZE)
        try:
            key, _ = load_public_half(path, REQUIRED_RSA_SIZE)
            algorithm = key.signature_algorithms[0]
            signature = self._ask(lambda agent: agent.sign(key, data, algorithm))
            key.verify(signature, data, key.signature_algorithms)
        except (AgentRefused, KeyFileError, KeyFormatError) as error:
            return self._fail(f"Agent signature failed for {path}", error)
        return 0

    # --- the lock -----------------------------------------------------------------------------------------------------

    def _lock(self) -> int:
        password = self._console.secret("Enter lock password: ")
        if password != self._console.secret("Again: "):
            return self._fail("Passwords do not match.")
        return self._locked(lambda agent: agent.lock(password), "locked", "lock")

    def _unlock_agent(self) -> int:
        password = self._console.secret("Enter lock password: ")
        return self._locked(lambda agent: agent.unlock(password), "unlocked", "unlock")

    def _locked(self, work: Callable[[AskedAgent], Awaitable[None]], done: str, what: str) -> int:
        try:
            self._ask(work)
        except AgentRefused as error:
            return self._fail(f"Failed to {what} agent", error)
        self._say(f"Agent {done}.")
        return 0


_ACTIONS: dict[str, Callable[[Adding], int]] = {
    "": Adding._add,
    "d": Adding._remove,
    "D": Adding._remove_all,
    "l": Adding._list,
    "L": Adding._list,
    "T": Adding._test,
    "x": Adding._lock,
    "X": Adding._unlock_agent,
}


def _reason(error: SSHError) -> str:
    if isinstance(error, AgentRefused):
        return "agent refused operation"
    if isinstance(error, (AgentError, PromptUnavailable)):
        return error.message
    return error.message if error.next_step is None else f"{error.message}. {error.next_step}"


def _destination(text: str, known: KnownHosts) -> Destination:
    """Parse ``[user@]host`` or ``host>[user@]host`` and look up the keys of these hosts.  Raises `ConfigError`."""
    origin, arrow, target = text.rpartition(">")
    first = _hop(origin, known) if arrow else Hop()
    if first.user:
        raise ConfigError(f'-h "{text}": the first host cannot have a user name', phase="options")
    return Destination(first, _hop(target, known))


def _hop(text: str, known: KnownHosts) -> Hop:
    user, at, host = text.rpartition("@")
    if not host or (at and not user):
        raise ConfigError(f'-h "{text}" does not name a host', phase="options", expected="[user@]host")
    keys = []
    for entry in known.named(host.lower()):
        if entry.marker is not Marker.REVOKED and entry.is_supported:
            try:
                keys.append(HopKey(entry.key(REQUIRED_RSA_SIZE), entry.marker is Marker.CERT_AUTHORITY))
            except KeyFormatError:
                continue
    if not keys:
        raise ConfigError(
            f'No host keys found for destination "{host}"',
            phase="options",
            next_step="Connect to it once, so that its key is in known_hosts, or name another file with -H.",
        )
    return Hop(host, user, tuple(keys))
