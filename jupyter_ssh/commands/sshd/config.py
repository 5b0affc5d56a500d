"""The keywords of sshd_config(5) that ``jupyter-ssh sshd`` accepts with ``-o`` and in a file of ``-f``.

A keyword that is not in the table is an error: ignoring a rule such as AllowUsers could let the wrong people in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_ssh.ssh.config import values
from jupyter_ssh.ssh.config.settings import arguments_of_line
from jupyter_ssh.ssh.config.tokens import expand_home, expand_percent
from jupyter_ssh.ssh.config.values import Kind, RekeyLimit
from jupyter_ssh.ssh.config.words import split_keyword
from jupyter_ssh.ssh.errors import ConfigError

LARGEST_FILE = 1 << 20


@dataclass(slots=True)
class ServerConfig:
    """The configuration: ``options`` are keyword arguments of `listen`, the rest is about listening and this
    program."""

    ports: list[int] = field(default_factory=list)
    addresses: list[tuple[str, int | None]] = field(default_factory=list)
    host_keys: list[str] = field(default_factory=list)
    principals: str | None = None
    authorized_keys: list[str] | None = None
    public_keys: bool = True
    passwords: bool = False
    log_level: str = "INFO"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    """A keyword: how to parse it, and where its value goes, an option of `listen` or a function of the config."""

    name: str
    kind: Kind
    option: str | None = None
    put: Callable[[ServerConfig, Any], None] | None = None
    gathers: bool = False
    change: Callable[[Any], Any] = lambda value: value


def _read_address(arguments: Sequence[str]) -> tuple[str, int | None]:
    """Parse ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
    text = arguments[0]
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]") and colon:
        return host[1:-1], values.parse_port(port)
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1], None
    if colon and ":" not in host:
        return host, values.parse_port(port)
    return text, None


def _read_startups(arguments: Sequence[str]) -> tuple[int, int, int]:
    numbers = [values.parse_integer(part) for part in arguments[0].split(":")]
    if len(numbers) == 1:
        return numbers[0], 100, numbers[0]
    if len(numbers) != 3 or not (0 < numbers[0] <= numbers[2] and 1 <= numbers[1] <= 100):
        raise ValueError(f"invalid MaxStartups: {arguments[0]}")
    return numbers[0], numbers[1], numbers[2]


def _read_subsystem(arguments: Sequence[str]) -> dict[str, str]:
    if len(arguments) < 2:
        raise ValueError("a subsystem needs a name and a command")
    return {arguments[0]: " ".join(arguments[1:])}


def _read_methods(arguments: Sequence[str]) -> list[list[str]] | None:
    return None if arguments[0].lower() == "any" else [word.split(",") for word in arguments]


def _read_places(arguments: Sequence[str]) -> tuple[str, ...] | None:
    word = arguments[0].lower()
    return None if word == "any" else () if word == "none" else tuple(arguments)


def _none(value: object) -> list[str]:
    return [str(value)]


_ADDRESS = Kind("host[:port]", _read_address, _none)
_STARTUPS = Kind("start:rate:full", _read_startups, _none)
_SUBSYSTEM = Kind("name command", _read_subsystem, _none, most=None)
_METHODS = Kind("lists of methods", _read_methods, _none, most=None)
_PLACES = Kind("host:port …", _read_places, _none, most=None)
_FORWARDING = values.one_of("yes", "no", all="yes", local="yes", remote="no")
_LEVEL = values.one_of(
    "QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1", "DEBUG2", "DEBUG3", debug="DEBUG1", silent="QUIET"
)


def _bytes(value: RekeyLimit) -> int | None:
    return value.size


def _put_principals(config: ServerConfig, value: str | None) -> None:
    config.principals = value


def _expanded(path: str | None) -> str | None:
    return None if path is None else str(Path(path).expanduser())


def _read_permission(text: str) -> bool | tuple[str, ...]:
    return {"yes": True, "no": False}.get(text.lower(), tuple(text.split(",")))


def _read_auth_options(text: str) -> tuple[str, ...]:
    words = () if text.lower() == "none" else tuple(text.lower().split(","))
    unknown = [word for word in words if word not in ("touch-required", "verify-required")]
    if unknown:
        raise ValueError(f"unsupported PubkeyAuthOptions: {unknown[0]}")
    return words


_ROWS = (
    _Row("AcceptEnv", values.PATTERNS, "accept_env", gathers=True),
    _Row("AllowAgentForwarding", values.YES_NO, "allow_agent_forwarding"),
    _Row("AllowTcpForwarding", _FORWARDING, "allow_tcp_forwarding", change=lambda value: value == "yes"),
    _Row("AuthenticationMethods", _METHODS, "authentication_methods"),
    _Row("AuthorizedKeysFile", values.PATHS, put=lambda config, value: setattr(config, "authorized_keys", list(value))),
    _Row("AuthorizedPrincipalsFile", values.TEXT_OR_NONE, put=_put_principals),
    _Row("Banner", values.TEXT_OR_NONE, "banner", change=lambda value: _text_of(value)),
    _Row("CASignatureAlgorithms", values.LIST, "ca_signature_algorithms"),
    _Row("Ciphers", values.LIST, "ciphers"),
    _Row("ClientAliveCountMax", values.INTEGER, "client_alive_count_max"),
    _Row("ClientAliveInterval", values.TIME, "client_alive_interval"),
    _Row("ForceCommand", values.COMMAND, "force_command"),
    _Row("HostCertificate", values.TEXT, "host_certificates", gathers=True, change=lambda value: (_expanded(value),)),
    _Row("HostKey", values.TEXT, put=lambda config, value: config.host_keys.append(value), gathers=True),
    _Row("HostKeyAlgorithms", values.LIST, "host_key_algorithms"),
    _Row("KexAlgorithms", values.LIST, "kex_algorithms"),
    _Row("ListenAddress", _ADDRESS, put=lambda config, value: config.addresses.append(value), gathers=True),
    _Row("LoginGraceTime", values.TIME, "login_grace_time"),
    _Row("LogLevel", _LEVEL, put=lambda config, value: setattr(config, "log_level", value)),
    _Row("MACs", values.LIST, "macs"),
    _Row("MaxAuthTries", values.INTEGER, "max_auth_tries"),
    _Row("MaxSessions", values.INTEGER, "max_sessions"),
    _Row("MaxStartups", _STARTUPS, "max_startups"),
    _Row("PasswordAuthentication", values.YES_NO, put=lambda config, value: setattr(config, "passwords", value)),
    _Row("PermitOpen", _PLACES, "permit_open"),
    _Row("PermitTTY", values.YES_NO, "permit_tty"),
    _Row("PermitUserEnvironment", values.TEXT, "permit_user_environment", change=_read_permission),
    _Row("Port", values.PORT, put=lambda config, value: config.ports.append(value), gathers=True),
    _Row("PubkeyAcceptedAlgorithms", values.LIST, "pubkey_accepted_algorithms"),
    _Row("PubkeyAuthOptions", values.LIST, "pubkey_auth_options", change=_read_auth_options),
    _Row("PubkeyAuthentication", values.YES_NO, put=lambda config, value: setattr(config, "public_keys", value)),
    _Row("RekeyLimit", values.REKEY_LIMIT, "rekey_limit", change=_bytes),
    _Row("RequiredRSASize", values.INTEGER, "required_rsa_size"),
    _Row("RevokedKeys", values.TEXT_OR_NONE, "revoked_keys", change=_expanded),
    _Row("SetEnv", values.ENVIRONMENT, "set_env"),
    _Row("StrictModes", values.YES_NO, "strict_modes"),
    _Row("Subsystem", _SUBSYSTEM, "subsystems", gathers=True),
    _Row("TrustedUserCAKeys", values.TEXT_OR_NONE, "trusted_user_ca_keys", change=_expanded),
)
KEYWORDS: dict[str, _Row] = {row.name.lower(): row for row in _ROWS}

# Irrelevant for a server of one account, so that ignoring them does not change who can log in.
_WITHOUT_EFFECT = """
compression kbdinteractiveauthentication permitrootlogin pidfile
printlastlog printmotd syslogfacility tcpkeepalive usedns usepam x11displayoffset x11forwarding x11uselocalhost
xauthlocation
"""
_IGNORED = frozenset(_WITHOUT_EFFECT.split())


class ServerConfigReader:
    """Reads lines into a `ServerConfig`; the first value of a keyword counts, so ``-o`` is read before the file."""

    def __init__(self) -> None:
        self.config = ServerConfig()
        self.ignored: list[str] = []
        self._seen: set[str] = set()

    def take_line(self, line: str, where: str) -> None:
        """Read a line ``Keyword value``.  Raises `ConfigError` with ``where``."""
        parts = split_keyword(line)
        if parts is None:
            return
        name, rest = parts
        if name.lower() in _IGNORED:
            self.ignored.append(f"{where}: {name} has no effect here")
            return
        row = KEYWORDS.get(name.lower())
        if row is None:
            raise ConfigError(
                f"{where}: {name} is not supported",
                phase="options",
                expected="one of " + ", ".join(known.name for known in KEYWORDS.values()),
            )
        arguments = [rest.lstrip(" \t=")] if row.kind.raw else arguments_of_line(name, rest, where)
        if not arguments[0]:
            raise ConfigError(f'{where}: no argument after keyword "{name}"', phase="options")
        if row.kind.most is not None and len(arguments) > row.kind.most:
            raise ConfigError(f"{where}: keyword {name} extra arguments at end of line", phase="options")
        try:
            value = row.change(row.kind.read(arguments))
        except ValueError as error:
            raise ConfigError(f"{where}: {error}", phase="options") from None
        self._put(row, value)

    def read(self, path: Path) -> None:
        """Read a file of such lines.  Raises `ConfigError`."""
        try:
            with open(path, "rb") as stream:
                data = stream.read(LARGEST_FILE + 1)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}", phase="options") from None
        if len(data) > LARGEST_FILE:
            raise ConfigError(f"{path} is larger than {LARGEST_FILE} bytes", phase="options")
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
            self.take_line(line, f"{path} line {number}")

    def _put(self, row: _Row, value: Any) -> None:
        if row.name in self._seen and not row.gathers:
            return
        self._seen.add(row.name)
        if row.put is not None:
            row.put(self.config, value)
        elif row.option is not None:
            earlier = self.config.options.get(row.option)
            if row.gathers and isinstance(value, Mapping):
                value = {**value, **(earlier or {})}
            elif row.gathers and earlier is not None:
                value = (*earlier, *value)
            self.config.options[row.option] = value


def authorized_keys_files(names: Sequence[str], user: str, home: Path) -> list[Path]:
    """Return the files of AuthorizedKeysFile: ``%h``, ``%u`` and ``~`` are expanded, relative names are below
    ``home``."""
    tokens = {"h": str(home), "u": user}
    return [home / expand_home(expand_percent(name, "hu", tokens, "AuthorizedKeysFile"), home) for name in names]


def _text_of(path: str | None) -> str:
    if path is None:
        return ""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ValueError(f"Banner {path}: {error.strerror}") from None
