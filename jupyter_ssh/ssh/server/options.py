"""What a server is told: one field an option, named after sshd_config's keyword where there is one."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Final

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import names, pick
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.certificates.certificate import (
    ALL_ALGORITHMS,
    PLAIN_ALGORITHM,
    Certificate,
    CertificateKind,
    CertifiedKey,
)
from jupyter_ssh.ssh.keys.files.reading import load_certificate, load_private_key
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from jupyter_ssh.ssh.protocol.settings import DEFAULT_REKEY_SECONDS, Algorithms, KeepAlive, Settings
from jupyter_ssh.ssh.server import offer
from jupyter_ssh.ssh.server.logins.passwords import NewPasswordNeeded
from jupyter_ssh.ssh.server.moduli import DEFAULT_FILE, read_moduli
from jupyter_ssh.ssh.server.processes.environment import DEFAULT_ACCEPT_ENV
from jupyter_ssh.ssh.server.processes.in_process import Subsystem

PathLike = str | os.PathLike[str]

PasswordVerdict = bool | NewPasswordNeeded
"""Right, wrong, or right but to be changed; of a change: done, refused, or another new password is wanted."""

PasswordCheck = Callable[[str, str], PasswordVerdict | Awaitable[PasswordVerdict]]
"""(user, password) -> whether it is right.  A plain function runs on a thread, so it may take its time."""

PasswordChange = Callable[[str, str, str], "PasswordVerdict | Awaitable[PasswordVerdict]"]
"""(user, old password, new password) -> whether the one was right and the other is in its place now (RFC 4252 §8)."""

Ask = Callable[[str, str, Sequence[tuple[str, bool]]], Awaitable[Sequence[str]]]
"""(name, instruction, prompts with whether the answer may be shown) -> the answers, one a prompt (RFC 4256 §3.2)."""

KeyboardInteractive = Callable[[str, Ask], Awaitable[bool]]
"""(user, ask) -> whether the user may log in; ``ask`` may be called any number of times."""

PUBLICKEY: Final = "publickey"
PASSWORD: Final = "password"
KEYBOARD_INTERACTIVE: Final = "keyboard-interactive"

TOUCH_REQUIRED: Final = "touch-required"
VERIFY_REQUIRED: Final = "verify-required"
PUBKEY_AUTH_OPTIONS: Final = frozenset({TOUCH_REQUIRED, VERIFY_REQUIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Options of `listen`.  Seconds and bytes throughout."""

    # --- who may log in ---
    authorized_keys: PathLike | Sequence[PathLike] | None = None
    """Files in the format of sshd(8), read anew at each login; None: no public keys."""
    trusted_user_ca_keys: PathLike | Sequence[PathLike] | None = None
    """Files of authorities whose certificates let in whoever they name as a principal, a public key a line."""
    authorized_principals: PathLike | Sequence[PathLike] | None = None
    """Files of the principals of which a certificate of those authorities must have one; None: the user's name."""
    revoked_keys: PathLike | None = None
    """A file of keys and authorities that let nobody in, one a line, or a key revocation list; where it cannot be read
    no key lets in."""
    pubkey_accepted_algorithms: str | Sequence[str] | None = None
    """Signature algorithms that keys may log in with, in the list syntax of ssh_config(5); None: the modern ones."""
    required_rsa_size: int | None = None
    """Bits of the shortest RSA key that may log in; None: 2048."""
    ca_signature_algorithms: str | Sequence[str] | None = None
    """What authorities may sign certificates with, in the same syntax."""
    pubkey_auth_options: Collection[str] = ()
    """``touch-required``, ``verify-required``: what security keys must have done, whatever is said of a key."""
    passwords: PasswordCheck | None = field(default=None, repr=False)
    """For instance a `PasswordTable`; None: no passwords."""
    change_password: PasswordChange | None = field(default=None, repr=False)
    """Changes a password that ``passwords`` wants changed; None: such passwords let nobody in."""
    keyboard_interactive: KeyboardInteractive | None = None
    """Questions and answers of your own (RFC 4256); None: none."""
    authentication_methods: Sequence[Sequence[str]] | None = None
    """Lists of methods, one of which has to be gone through in its order, such as ``[["publickey", "password"]]``.

    None: any one method will do.
    """
    users: Collection[str] | None = None
    """Names that may log in.  All of them are the account the server runs as; None: that account's own name only."""
    strict_modes: bool = True
    """Refuse authorized_keys files that others may write."""
    login_grace_time: float = 120.0
    """How long a client may take from connecting until it is logged in."""
    max_auth_tries: int = 6
    """Failed attempts on one connection, a public key that is not authorised among them."""
    max_startups: tuple[int, int, int] = (10, 30, 100)
    """(start, rate, full): from ``start`` connections that are not logged in on, new ones are dropped with a
    probability of ``rate`` per cent, growing until all are from ``full`` on."""

    # --- what they may do ---
    permit_tty: bool = True
    allow_tcp_forwarding: bool = True
    """Let clients connect to anywhere through the server (direct-tcpip, ``ssh -L``), as sshd does by default: whoever
    may run commands could do it anyway."""
    permit_user_environment: bool | str | Sequence[str] = False
    """Take the variables of ``environment=`` in authorized_keys: all, or those that fit patterns."""
    allow_agent_forwarding: bool = True
    """Let clients lend their agent to what they run here (``ssh -A``)."""
    permit_open: Sequence[str] | None = None
    """``HOST:PORT`` to which clients may connect, ``*`` for any port; None: anywhere."""
    subsystems: Mapping[str, Subsystem] = field(default_factory=dict)
    """Subsystem name to the command line it runs, or to a handler in this process: see `in_process`."""
    force_command: str | None = None
    """Run in the place of whatever clients ask for."""
    accept_env: Sequence[str] = DEFAULT_ACCEPT_ENV
    """Patterns of variables that clients may set."""
    set_env: Mapping[str, str] = field(default_factory=dict)
    """Variables for every child, such as PATH; nothing else of the server's own environment is passed on."""
    max_sessions: int = 10
    """Sessions (commands, shells, subsystems) on one connection at a time."""
    max_forwards: int = 200
    """Connections to elsewhere through one connection at a time."""
    connect_timeout: float = 30.0
    """How long the server tries to connect to where a client wants to go."""

    # --- the connection ---
    announce_host_keys: bool = True
    """Tell clients of all host keys after the login, so that they know a new one before an old one goes
    (UpdateHostKeys of ssh_config(5))."""
    host_certificates: Sequence[PathLike | Certificate] = ()
    """Certificates of the host keys, shown to clients that ask for them."""
    banner: str = ""
    """A text shown before authentication (RFC 4252 §5.4)."""
    tcp_keep_alive: bool = True
    """Let the system notice clients whose machine is gone, so that their processes end some time."""
    client_alive_interval: float = 0.0
    """After so many silent seconds a client is asked for a sign of life; 0: never."""
    client_alive_count_max: int = 3
    rekey_limit: int | None = None
    """Bytes after which keys are renewed; None: as the cipher wants it."""
    ciphers: str | Sequence[str] | None = None
    """In the list syntax of ssh_config(5), as the following three; None: see `offer`."""
    macs: str | Sequence[str] | None = None
    kex_algorithms: str | Sequence[str] | None = None
    host_key_algorithms: str | Sequence[str] | None = None
    legacy: bool = False
    """Offer all modern algorithms and, after them, those of the grade "legacy"."""
    compression: bool = True
    """Let clients ask for compression: zlib@openssh.com, which begins after the login."""
    moduli: PathLike | None = DEFAULT_FILE
    """A moduli(5) file with groups for group exchange; without it those of RFC 3526 are used."""

    def __post_init__(self) -> None:
        if not self.methods:
            raise ConfigError(
                "nobody could log in", expected="authorized_keys, passwords or keyboard_interactive", received="none"
            )
        for sequence in self.authentication_methods or ():
            repeated = {name for name in sequence if sequence.count(name) > 1}
            if not sequence or not repeated <= {PUBLICKEY} or not set(sequence) <= set(self.methods):
                raise ConfigError(
                    "authentication_methods cannot be gone through",
                    expected=f"lists of methods out of {', '.join(self.methods)}, only publickey more than once",
                    received=", ".join(sequence) or "an empty list",
                )
        unknown = set(self.pubkey_auth_options) - PUBKEY_AUTH_OPTIONS
        if unknown:
            raise ConfigError(
                "unknown pubkey_auth_options",
                expected=" or ".join(sorted(PUBKEY_AUTH_OPTIONS)),
                received=", ".join(sorted(unknown)),
            )
        # What they name has to exist before the first client comes.
        _ = self.accepted_algorithms, self.accepted_ca_algorithms
        if self.authentication_methods is not None and not self.authentication_methods:
            raise ConfigError("authentication_methods is empty", expected="at least one list")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ServerOptions:
        """Options from keyword arguments; raises `ConfigError` for a name that does not exist."""
        known = list(cls.__dataclass_fields__)
        for name in options:
            if name not in known:
                close = get_close_matches(name, known, 3)
                raise ConfigError(f"unknown option {name}", expected=f"{' or '.join(close or known)}")
        return cls(**options)

    @property
    def methods(self) -> tuple[str, ...]:
        """The authentication methods there is something behind of."""
        offered = {
            PUBLICKEY: self.authorized_keys is not None or self.trusted_user_ca_keys is not None,
            KEYBOARD_INTERACTIVE: self.keyboard_interactive is not None,
            PASSWORD: self.passwords is not None,
        }
        return tuple(name for name, there in offered.items() if there)

    @property
    def method_sequences(self) -> tuple[tuple[str, ...], ...]:
        """The ways to log in, each a sequence of methods."""
        return tuple(map(tuple, self.authentication_methods or [[name] for name in self.methods]))

    @property
    def key_files(self) -> tuple[Path, ...]:
        """The authorized_keys files."""
        return _paths(self.authorized_keys)

    @property
    def authority_files(self) -> tuple[Path, ...]:
        """The files of authorities that count for every user."""
        return _paths(self.trusted_user_ca_keys)

    @property
    def principal_files(self) -> tuple[Path, ...]:
        """The files of authorised principals."""
        return _paths(self.authorized_principals)

    @property
    def accepted_algorithms(self) -> tuple[str, ...]:
        """The algorithms keys and certificates may log in with; raises `ConfigError` for one that does not exist."""
        default = names(ALL_ALGORITHMS, self.legacy)
        return pick(ALL_ALGORITHMS, self.pubkey_accepted_algorithms, default, "public key algorithm")

    @property
    def accepted_ca_algorithms(self) -> tuple[str, ...]:
        """The algorithms authorities may sign with; raises `ConfigError` for one that does not exist."""
        default = names(SIGNATURE_ALGORITHMS)
        return pick(SIGNATURE_ALGORITHMS, self.ca_signature_algorithms, default, "CA signature algorithm")

    def settings(self, host_keys: Sequence[PrivateKey]) -> Settings:
        """Return what a session has to know; raises `ConfigError` for algorithms that do not exist."""
        shown = (*certified(host_keys, self.host_certificates), *host_keys)
        of_our_keys = [name for key in shown for name in key.public.signature_algorithms]
        legacy = self.legacy
        default = [name for name in names(ALL_ALGORITHMS, legacy) if name in of_our_keys]
        wanted = pick(ALL_ALGORITHMS, self.host_key_algorithms, default, "host key algorithm")
        host_key = [name for name in wanted if name in of_our_keys]
        if not host_key:
            raise ConfigError("no host key for any of the host key algorithms", expected=", ".join(wanted))
        return Settings(
            algorithms=Algorithms(
                kex=pick(EXCHANGES, self.kex_algorithms, offer.exchanges(legacy), "key exchange method"),
                host_key=host_key,
                ciphers=pick(CIPHERS, self.ciphers, names(CIPHERS, legacy), "cipher"),
                macs=pick(MACS, self.macs, offer.macs(legacy), "MAC"),
                compression=names(COMPRESSIONS, legacy) if self.compression else ("none",),
            ),
            host_keys=shown,
            required_rsa_size=self.required_rsa_size,
            signature_algorithms=tuple(dict.fromkeys(PLAIN_ALGORITHM.get(n, n) for n in self.accepted_algorithms)),
            groups=None if self.moduli is None else partial(read_moduli, self.moduli),
            rekey_bytes=self.rekey_limit,
            rekey_seconds=DEFAULT_REKEY_SECONDS,
            keepalive=KeepAlive(self.client_alive_interval, self.client_alive_count_max),
            max_channels=self.max_sessions + self.max_forwards + 1,
            banner=self.banner,
        )


def load_host_keys(host_keys: Sequence[PrivateKey | PathLike]) -> tuple[PrivateKey, ...]:
    """Keys as they are or read from their files; raises `KeyFileError`, and `ConfigError` when there are none."""
    if not host_keys:
        raise ConfigError("a server needs a host key", next_step="Make one: jupyter-ssh keygen -t ed25519 -f FILE")
    return tuple(key if isinstance(key, PrivateKey) else load_private_key(Path(key)) for key in host_keys)


def certified(
    host_keys: Sequence[PrivateKey], certificates: Sequence[PathLike | Certificate]
) -> tuple[CertifiedKey, ...]:
    """Return the host keys that have a certificate, with it; raises `ConfigError` for a certificate of no key or of
    users."""
    found = []
    for item in certificates:
        certificate = item if isinstance(item, Certificate) else load_certificate(item)[0]
        key = next((key for key in host_keys if key.public == certificate.key), None)
        if key is None or certificate.statement.kind is not CertificateKind.HOST:
            raise ConfigError(
                "a host certificate is of no use here",
                expected="a host certificate of " + " or ".join(key.public.fingerprint for key in host_keys),
                received=f"a {certificate.statement.kind} certificate of {certificate.fingerprint}",
            )
        found.append(CertifiedKey(key, certificate))
    return tuple(found)


def _paths(files: PathLike | Sequence[PathLike] | None) -> tuple[Path, ...]:
    if files is None:
        return ()
    return tuple(map(Path, [files] if isinstance(files, str | os.PathLike) else files))
