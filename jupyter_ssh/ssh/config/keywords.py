"""The table of ssh_config(5) keywords: a row, and a field of `Options`, for each keyword of OpenSSH 10.

The snake_case name of a row is a parameter of ``connect(...)``: ``HostName`` is ``host_name``, ``MACs`` is ``macs``.
Rows are in the order in which ``ssh -G`` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.config import special_values as special
from jupyter_ssh.ssh.config.algorithm_lists import CIPHER_LIST, EXCHANGE_LIST, KEY_LIST, MAC_LIST, SIGNATURE_LIST
from jupyter_ssh.ssh.config.proxy_address import PROXY
from jupyter_ssh.ssh.config.resolver_address import RESOLVER
from jupyter_ssh.ssh.config.tokens import ALL_TOKENS
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
    TEXT_OR_NONE,
    TIME,
    WORDS,
    YES_NO,
    YES_NO_OR_PATH,
    AgentAddition,
    Kind,
    RekeyLimit,
    one_of,
)
from jupyter_ssh.ssh.config.words import unquoted

# What a keyword does: it has its effect; it has none, which is reported with -v; or it would matter, so there is a
# warning.
ACTED, KNOWN, MISSED = "acted on", "known", "known, with a warning"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of ssh_config(5).

    ``gathers``: all lines count, not just the first.  ``tokens``: the ``%`` letters that are expanded; ``variables``:
    ``${NAME}`` too; ``home``: ``~`` too.  ``expanded``: ``ssh -G`` prints it after expansion.  ``own``: an extension of
    ours, which OpenSSH would reject in a file.  ``since``: the version of OpenSSH that introduced it, if after 9.2.
    ``shown``: how ``ssh -G`` spells it, if not in lower case.
    """

    name: str
    option: str
    kind: Kind
    default: object = None
    aliases: tuple[str, ...] = ()
    effect: str = ACTED
    gathers: bool = False
    tokens: str = ""
    variables: bool = False
    home: bool = False
    expanded: bool = False
    own: bool = False
    since: str = ""
    shown: str = ""


# The letters after "%" that are expanded in groups of keywords (ssh_config(5), TOKENS).
_ALL = ALL_TOKENS
_USER = "dhijkLlnpu"  # neither the user nor a hash of it
_PROXY = "hnpr"

_SHOWN = {"yes": "true", "no": "false"}  # as ``ssh -G`` prints keywords that have more than these two values
_WORDS = {"true": "yes", "false": "no"}

_FAMILY = one_of("any", "inet", "inet6")
_ASK = one_of("yes", "no", "ask", shown=_SHOWN, **_WORDS)
_CANONICAL = one_of("yes", "no", "always", shown=_SHOWN, **_WORDS)
_CHECKING = one_of("yes", "ask", "accept-new", "no", shown=_SHOWN, off="no", **_WORDS)
_COMPRESSION = Kind("yes/no", lambda a: one_of("yes", "no").read(a) == "yes", YES_NO.write)
_FACILITY = one_of("DAEMON", "USER", "AUTH", "AUTHPRIV", *(f"LOCAL{number}" for number in range(8)))
_HASHES = ("md5", "sha1", "sha256", "sha384", "sha512")
_HASH = one_of(*_HASHES, shown={name: name.upper() for name in _HASHES})
_LEVELS = one_of(
    "QUIET",
    "FATAL",
    "ERROR",
    "INFO",
    "VERBOSE",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    shown={"DEBUG1": "DEBUG", "QUIET": "SILENT"},
    debug="DEBUG1",
    silent="QUIET",
)
_MASTER = one_of("yes", "no", "ask", "auto", "autoask", shown=_SHOWN, **_WORDS)
_PUBKEY = one_of("yes", "no", "unbound", "host-bound", shown=_SHOWN, **_WORDS)
_SESSION = one_of("default", "none", "subsystem")
_TTY = one_of("auto", "yes", "no", "force", shown=_SHOWN, **_WORDS)
_TUNNEL = one_of(
    "no", "ethernet", "point-to-point", shown=_SHOWN, yes="point-to-point", true="point-to-point", false="no"
)
_WEAK = one_of("yes", "no", "no-pq-kex", true="yes", false="no")

_CONNECT_TIME = Kind("time or none", TIME.read, lambda v: ["none"] if v is None else TIME.write(v))
_RAW_TEXT = Kind("text or none", COMMAND.read, COMMAND.write, raw=True)
_REASON = Kind("text or none", lambda a: COMMAND.read([unquoted(a[0])]), COMMAND.write, raw=True)
_NONE_SHOWN = Kind("text or none", TEXT_OR_NONE.read, lambda v: ["none"] if v is None else [str(v)])
_PERSON = Kind("text", TEXT.read, TEXT.write)

# OpenSSH's types in its order, then ours.
DEFAULT_IDENTITY_FILES = tuple(
    f"~/.ssh/id_{name}"
    for name in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "mldsa44_ed25519", "ed448", "dsa")
)
_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_SYSTEM_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_ANY_DEVICE = (None, None)
_QOS_DEFAULT = (0xB8, 0)  # OpenSSH 10.1: expedited forwarding (EF) for interactive use, CS0 for bulk

# A list of algorithms is kept as text with its leading +, - or ^, which crypto/selection applies.  None is our default.
ROWS: tuple[Keyword, ...] = (
    Keyword("User", "user", _PERSON, tokens=_USER, variables=True, expanded=True),
    Keyword("HostName", "host_name", TEXT, tokens="h"),
    Keyword("Port", "port", PORT, 22),
    Keyword("AddressFamily", "address_family", _FAMILY, "any"),
    Keyword("BatchMode", "batch_mode", YES_NO, False),
    Keyword("CanonicalizeFallbackLocal", "canonicalize_fallback_local", YES_NO, True),
    Keyword("CanonicalizeHostname", "canonicalize_hostname", _CANONICAL, "no"),
    Keyword("CheckHostIP", "check_host_ip", YES_NO, False),
    Keyword("Compression", "compression", _COMPRESSION, False),
    Keyword("ControlMaster", "control_master", _MASTER, "no", effect=KNOWN),
    Keyword("EnableSSHKeysign", "enable_ssh_keysign", YES_NO, False, effect=KNOWN),
    Keyword("ClearAllForwardings", "clear_all_forwardings", YES_NO, False),
    Keyword("ExitOnForwardFailure", "exit_on_forward_failure", YES_NO, False, effect=KNOWN),
    Keyword("FingerprintHash", "fingerprint_hash", _HASH, "sha256", effect=KNOWN),
    Keyword("ForwardX11", "forward_x11", YES_NO, False, effect=KNOWN),
    Keyword("ForwardX11Trusted", "forward_x11_trusted", YES_NO, False, effect=KNOWN),
    Keyword("GatewayPorts", "gateway_ports", YES_NO, False, effect=KNOWN),
    Keyword("GSSAPIAuthentication", "gssapi_authentication", YES_NO, False, effect=KNOWN),
    Keyword("GSSAPIDelegateCredentials", "gssapi_delegate_credentials", YES_NO, False, effect=KNOWN),
    Keyword("HashKnownHosts", "hash_known_hosts", YES_NO, False),
    Keyword("HostbasedAuthentication", "hostbased_authentication", YES_NO, False, effect=KNOWN),
    Keyword("IdentitiesOnly", "identities_only", YES_NO, False),
    Keyword(
        "KbdInteractiveAuthentication",
        "kbd_interactive_authentication",
        YES_NO,
        True,
        aliases=("ChallengeResponseAuthentication", "SkeyAuthentication", "TISAuthentication"),
    ),
    Keyword("NoHostAuthenticationForLocalhost", "no_host_authentication_for_localhost", YES_NO, False),
    Keyword("PasswordAuthentication", "password_authentication", YES_NO, True),
    Keyword("PermitLocalCommand", "permit_local_command", YES_NO, False),
    Keyword("ProxyUseFdpass", "proxy_use_fdpass", YES_NO, False, effect=KNOWN),
    Keyword("PubkeyAuthentication", "pubkey_authentication", _PUBKEY, "yes", aliases=("DSAAuthentication",)),
    Keyword("RequestTTY", "request_tty", _TTY, "auto"),
    Keyword("SessionType", "session_type", _SESSION, "default"),
    Keyword("StdinNull", "stdin_null", YES_NO, False),
    Keyword("ForkAfterAuthentication", "fork_after_authentication", YES_NO, False),
    Keyword("StreamLocalBindUnlink", "stream_local_bind_unlink", YES_NO, False, effect=KNOWN),
    Keyword("StrictHostKeyChecking", "strict_host_key_checking", _CHECKING, "ask"),
    Keyword("TCPKeepAlive", "tcp_keep_alive", YES_NO, True, aliases=("KeepAlive",)),
    Keyword("Tunnel", "tunnel", _TUNNEL, "no", effect=MISSED),
    Keyword("VerifyHostKeyDNS", "verify_host_key_dns", _ASK, "no"),
    Keyword("VisualHostKey", "visual_host_key", YES_NO, False),
    Keyword("UpdateHostKeys", "update_host_keys", _ASK, None),
    Keyword("EnableEscapeCommandline", "enable_escape_commandline", YES_NO, False, effect=KNOWN),
    Keyword("WarnWeakCrypto", "warn_weak_crypto", _WEAK, "yes", since="10.1"),
    Keyword("CanonicalizeMaxDots", "canonicalize_max_dots", INTEGER, 1),
    Keyword("ConnectionAttempts", "connection_attempts", INTEGER, 1),
    Keyword("ForwardX11Timeout", "forward_x11_timeout", TIME, 1200, effect=KNOWN),
    Keyword("NumberOfPasswordPrompts", "number_of_password_prompts", INTEGER, 3),
    Keyword("ServerAliveCountMax", "server_alive_count_max", INTEGER, 3),
    Keyword("ServerAliveInterval", "server_alive_interval", TIME, 0, aliases=("ProtocolKeepAlives", "SetupTimeOut")),
    Keyword("RequiredRSASize", "required_rsa_size", INTEGER, 1024),
    Keyword("ObscureKeystrokeTiming", "obscure_keystroke_timing", special.KEYSTROKES, 20, effect=KNOWN, since="9.5"),
    Keyword("BindAddress", "bind_address", TEXT),
    Keyword("BindInterface", "bind_interface", TEXT),
    Keyword("Ciphers", "ciphers", CIPHER_LIST),
    Keyword(
        "ControlPath", "control_path", TEXT_OR_NONE, effect=KNOWN, tokens=_ALL, variables=True, home=True, expanded=True
    ),
    Keyword("HostKeyAlgorithms", "host_key_algorithms", KEY_LIST),
    Keyword("HostKeyAlias", "host_key_alias", Kind("text", lambda a: a[0].lower(), TEXT.write)),
    Keyword(
        "HostbasedAcceptedAlgorithms",
        "hostbased_accepted_algorithms",
        KEY_LIST,
        aliases=("HostbasedAcceptedKeyTypes", "HostbasedKeyTypes"),
        effect=KNOWN,
    ),
    Keyword("IdentityAgent", "identity_agent", special.AGENT, tokens=_ALL, variables=True, home=True, expanded=True),
    Keyword("IgnoreUnknown", "ignore_unknown", LIST),
    Keyword("KbdInteractiveDevices", "kbd_interactive_devices", LIST),
    Keyword("KexAlgorithms", "kex_algorithms", EXCHANGE_LIST),
    Keyword("CASignatureAlgorithms", "ca_signature_algorithms", SIGNATURE_LIST),
    Keyword("LocalCommand", "local_command", COMMAND, tokens=_ALL + "T"),
    Keyword("RemoteCommand", "remote_command", COMMAND, tokens=_ALL, expanded=True),
    Keyword("LogLevel", "log_level", _LEVELS, "INFO"),
    Keyword("MACs", "macs", MAC_LIST),
    Keyword("PKCS11Provider", "pkcs11_provider", TEXT_OR_NONE, aliases=("SmartcardDevice",), effect=MISSED),
    Keyword("SecurityKeyProvider", "security_key_provider", TEXT, "$SSH_SK_PROVIDER", effect=KNOWN),
    Keyword("PreferredAuthentications", "preferred_authentications", LIST),
    Keyword("PubkeyAcceptedAlgorithms", "pubkey_accepted_algorithms", KEY_LIST, aliases=("PubkeyAcceptedKeyTypes",)),
    Keyword(
        "RevokedHostKeys",
        "revoked_host_keys",
        _NONE_SHOWN,
        tokens=_ALL,
        variables=True,
        home=True,
        expanded=True,
    ),
    Keyword("XAuthLocation", "xauth_location", TEXT, "/usr/bin/xauth", effect=KNOWN),
    Keyword("KnownHostsCommand", "known_hosts_command", COMMAND),
    Keyword("Tag", "tag", TEXT, since="9.4"),
    Keyword("VersionAddendum", "version_addendum", _RAW_TEXT, tokens=_ALL, since="10.0"),
    Keyword("RefuseConnection", "refuse_connection", _REASON, since="10.0"),
    Keyword("DynamicForward", "dynamic_forward", special.DYNAMIC_FORWARD, (), effect=MISSED, gathers=True),
    Keyword(
        "LocalForward",
        "local_forward",
        special.LOCAL_FORWARD,
        (),
        effect=MISSED,
        gathers=True,
        tokens=_ALL,
        variables=True,
        expanded=True,
    ),
    Keyword(
        "RemoteForward",
        "remote_forward",
        special.REMOTE_FORWARD,
        (),
        effect=MISSED,
        gathers=True,
        tokens=_ALL,
        variables=True,
        expanded=True,
    ),
    Keyword(
        "IdentityFile",
        "identity_file",
        PATH,
        DEFAULT_IDENTITY_FILES,
        aliases=("IdentityFile2",),
        gathers=True,
        tokens=_ALL,
        variables=True,
        home=True,
    ),
    Keyword("CanonicalDomains", "canonical_domains", special.DOMAINS, ()),
    Keyword("CertificateFile", "certificate_file", PATH, (), gathers=True, tokens=_ALL, variables=True, home=True),
    Keyword("GlobalKnownHostsFile", "global_known_hosts_file", PATHS, _SYSTEM_KNOWN_HOSTS, home=True),
    Keyword(
        "UserKnownHostsFile",
        "user_known_hosts_file",
        PATHS,
        _KNOWN_HOSTS,
        tokens=_ALL,
        variables=True,
        home=True,
        expanded=True,
    ),
    Keyword("SendEnv", "send_env", PATTERNS, (), gathers=True),
    Keyword("SetEnv", "set_env", ENVIRONMENT, {}, tokens=_ALL, variables=True, expanded=True),
    Keyword("LogVerbose", "log_verbose", WORDS, (), effect=KNOWN),
    Keyword("ChannelTimeout", "channel_timeout", special.CHANNEL_TIMEOUTS, (), effect=KNOWN, since="9.7"),
    Keyword("PermitRemoteOpen", "permit_remote_open", special.PERMITTED_OPENS, ("any",), effect=KNOWN),
    Keyword("AddKeysToAgent", "add_keys_to_agent", AGENT_ADDITION, AgentAddition()),
    Keyword(
        "ForwardAgent", "forward_agent", YES_NO_OR_PATH, "no", tokens=_ALL, variables=True, home=True, expanded=True
    ),
    Keyword("ConnectTimeout", "connect_timeout", _CONNECT_TIME),
    Keyword("TunnelDevice", "tunnel_device", special.TUNNEL_DEVICE, _ANY_DEVICE, effect=KNOWN),
    Keyword(
        "CanonicalizePermittedCNAMEs",
        "canonicalize_permitted_cnames",
        special.CNAMES,
        (),
        shown="canonicalizePermittedcnames",
    ),
    Keyword("ControlPersist", "control_persist", special.PERSIST, effect=KNOWN),
    Keyword("EscapeChar", "escape_char", ESCAPE, "~"),
    Keyword("IPQoS", "ip_qos", special.QOS, _QOS_DEFAULT),
    Keyword("RekeyLimit", "rekey_limit", REKEY_LIMIT, RekeyLimit()),
    Keyword("StreamLocalBindMask", "stream_local_bind_mask", special.MASK, 0o177, effect=KNOWN),
    Keyword("SyslogFacility", "syslog_facility", _FACILITY, "USER", effect=KNOWN),
    # The first of the two excludes the other: see settings.
    Keyword("ProxyCommand", "proxy_command", COMMAND, tokens=_PROXY),
    Keyword("ProxyJump", "proxy_jump", special.JUMPS, (), tokens=_PROXY),
    # A proxy whose protocol is spoken here, without a program; an extension of ours.
    Keyword("Proxy", "proxy", PROXY, own=True),
    # For VerifyHostKeyDNS, extensions of ours: the name server instead of resolv.conf's, and DNSSEC's trust anchors.
    Keyword("DNSResolver", "dns_resolver", RESOLVER, own=True),
    Keyword("DNSTrustAnchors", "dns_trust_anchors", TEXT_OR_NONE, home=True, own=True),
    # Algorithms of the grade "legacy" (SHA-1, CBC, 3DES …) for one host; do not use it in a file that OpenSSH reads
    # too.
    Keyword("Legacy", "legacy", YES_NO, False, own=True),
    # Whether servers known to answer them get messages that mark round trips, so that windows grow with the link.
    Keyword("WindowProbe", "window_probe", YES_NO, True, own=True),
)

# Processed while a file is read, so they are not options of a connection.
STRUCTURE = frozenset({"host", "match", "include"})


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _names(text: str) -> dict[str, str]:
    return {_folded(name): name for name in text.split()}


# OpenSSH silently ignores these.
SILENT = _names("Protocol UseBlacklistedKeys")
# Keywords of earlier versions, which OpenSSH reports with -v.
DEPRECATED = _names("""
    Cipher FallBackToRsh GlobalKnownHostsFile2 RhostsAuthentication UserKnownHostsFile2 UsePrivilegedPort UseRoaming
    UseRsh
""")
# OpenSSH warns about these and continues.
UNSUPPORTED = _names("""
    AFSTokenPassing CompressionLevel KerberosAuthentication KerberosTGTPassing RhostsRSAAuthentication RSAAuthentication
""")
# Keywords that Debian, Fedora and Apple add to OpenSSH.
OF_VENDORS = _names("""
    AskPassGUI GSSAPIClientIdentity GSSAPIKexAlgorithms GSSAPIKeyExchange GSSAPIRenewalForcesRekey GSSAPIServerIdentity
    GSSAPITrustDns UseKeychain
""")

# By OpenSSH's spelling in lower case; snake_case without its underscores finds the same rows.
KEYWORDS: dict[str, Keyword] = {_folded(row.name): row for row in ROWS} | {
    _folded(alias): row for row in ROWS for alias in row.aliases
}


def find_keyword(name: str) -> Keyword | None:
    """Return the row for ``StrictHostKeyChecking``, ``stricthostkeychecking`` or ``strict_host_key_checking``."""
    return KEYWORDS.get(_folded(name))
