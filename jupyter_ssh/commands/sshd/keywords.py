"""The keywords of sshd_config(5), each in exactly one of three tables.

`ACTED_ON`: this server does what they say.  `REFUSED`: they decide who gets in, or how, and this server cannot do it;
any other value than what it does anyway is an error at the start.  `NOTED`: they decide nothing of that kind here.  A
keyword in none of them is an error, as in OpenSSH.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_ssh.commands.sshd import kinds
from jupyter_ssh.ssh.config import values
from jupyter_ssh.ssh.config.values import Kind, RekeyLimit


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
    passwords: bool | None = None
    """What PasswordAuthentication says; None: nothing."""
    forwarding: bool = True
    """Whether DisableForwarding leaves the forwardings to their own keywords."""
    log_level: str = "INFO"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A keyword: how to parse it, and where its value goes, an option of `listen` or a function of the config."""

    name: str
    kind: Kind
    option: str | None = None
    put: Callable[[ServerConfig, Any], None] | None = None
    gathers: bool = False
    change: Callable[[Any], Any] = lambda value: value


def _to(name: str) -> Callable[[ServerConfig, Any], None]:
    return lambda config, value: setattr(config, name, value)


def _listed(keyword: str, kind: Kind, name: str) -> Row:
    """Return the row of a keyword whose lines are all kept, in a list of the config."""
    return Row(
        keyword,
        kind,
        put=lambda config, value: setattr(config, name, list(value)),
        gathers=True,
        change=lambda value: (value,),
    )


def _put_rekey_limit(config: ServerConfig, value: RekeyLimit) -> None:
    config.options["rekey_limit"] = value.size
    if value.seconds:  # otherwise keys are renewed as often as without the keyword
        config.options["rekey_seconds"] = float(value.seconds)


_ROWS = (
    Row("AcceptEnv", values.PATTERNS, "accept_env", gathers=True),
    Row("AddressFamily", kinds.FAMILY, "address_family"),
    Row("AllowAgentForwarding", values.YES_NO, "allow_agent_forwarding"),
    Row("AllowGroups", kinds.NAMES, "allow_groups", gathers=True),
    Row("AllowTcpForwarding", kinds.FORWARDING, "allow_tcp_forwarding", change=lambda value: value == "yes"),
    Row("AllowUsers", kinds.NAMES, "allow_users", gathers=True),
    Row("AuthenticationMethods", kinds.METHODS, "authentication_methods"),
    Row("AuthorizedKeysFile", values.PATHS, put=lambda config, value: setattr(config, "authorized_keys", list(value))),
    Row("AuthorizedPrincipalsFile", values.TEXT_OR_NONE, put=_to("principals")),
    Row("Banner", values.TEXT_OR_NONE, "banner", change=kinds.read_banner),
    Row("CASignatureAlgorithms", values.LIST, "ca_signature_algorithms"),
    Row("Ciphers", values.LIST, "ciphers"),
    Row("ClientAliveCountMax", values.INTEGER, "client_alive_count_max"),
    Row("ClientAliveInterval", kinds.SECONDS, "client_alive_interval"),
    Row("Compression", kinds.COMPRESSION, "compression", change=lambda value: value == "yes"),
    Row("DenyGroups", kinds.NAMES, "deny_groups", gathers=True),
    Row("DenyUsers", kinds.NAMES, "deny_users", gathers=True),
    Row("DisableForwarding", values.YES_NO, put=lambda config, value: setattr(config, "forwarding", not value)),
    Row("ForceCommand", values.COMMAND, "force_command"),
    Row("HostCertificate", values.TEXT, "host_certificates", gathers=True, change=lambda it: (kinds.expanded(it),)),
    _listed("HostKey", values.TEXT, "host_keys"),
    Row("HostKeyAlgorithms", values.LIST, "host_key_algorithms"),
    Row("KexAlgorithms", values.LIST, "kex_algorithms"),
    _listed("ListenAddress", kinds.ADDRESS, "addresses"),
    Row("LoginGraceTime", kinds.SECONDS, "login_grace_time"),
    Row("LogLevel", kinds.LEVEL, put=_to("log_level")),
    Row("MACs", values.LIST, "macs"),
    Row("MaxAuthTries", values.INTEGER, "max_auth_tries"),
    Row("MaxSessions", values.INTEGER, "max_sessions"),
    Row("MaxStartups", kinds.STARTUPS, "max_startups"),
    Row("ModuliFile", values.TEXT, "moduli", change=kinds.expanded),
    Row("PasswordAuthentication", values.YES_NO, put=_to("passwords")),
    Row("PermitOpen", kinds.PLACES, "permit_open"),
    Row("PermitRootLogin", kinds.ROOT_LOGIN, "permit_root_login", change=kinds.read_root_login),
    Row("PermitTTY", values.YES_NO, "permit_tty"),
    Row("PermitUserEnvironment", values.TEXT, "permit_user_environment", change=kinds.read_permission),
    _listed("Port", values.PORT, "ports"),
    Row("PubkeyAcceptedAlgorithms", values.LIST, "pubkey_accepted_algorithms"),
    Row("PubkeyAuthOptions", kinds.AUTH_OPTIONS, "pubkey_auth_options"),
    Row("PubkeyAuthentication", values.YES_NO, put=_to("public_keys")),
    Row("RekeyLimit", values.REKEY_LIMIT, put=_put_rekey_limit),
    Row("RequiredRSASize", values.INTEGER, "required_rsa_size"),
    Row("RevokedKeys", values.TEXT_OR_NONE, "revoked_keys", change=kinds.expanded),
    Row("SetEnv", values.ENVIRONMENT, "set_env"),
    Row("StrictModes", values.YES_NO, "strict_modes"),
    Row("Subsystem", kinds.SUBSYSTEM, "subsystems", gathers=True),
    Row("TCPKeepAlive", values.YES_NO, "tcp_keep_alive"),
    Row("TrustedUserCAKeys", values.TEXT_OR_NONE, "trusted_user_ca_keys", change=kinds.expanded),
)
ACTED_ON: dict[str, Row] = {row.name.lower(): row for row in _ROWS}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A keyword that this server cannot act on: the values that ask for what it does anyway, and what that is."""

    name: str
    fitting: tuple[str, ...]
    why: str


_NO_GSSAPI = "there are no logins with GSSAPI"
_NO_KERBEROS = "there are no logins with Kerberos"
_NO_PROGRAM = "no program is asked for keys or principals"
_REFUSALS = (
    Refusal("AuthorizedKeysCommand", ("none",), _NO_PROGRAM),
    Refusal("AuthorizedPrincipalsCommand", ("none",), _NO_PROGRAM),
    Refusal("ChannelTimeout", ("none",), "channels are not closed for being idle"),
    Refusal("ChrootDirectory", ("none",), "sessions see the same files as the server"),
    Refusal("ExposeAuthInfo", ("no",), "sessions are not told how they were authenticated"),
    Refusal("GSSAPIAuthentication", ("no",), _NO_GSSAPI),
    Refusal("GSSAPIDelegateCredentials", ("no",), _NO_GSSAPI),
    Refusal("GSSAPIKeyExchange", ("no",), _NO_GSSAPI),
    Refusal("HostKeyAgent", ("none",), "host keys are read from files"),
    Refusal("HostbasedAuthentication", ("no",), "there are no host-based logins"),
    Refusal("KbdInteractiveAuthentication", ("no",), "there is nothing that asks questions"),
    Refusal("KerberosAuthentication", ("no",), _NO_KERBEROS),
    Refusal("KerberosGetAFSToken", ("no",), _NO_KERBEROS),
    Refusal("PerSourceMaxStartups", ("none",), "MaxStartups counts all clients together"),
    Refusal("PerSourcePenalties", ("no",), "MaxStartups, MaxAuthTries and LoginGraceTime are what limits clients"),
    Refusal("PermitEmptyPasswords", ("no",), "an empty password is never accepted"),
    Refusal("RDomain", ("none",), "sessions stay in the routing domain of the server"),
    Refusal("RefuseConnection", ("no",), "nobody could log in"),
    Refusal("UnusedConnectionTimeout", ("none", "0"), "connections without a channel stay open"),
    Refusal("UseDNS", ("no",), "the names of clients are not looked up, so only addresses can be matched"),
    Refusal("UsePAM", ("no",), "PAM is asked neither about passwords nor about accounts and sessions"),
)
REFUSED: dict[str, Refusal] = {row.name.lower(): row for row in _REFUSALS}

_ABSENT_X11 = "there is no X11 forwarding here"
_ABSENT_LISTENING = "this server opens no port and no socket for clients, except for their agent"
_ABSENT_HOSTBASED = "it matters for host-based logins only, which are refused"
_ABSENT_GSSAPI = "it matters for logins with GSSAPI only, which are refused"
_ABSENT_KERBEROS = "it matters for logins with Kerberos only, which are refused"
_ABSENT_COMMAND = "it matters with the command of the same name only, which is refused"
_ABSENT_SOURCES = "it matters for the limits per source only, which are refused"
_DEPRECATED_NAMES = """
AFSTokenPassing AuthorizedKeysFile2 CheckMail GSSAPIUseSessionCredCache GSSUseSessionCCache KerberosTgtPassing
KeyRegenerationInterval PAMAuthenticationViaKbdInt PermitBlacklistedKeys Protocol ReverseMappingCheck
RhostsAuthentication RhostsRSAAuthentication RSAAuthentication ServerKeyBits UseLogin UsePrivilegeSeparation
VerifyReverseMapping
"""
_DEPRECATED = "OpenSSH has no such option any more and passes over it, too"
NOTED: dict[str, str] = {
    "AllowStreamLocalForwarding": _ABSENT_LISTENING,
    "AuthorizedKeysCommandUser": _ABSENT_COMMAND,
    "AuthorizedPrincipalsCommandUser": _ABSENT_COMMAND,
    "DebianBanner": "the identification line has no addendum",
    "FingerprintHash": "fingerprints in the log are SHA256",
    "GatewayPorts": _ABSENT_LISTENING,
    "GSSAPICleanupCredentials": _ABSENT_GSSAPI,
    "GSSAPIKexAlgorithms": _ABSENT_GSSAPI,
    "GSSAPIStoreCredentialsOnRekey": _ABSENT_GSSAPI,
    "GSSAPIStrictAcceptorCheck": _ABSENT_GSSAPI,
    "HostbasedAcceptedAlgorithms": _ABSENT_HOSTBASED,
    "HostbasedUsesNameFromPacketOnly": _ABSENT_HOSTBASED,
    "IgnoreRhosts": _ABSENT_HOSTBASED,
    "IgnoreUserKnownHosts": _ABSENT_HOSTBASED,
    "IPQoS": "packets have the system's default",
    "KerberosOrLocalPasswd": _ABSENT_KERBEROS,
    "KerberosTicketCleanup": _ABSENT_KERBEROS,
    "LogVerbose": "LogLevel is what chooses messages",
    "PermitListen": _ABSENT_LISTENING,
    "PermitTunnel": "there are no tunnels here",
    "PermitUserRC": "~/.ssh/rc is never run",
    "PerSourceNetBlockSize": _ABSENT_SOURCES,
    "PerSourcePenaltyExemptList": _ABSENT_SOURCES,
    "PidFile": "the server stays in the foreground",
    "PrintLastLog": "there is no record of logins to print",
    "PrintMotd": "a shell prints what its own files say",
    "SecurityKeyProvider": "signatures of security keys are verified without a device",
    "SshdAuthPath": "the server is one program",
    "SshdSessionPath": "the server is one program",
    "StreamLocalBindMask": _ABSENT_LISTENING,
    "StreamLocalBindUnlink": _ABSENT_LISTENING,
    "SyslogFacility": "messages go to stderr, or to the file of -E",
    "VersionAddendum": "the identification line has no addendum",
    "X11DisplayOffset": _ABSENT_X11,
    "X11Forwarding": _ABSENT_X11,
    "X11UseLocalhost": _ABSENT_X11,
    "XAuthLocation": _ABSENT_X11,
    **dict.fromkeys(_DEPRECATED_NAMES.split(), _DEPRECATED),
}
"""Keyword to the reason for passing over it."""
NOTED_REASONS: dict[str, str] = {name.lower(): why for name, why in NOTED.items()}

STRUCTURE = frozenset({"include", "match"})
"""Keywords that decide which lines are read."""

ALIASES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "dsaauthentication": "pubkeyauthentication",
    "gssapicleanupcreds": "gssapicleanupcredentials",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "hostdsakey": "hostkey",
    "keepalive": "tcpkeepalive",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "skeyauthentication": "kbdinteractiveauthentication",
}
"""Earlier names, which OpenSSH still accepts."""
