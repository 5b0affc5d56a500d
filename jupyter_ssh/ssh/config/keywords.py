"""The table of ssh_config(5) keywords: a keyword acted on is one row here and one field of `Options`.

The snake_case name of a row is what ``connect(...)`` takes: ``HostName`` is ``host_name``, ``MACs`` is ``macs``.
What OpenSSH knows and this version does not act on stands in the lists at the end, each with what happens to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.config.target import parse_jumps
from jupyter_ssh.ssh.config.values import (
    AGENT_ADDITION,
    COMMAND,
    ENVIRONMENT,
    ESCAPE,
    INTEGER,
    LIST,
    PATH,
    PATHS,
    PATTERNS,
    PORT,
    REKEY_LIMIT,
    TEXT,
    TIME,
    TIME_OR_NONE,
    YES_NO,
    YES_NO_OR_PATH,
    AgentAddition,
    Kind,
    RekeyLimit,
    one_of,
)


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword of ssh_config(5).

    ``accumulates``: every value given counts, else the first one.  ``tokens``: the ``%`` letters that are expanded in
    it; ``files``: ``~`` and ``${NAME}`` too.  ``own``: ours alone, OpenSSH would refuse it in a file.
    """

    name: str
    option: str
    kind: Kind
    default: object = None
    aliases: tuple[str, ...] = ()
    accumulates: bool = False
    tokens: str = ""
    files: bool = False
    own: bool = False


# Letters after "%" by what may be expanded where (ssh_config(5), TOKENS).
_ALL_TOKENS = "CdhijkLlnpru"
_HOST_TOKENS = "h"
_PROXY_TOKENS = "hnpr"

_ADDRESS_FAMILY = one_of("any", "inet", "inet6")
_CHECKING = one_of("yes", "ask", "accept-new", "no", true="yes", false="no", off="no")
_TTY = one_of("auto", "yes", "no", "force", true="yes", false="no")
_PUBKEY = one_of("yes", "no", "unbound", "host-bound", true="yes", false="no")
_SESSION = one_of("default", "none", "subsystem")
_LEVELS = one_of(
    *("QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1", "DEBUG2", "DEBUG3"), debug="DEBUG1", silent="QUIET"
)


def _write_jumps(value: object) -> list[str]:
    return [",".join(map(str, value))] if isinstance(value, tuple) and value else []


_JUMPS = Kind("[user@]host[:port],… or none", lambda a: parse_jumps(a[0]), _write_jumps)

# OpenSSH's, in its order; then our own types.
DEFAULT_IDENTITY_FILES = tuple(
    f"~/.ssh/id_{name}"
    for name in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "mldsa44_ed25519", "ed448", "dsa")
)
_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_SYSTEM_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")

# A list of algorithms is kept as text with its leading +, - or ^: crypto/selection applies it. None is our own list.
_ROWS = (
    Keyword("AddKeysToAgent", "add_keys_to_agent", AGENT_ADDITION, AgentAddition()),
    Keyword("AddressFamily", "address_family", _ADDRESS_FAMILY, "any"),
    Keyword("BatchMode", "batch_mode", YES_NO, False),
    Keyword("BindAddress", "bind_address", TEXT),
    Keyword("BindInterface", "bind_interface", TEXT),
    Keyword("CASignatureAlgorithms", "ca_signature_algorithms", LIST),
    Keyword("CertificateFile", "certificate_file", PATH, (), (), True, _ALL_TOKENS, True),
    Keyword("Ciphers", "ciphers", LIST, aliases=("Cipher",)),
    Keyword("Compression", "compression", YES_NO, False),
    Keyword("ConnectionAttempts", "connection_attempts", INTEGER, 1),
    Keyword("ConnectTimeout", "connect_timeout", TIME_OR_NONE),
    Keyword("EscapeChar", "escape_char", ESCAPE, "~"),
    Keyword("ForwardAgent", "forward_agent", YES_NO_OR_PATH, "no", tokens=_ALL_TOKENS, files=True),
    Keyword("GlobalKnownHostsFile", "global_known_hosts_file", PATHS, _SYSTEM_KNOWN_HOSTS),
    Keyword("HashKnownHosts", "hash_known_hosts", YES_NO, False),
    Keyword("HostKeyAlgorithms", "host_key_algorithms", LIST),
    Keyword("HostKeyAlias", "host_key_alias", TEXT),
    Keyword("HostName", "host_name", TEXT, tokens=_HOST_TOKENS),
    Keyword("IdentitiesOnly", "identities_only", YES_NO, False),
    Keyword("IdentityAgent", "identity_agent", TEXT, tokens=_ALL_TOKENS, files=True),
    Keyword("IdentityFile", "identity_file", PATH, DEFAULT_IDENTITY_FILES, (), True, _ALL_TOKENS, True),
    Keyword(
        *("KbdInteractiveAuthentication", "kbd_interactive_authentication", YES_NO, True),
        aliases=("ChallengeResponseAuthentication", "SkeyAuthentication", "TISAuthentication"),
    ),
    Keyword("KexAlgorithms", "kex_algorithms", LIST),
    Keyword("LogLevel", "log_level", _LEVELS, "INFO"),
    Keyword("MACs", "macs", LIST),
    Keyword("NumberOfPasswordPrompts", "number_of_password_prompts", INTEGER, 3),
    Keyword("PasswordAuthentication", "password_authentication", YES_NO, True),
    Keyword("Port", "port", PORT, 22),
    Keyword("PreferredAuthentications", "preferred_authentications", LIST),
    # Each keeps a later one of the other out: see settings.
    Keyword("ProxyCommand", "proxy_command", COMMAND, tokens=_PROXY_TOKENS),
    Keyword("ProxyJump", "proxy_jump", _JUMPS, (), tokens=_PROXY_TOKENS),
    Keyword("PubkeyAcceptedAlgorithms", "pubkey_accepted_algorithms", LIST, aliases=("PubkeyAcceptedKeyTypes",)),
    Keyword("PubkeyAuthentication", "pubkey_authentication", _PUBKEY, "yes", aliases=("DSAAuthentication",)),
    Keyword("RekeyLimit", "rekey_limit", REKEY_LIMIT, RekeyLimit()),
    Keyword("RemoteCommand", "remote_command", COMMAND, tokens=_ALL_TOKENS),
    Keyword("RequestTTY", "request_tty", _TTY, "auto"),
    Keyword("SendEnv", "send_env", PATTERNS, (), accumulates=True),
    Keyword("ServerAliveCountMax", "server_alive_count_max", INTEGER, 3),
    Keyword("ServerAliveInterval", "server_alive_interval", TIME, 0),
    Keyword("SessionType", "session_type", _SESSION, "default"),
    Keyword("SetEnv", "set_env", ENVIRONMENT, {}),
    Keyword("StdinNull", "stdin_null", YES_NO, False),
    Keyword("StrictHostKeyChecking", "strict_host_key_checking", _CHECKING, "ask"),
    Keyword("TCPKeepAlive", "tcp_keep_alive", YES_NO, True, aliases=("KeepAlive",)),
    Keyword("User", "user", TEXT),
    Keyword("UserKnownHostsFile", "user_known_hosts_file", PATHS, _KNOWN_HOSTS, tokens=_ALL_TOKENS, files=True),
    # Algorithms of the grade "legacy" (SHA-1, CBC, 3DES …) for one host; never in a file that OpenSSH reads too.
    Keyword("Legacy", "legacy", YES_NO, False, own=True),
)

# Followed while a file is read, so they are no options of a connection.
STRUCTURE = frozenset({"host", "match", "include", "ignoreunknown"})

# To leave these out changes what a person relies on: each one found is a warning.
IGNORED_WITH_WARNING = frozenset(
    {"DynamicForward", "KnownHostsCommand", "LocalForward", "RemoteForward", "RevokedHostKeys"}
)

# Accepted, without an effect in this version. Behind OpenSSH's own: what Debian, Fedora and Apple add, and old ones.
_WITHOUT_EFFECT = """
    CanonicalDomains CanonicalizeFallbackLocal CanonicalizeHostname CanonicalizeMaxDots
    CanonicalizePermittedCNAMEs ChannelTimeout CheckHostIP ClearAllForwardings ControlMaster
    ControlPath ControlPersist EnableEscapeCommandline EnableSSHKeysign ExitOnForwardFailure FingerprintHash
    ForkAfterAuthentication ForwardX11 ForwardX11Timeout ForwardX11Trusted GatewayPorts
    GSSAPIAuthentication GSSAPIDelegateCredentials HostbasedAcceptedAlgorithms HostbasedAcceptedKeyTypes
    HostbasedAuthentication HostbasedKeyTypes IPQoS KbdInteractiveDevices LocalCommand LogVerbose
    NoHostAuthenticationForLocalhost ObscureKeystrokeTiming PermitLocalCommand PermitRemoteOpen PKCS11Provider
    ProxyUseFdpass RefuseConnection RequiredRSASize SecurityKeyProvider StreamLocalBindMask StreamLocalBindUnlink
    SyslogFacility Tag Tunnel TunnelDevice UpdateHostKeys VerifyHostKeyDNS VersionAddendum VisualHostKey WarnWeakCrypto
    XAuthLocation

    AskPassGUI GSSAPIClientIdentity GSSAPIKexAlgorithms GSSAPIKeyExchange GSSAPIRenewalForcesRekey
    GSSAPIServerIdentity GSSAPITrustDns UseKeychain

    AFSTokenPassing CompressionLevel FallBackToRsh GlobalKnownHostsFile2 KerberosAuthentication
    KerberosTGTPassing Protocol RhostsAuthentication RhostsRSAAuthentication RSAAuthentication SmartcardDevice
    UsePrivilegedPort UserKnownHostsFile2 UseRoaming UseRsh
"""
IGNORED = frozenset(_WITHOUT_EFFECT.split())


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


# By OpenSSH's spelling in lower case; snake_case finds the same rows once its underscores are gone.
KEYWORDS: dict[str, Keyword] = {_folded(row.name): row for row in _ROWS} | {
    _folded(alias): row for row in _ROWS for alias in row.aliases
}
ROWS: tuple[Keyword, ...] = _ROWS
NOT_ACTED_ON: dict[str, str] = {_folded(name): name for name in IGNORED | IGNORED_WITH_WARNING}


def find_keyword(name: str) -> Keyword | None:
    """The row for ``StrictHostKeyChecking``, ``stricthostkeychecking`` or ``strict_host_key_checking``."""
    return KEYWORDS.get(_folded(name))
