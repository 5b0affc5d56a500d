"""`Options`: everything that is decided about a connection before its first byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jupyter_ssh.ssh.config import patterns
from jupyter_ssh.ssh.config.keywords import ROWS
from jupyter_ssh.ssh.config.proxy_address import ProxyAddress
from jupyter_ssh.ssh.config.resolver_address import ResolverAddress
from jupyter_ssh.ssh.config.special_values import Forward, PermittedCname
from jupyter_ssh.ssh.config.target import Target
from jupyter_ssh.ssh.config.values import AgentAddition, RekeyLimit


@dataclass(frozen=True, slots=True)
class Options:
    """Resolved options; each field is a row of ``config.keywords`` by its snake_case name.

    Times are in seconds.  Paths are absolute, as text, with ``~`` and tokens expanded.  Lists of algorithms are text in
    OpenSSH's syntax (``None``: our default).  ``escape_char`` is one character.
    """

    host: str  # as typed; used for known_hosts and Host blocks
    host_name: str  # the name or address to connect to
    user: str
    port: int
    add_keys_to_agent: AgentAddition
    address_family: str  # any, inet or inet6
    batch_mode: bool
    bind_address: str | None
    bind_interface: str | None
    ca_signature_algorithms: str | None
    canonical_domains: tuple[str, ...]
    canonicalize_fallback_local: bool
    canonicalize_hostname: str  # no, yes or always
    canonicalize_max_dots: int
    canonicalize_permitted_cnames: tuple[PermittedCname, ...]
    certificate_file: tuple[str, ...]
    channel_timeout: tuple[str, ...]  # type=interval
    check_host_ip: bool
    ciphers: str | None
    clear_all_forwardings: bool
    compression: bool
    connection_attempts: int
    connect_timeout: float | None  # None: not given
    control_master: str  # no, yes, ask, auto or autoask
    control_path: str | None
    control_persist: float | None  # None: no, 0: for ever, else seconds
    dns_resolver: ResolverAddress | None  # an extension; None: those of resolv.conf
    dns_trust_anchors: str | None  # an extension: a file; None: the root's keys
    dynamic_forward: tuple[Forward, ...]
    enable_escape_commandline: bool
    enable_ssh_keysign: bool
    escape_char: str | None
    exit_on_forward_failure: bool
    fingerprint_hash: str
    fork_after_authentication: bool
    forward_agent: str  # yes, no, or the agent's socket or "$VARIABLE"
    forward_x11: bool
    forward_x11_timeout: float
    forward_x11_trusted: bool
    gateway_ports: bool
    global_known_hosts_file: tuple[str, ...]
    gssapi_authentication: bool
    gssapi_delegate_credentials: bool
    hash_known_hosts: bool
    host_key_algorithms: str | None
    host_key_alias: str | None
    hostbased_accepted_algorithms: str | None
    hostbased_authentication: bool
    identities_only: bool
    identity_agent: str | None  # a socket, none, SSH_AUTH_SOCK or "$VARIABLE"
    identity_file: tuple[str, ...]
    ignore_unknown: str | None
    ip_qos: tuple[int | None, int | None]  # interactive sessions, all others; None is the system's
    kbd_interactive_authentication: bool
    kbd_interactive_devices: str | None
    kex_algorithms: str | None
    known_hosts_command: str | None  # with unexpanded tokens: see ``tokens``
    legacy: bool  # whether to propose legacy algorithms too
    local_command: str | None
    local_forward: tuple[Forward, ...]
    log_level: str
    log_verbose: tuple[str, ...]
    macs: str | None
    no_host_authentication_for_localhost: bool
    number_of_password_prompts: int
    obscure_keystroke_timing: int  # milliseconds; 0: off
    password_authentication: bool
    permit_local_command: bool
    permit_remote_open: tuple[str, ...]
    pkcs11_provider: str | None
    preferred_authentications: str | None
    proxy: ProxyAddress | None  # an extension
    proxy_command: str | None  # for the user's shell
    proxy_jump: tuple[Target, ...]  # the jump hosts, in order
    proxy_use_fdpass: bool
    pubkey_accepted_algorithms: str | None
    pubkey_authentication: str  # yes, no, unbound or host-bound
    refuse_connection: str | None  # why to refuse to connect
    rekey_limit: RekeyLimit
    remote_command: str | None
    remote_forward: tuple[Forward, ...]
    request_tty: str  # auto, yes, no or force
    required_rsa_size: int  # bits
    revoked_host_keys: str | None
    security_key_provider: str
    send_env: tuple[str, ...]
    server_alive_count_max: int
    server_alive_interval: float
    session_type: str  # default, none or subsystem
    set_env: Mapping[str, str] = field(repr=False)  # may contain tokens and passwords
    stdin_null: bool
    stream_local_bind_mask: int
    stream_local_bind_unlink: bool
    strict_host_key_checking: str  # yes, ask, accept-new or no
    syslog_facility: str
    tag: str | None
    tcp_keep_alive: bool
    tunnel: str  # no, point-to-point or ethernet
    tunnel_device: tuple[int | None, int | None]
    update_host_keys: str  # yes, no or ask
    user_known_hosts_file: tuple[str, ...]
    verify_host_key_dns: str  # yes, no or ask
    version_addendum: str | None
    visual_host_key: bool
    warn_weak_crypto: str  # yes, no or no-pq-kex
    window_probe: bool  # an extension: whether to send messages that mark round trips
    xauth_location: str
    sources: Mapping[str, str] = field(repr=False)  # snake_case name -> where the value was given
    tokens: Mapping[str, str] = field(
        repr=False, compare=False, default_factory=dict
    )  # letter after "%" -> its expansion
    warnings: tuple[str, ...] = field(repr=False, default=())  # to be shown: options that are ignored but would matter
    ignored: tuple[str, ...] = field(repr=False, default=())  # to be shown with -v
    notes: tuple[str, ...] = field(repr=False, compare=False, default=())  # to be shown with -v: what was read
    _written: Mapping[str, object] = field(
        repr=False, compare=False, default_factory=dict
    )  # before it was expanded, where that makes a difference

    def given(self, name: str) -> bool:
        """Return whether the option with this snake_case name was given, by the caller or in a file."""
        return name in self.sources

    def remote_environment(self, local: Mapping[str, str]) -> dict[str, str]:
        """Return the variables to send to the server: those in ``local`` that SendEnv names, then SetEnv's."""
        sent = {
            name: value
            for name, value in local.items()
            if any(patterns.matches(name, pattern) for pattern in self.send_env)
        }
        return {**sent, **self.set_env}

    def lines(self) -> list[str]:
        """Return ``keyword value`` lines as ``ssh -G`` prints them, most paths before their expansion."""
        result = [f"host {self.host}"]
        for row in ROWS:
            if row.own:
                continue
            value = getattr(self, row.option)
            if not row.expanded:
                value = self._written.get(row.option, value)
            if row.option == "proxy_command" and self.proxy_jump:
                continue
            result += [f"{row.shown or row.name.lower()} {text}" for text in row.kind.write(value)]
        return result


assert {row.option for row in ROWS} <= set(Options.__dataclass_fields__)
