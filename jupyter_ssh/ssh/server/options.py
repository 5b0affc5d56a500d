"""The options of a server: one field per option, named after sshd_config's keyword if there is one."""

from __future__ import annotations

import logging
import os
import socket
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
from jupyter_ssh.ssh.server.logins.addresses import check_addresses
from jupyter_ssh.ssh.server.logins.passwords import NewPasswordNeeded
from jupyter_ssh.ssh.server.moduli import DEFAULT_FILE, read_moduli
from jupyter_ssh.ssh.server.processes.environment import DEFAULT_ACCEPT_ENV
from jupyter_ssh.ssh.server.processes.in_process import Subsystem

log = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]

PasswordVerdict = bool | NewPasswordNeeded
"""For a password: right, wrong, or right but to be changed.  For a change: done, refused, or rejected with a new
prompt."""

PasswordCheck = Callable[[str, str], PasswordVerdict | Awaitable[PasswordVerdict]]
"""(user, password) -> whether it is right.  A plain function runs on a thread, so it may be slow."""

PasswordChange = Callable[[str, str, str], "PasswordVerdict | Awaitable[PasswordVerdict]"]
"""(user, old password, new password) -> whether the old one was right and has been replaced (RFC 4252 §8)."""

Ask = Callable[[str, str, Sequence[tuple[str, bool]]], Awaitable[Sequence[str]]]
"""(name, instruction, prompts with whether to echo the answer) -> one answer per prompt (RFC 4256 §3.2)."""

KeyboardInteractive = Callable[[str, Ask], Awaitable[bool]]
"""(user, ask) -> whether the user may log in; ``ask`` may be called any number of times."""

PUBLICKEY: Final = "publickey"
PASSWORD: Final = "password"
KEYBOARD_INTERACTIVE: Final = "keyboard-interactive"

TOUCH_REQUIRED: Final = "touch-required"
VERIFY_REQUIRED: Final = "verify-required"
PUBKEY_AUTH_OPTIONS: Final = frozenset({TOUCH_REQUIRED, VERIFY_REQUIRED})

PROHIBIT_PASSWORD: Final = "prohibit-password"
FORCED_COMMANDS_ONLY: Final = "forced-commands-only"
ROOT_LOGINS: Final = ("yes", "no", PROHIBIT_PASSWORD, FORCED_COMMANDS_ONLY)

ADDRESS_FAMILIES: Final = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Options of `listen`.  Seconds and bytes throughout."""

    # --- who may log in ---
    authorized_keys: PathLike | Sequence[PathLike] | None = None
    """Files in the format of sshd(8), read at each login; names may have wildcards; None: no public keys."""
    trusted_user_ca_keys: PathLike | Sequence[PathLike] | None = None
    """Files of authorities, one public key per line, whose certificates are accepted for their principals."""
    authorized_principals: PathLike | Sequence[PathLike] | None = None
    """Files of principals, of which a certificate of those authorities must have one; None: the user's name."""
    revoked_keys: PathLike | None = None
    """A file of revoked keys and authorities, one per line, or a key revocation list; if it cannot be read, no key is
    accepted."""
    pubkey_accepted_algorithms: str | Sequence[str] | None = None
    """Signature algorithms for logins, in the list syntax of ssh_config(5); None: the modern ones."""
    required_rsa_size: int | None = None
    """Minimum size of RSA keys for logins in bits; None: 2048."""
    ca_signature_algorithms: str | Sequence[str] | None = None
    """Signature algorithms of certificates, in the same syntax."""
    pubkey_auth_options: Collection[str] = ()
    """``touch-required``, ``verify-required``: what security keys must have done, regardless of a key's options."""
    passwords: PasswordCheck | None = field(default=None, repr=False)
    """For instance a `PasswordTable`; None: no passwords."""
    change_password: PasswordChange | None = field(default=None, repr=False)
    """Changes a password that has to be changed; None: such passwords are refused."""
    keyboard_interactive: KeyboardInteractive | None = None
    """Custom questions and answers (RFC 4256); None: none."""
    authentication_methods: Sequence[Sequence[str]] | None = None
    """Lists of methods, one of which has to be completed in order, such as ``[["publickey", "password"]]``.

    None: any single method suffices.
    """
    users: Collection[str] | None = None
    """User names that may log in, all as the account that the server runs as; None: only that account's name."""
    permit_root_login: str = "yes"
    """If the server runs as root, so that whoever logs in is root: ``yes``, ``no``, ``prohibit-password`` (public keys
    only) or ``forced-commands-only`` (only keys whose options force a command).  Unlike sshd's, the default is ``yes``:
    a server accepts no password but those it is given."""
    allow_users: Sequence[str] = ()
    """Patterns ``USER`` or ``USER@ADDRESS``, one of which has to match; empty: any of ``users``.  Addresses may be
    ranges; names of clients are not looked up, so a pattern with one is an error."""
    deny_users: Sequence[str] = ()
    """Such patterns, none of which may match."""
    allow_groups: Sequence[str] = ()
    """Patterns, one of which has to match a group of the account that the server runs as; empty: any."""
    deny_groups: Sequence[str] = ()
    """Patterns, none of which may match such a group."""
    strict_modes: bool = True
    """Refuse authorized_keys files that others may write."""
    login_grace_time: float = 120.0
    """Seconds a client may take to log in; 0 for no limit."""
    max_auth_tries: int = 6
    """Failed attempts per connection, including public keys that are not authorized."""
    max_startups: tuple[int, int, int] = (10, 30, 100)
    """(start, rate, full): from ``start`` unauthenticated connections on, new ones are dropped with a probability of
    ``rate`` per cent, increasing to all of them at ``full``."""

    # --- what they may do ---
    permit_tty: bool = True
    allow_tcp_forwarding: bool = True
    """Let clients connect anywhere through the server (direct-tcpip, ``ssh -L``), as sshd does by default: clients that
    may run commands could do that anyway."""
    permit_user_environment: bool | str | Sequence[str] = False
    """Accept variables of ``environment=`` in authorized_keys: all, or those that match patterns."""
    allow_agent_forwarding: bool = True
    """Let clients forward their agent (``ssh -A``)."""
    permit_open: Sequence[str] | None = None
    """Permitted destinations ``HOST:PORT`` of clients, with ``*`` for any port; None: any."""
    subsystems: Mapping[str, Subsystem] = field(default_factory=dict)
    """Subsystem name to the command line it runs, or to a handler in this process: see `in_process`."""
    force_command: str | None = None
    """Run instead of whatever clients ask for."""
    accept_env: Sequence[str] = DEFAULT_ACCEPT_ENV
    """Patterns of variables that clients may set."""
    set_env: Mapping[str, str] = field(default_factory=dict)
    """Variables for every child, such as PATH; nothing else of the server's environment is passed on."""
    max_sessions: int = 10
    """Concurrent sessions (commands, shells, subsystems) per connection."""
    max_forwards: int = 200
    """Concurrent forwarded connections per connection."""
    connect_timeout: float = 30.0
    """Seconds the server tries to connect to a client's destination."""

    # --- the connection ---
    announce_host_keys: bool = True
    """Announce all host keys to clients after the login, so that they learn a new one before an old one is retired
    (UpdateHostKeys in ssh_config(5))."""
    host_certificates: Sequence[PathLike | Certificate] = ()
    """Certificates of the host keys, presented to clients that ask for them."""
    address_family: str = "any"
    """``inet`` or ``inet6``: listen on addresses of IPv4 or IPv6 only."""
    banner: str | Path = ""
    """A text shown before authentication (RFC 4252 §5.4); a `Path` is that of a file with it, read for each client."""
    tcp_keep_alive: bool = True
    """Let the system detect clients whose machine is gone, so that their processes end eventually."""
    client_alive_interval: float = 0.0
    """Seconds of silence after which a client is asked for a sign of life; 0: never."""
    client_alive_count_max: int = 3
    """How many times a silent client is asked before its connection is ended; 0: it is never ended."""
    rekey_limit: int | None = None
    """Bytes after which keys are re-exchanged; None: the cipher's limit."""
    rekey_seconds: float = DEFAULT_REKEY_SECONDS
    """Seconds after which keys are re-exchanged."""
    ciphers: str | Sequence[str] | None = None
    """In the list syntax of ssh_config(5), like the following three; None: see `offer`."""
    macs: str | Sequence[str] | None = None
    kex_algorithms: str | Sequence[str] | None = None
    host_key_algorithms: str | Sequence[str] | None = None
    legacy: bool = False
    """Offer all modern algorithms, followed by those of the grade "legacy"."""
    compression: bool = True
    """Allow compression with zlib@openssh.com, which starts after the login."""
    moduli: PathLike | None = DEFAULT_FILE
    """A moduli(5) file with groups for group exchange; None: those of RFC 3526."""

    def __post_init__(self) -> None:
        if not self.methods:
            raise ConfigError(
                "nobody could log in",
                expected="authorized_keys, trusted_user_ca_keys, passwords or keyboard_interactive",
                received="none",
            )
        for sequence in self.authentication_methods or ():
            repeated = {name for name in sequence if sequence.count(name) > 1}
            if not sequence or not repeated <= {PUBLICKEY} or not set(sequence) <= set(self.methods):
                raise ConfigError(
                    "authentication_methods cannot be completed",
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
        for option, known in (("permit_root_login", ROOT_LOGINS), ("address_family", tuple(ADDRESS_FAMILIES))):
            if getattr(self, option) not in known:
                raise ConfigError(
                    f"unknown {option}", expected=" or ".join(known), received=repr(getattr(self, option))
                )
        _check_user_patterns((*self.allow_users, *self.deny_users))
        # Algorithms must exist; check that before the first client connects.
        _ = self.accepted_algorithms, self.accepted_ca_algorithms
        if self.authentication_methods is not None and not self.authentication_methods:
            raise ConfigError("authentication_methods is empty", expected="at least one list")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ServerOptions:
        """Make options from keyword arguments.  Raises `ConfigError` for an unknown name."""
        known = list(cls.__dataclass_fields__)
        for name in options:
            if name not in known:
                close = get_close_matches(name, known, 3)
                raise ConfigError(f"unknown option {name}", expected=f"{' or '.join(close or known)}")
        return cls(**options)

    @property
    def methods(self) -> tuple[str, ...]:
        """The authentication methods that are configured."""
        offered = {
            PUBLICKEY: bool(self.key_files or self.authority_files),  # files that are missing may come later
            KEYBOARD_INTERACTIVE: self.keyboard_interactive is not None,
            PASSWORD: self.passwords is not None,
        }
        return tuple(name for name, there in offered.items() if there)

    @property
    def method_sequences(self) -> tuple[tuple[str, ...], ...]:
        """The sequences of methods that allow a login."""
        return tuple(map(tuple, self.authentication_methods or [[name] for name in self.methods]))

    @property
    def key_files(self) -> tuple[Path, ...]:
        """The authorized_keys files."""
        return _paths(self.authorized_keys)

    @property
    def authority_files(self) -> tuple[Path, ...]:
        """The files of authorities for all users."""
        return _paths(self.trusted_user_ca_keys)

    @property
    def principal_files(self) -> tuple[Path, ...]:
        """The files of authorized principals."""
        return _paths(self.authorized_principals)

    @property
    def accepted_algorithms(self) -> tuple[str, ...]:
        """The signature algorithms for logins.  Raises `ConfigError` for one that does not exist."""
        default = names(ALL_ALGORITHMS, self.legacy)
        return pick(ALL_ALGORITHMS, self.pubkey_accepted_algorithms, default, "public key algorithm")

    @property
    def accepted_ca_algorithms(self) -> tuple[str, ...]:
        """The signature algorithms of authorities.  Raises `ConfigError` for one that does not exist."""
        default = names(SIGNATURE_ALGORITHMS)
        return pick(SIGNATURE_ALGORITHMS, self.ca_signature_algorithms, default, "CA signature algorithm")

    def settings(self, host_keys: Sequence[PrivateKey]) -> Settings:
        """Return the settings of a session.  Raises `ConfigError` for algorithms that do not exist."""
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
            rekey_seconds=self.rekey_seconds,
            # sshd_config(5): 0 disables the end.  In OpenSSH's client, 0 of ServerAliveCountMax does not.
            keepalive=KeepAlive(self.client_alive_interval, self.client_alive_count_max or None),
            max_channels=self.max_sessions + self.max_forwards + 1,
            banner=self.banner if isinstance(self.banner, str) else "",
        )


def load_host_keys(host_keys: Sequence[PrivateKey | PathLike]) -> tuple[PrivateKey, ...]:
    """Return the keys, reading those given as files.  Raises `KeyFileError`, and `ConfigError` if there are none.

    The file of a security key is left out, with a warning: it does not sign without its device, so that clients which
    chose that key could not connect.
    """
    usable = []
    for item in host_keys:
        key = item if isinstance(item, PrivateKey) else load_private_key(Path(item))
        if key is not item and key.needs_agent:
            log.warning("host key %s is not offered: %s keys sign in their device only", item, key.public.key_type)
        else:
            usable.append(key)
    if not usable:
        raise ConfigError(
            "a server needs a host key",
            expected="one that signs without a device",
            received="security keys only" if host_keys else "none",
            next_step="Generate one: jupyter-ssh keygen -t ed25519 -f FILE",
        )
    return tuple(usable)


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


def _check_user_patterns(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        host = pattern.rpartition("@")[2] if "@" in pattern else "*"
        try:
            check_addresses(host)
        except ValueError as error:
            raise ConfigError(
                f"invalid pattern {pattern[:100]!r} of users: {error}", expected="USER or USER@ADDRESS"
            ) from None


def _paths(files: PathLike | Sequence[PathLike] | None) -> tuple[Path, ...]:
    if files is None:
        return ()
    return tuple(map(Path, [files] if isinstance(files, str | os.PathLike) else files))
