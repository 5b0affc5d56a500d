"""What a person can do about each way a connection can fail: one table, the first matching row wins.

Lower layers say what happened; this layer also knows for which host, how far the connection got and what the server
said last.  docs/does-not-connect.md is generated from the table, and a test provokes a real failure for every row.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from jupyter_ssh.ssh.client.report.failures import (
    Failure,
    Fits,
    closed_in,
    deadline_in,
    heard,
    login,
    nobody_asked,
    nothing_common,
    nothing_left,
    of_kind,
    outcome,
    proxy_said,
    stream_refused,
    system_error,
    too_many,
)
from jupyter_ssh.ssh.errors import (
    AuthenticationError,
    ChannelOpenError,
    ChannelRequestDenied,
    ConfigError,
    ConnectError,
    ConnectionLost,
    HostCertificateError,
    HostKeyChanged,
    HostKeyRevoked,
    HostKeyUnknown,
    KeyExchangeError,
    NameNotFound,
    NegotiationError,
    ProtocolError,
    VersionError,
)
from jupyter_ssh.ssh.protocol.roles import Phase
from jupyter_ssh.ssh.wire.numbers import SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, SSH_OPEN_CONNECT_FAILED


@dataclass(frozen=True, slots=True)
class Advice:
    """One way a connection can fail.

    ``title`` and ``shows`` are for the document: its heading, and how the error message begins.  ``text`` is the advice
    itself, with the fields of `Failure.values` in braces.
    """

    name: str
    chapter: str
    title: str
    shows: str
    fits: Fits = field(repr=False)
    text: str


def advise(failure: Failure) -> Advice | None:
    """Set the error's ``next_step`` from the first matching row and return that row.

    None if no row matches or the error has advice already: one that came from a jump host was given the advice for that
    jump host.
    """
    error = failure.error
    if error.advice is not None:
        return None
    row = next((row for row in TABLE if row.fits(failure)), None)
    if row is not None:
        error.advice = row.name
        error.next_step = row.text.format_map(failure.values())
    return row


BEFORE_LOGIN: Final = frozenset({Phase.SERVICE, Phase.AUTH})
_EXCHANGE: Final = frozenset(Phase) - BEFORE_LOGIN - {Phase.VERSION, Phase.OPEN, Phase.CLOSED}
_FILES = "Your files"
_PROXY, _NETWORK = "Proxies and jump hosts", "The network"
_FIRST, _KEYS, _HOST = "The first bytes", "Algorithms", "The host's key"
_LOGIN, _AFTER = "Logging in", "After the login"
_ALLOW = (
    "{own}. For {host} alone: `-o {option}` once, or `{keyword}` in a `Host {host}` block in ~/.ssh/config for good"
)

# --- the table --------------------------------------------------------------------------------------------------------

TABLE: Final[Sequence[Advice]] = (
    Advice(
        "config-permissions",
        _FILES,
        "Your ssh_config is writable by others",
        "Bad owner or permissions on",
        lambda failure: isinstance(failure.error, ConfigError) and failure.error.message.startswith("Bad owner"),
        "{own}. This file decides where your passwords are sent and which programs are run, so nobody else may be "
        "able to write to it.",
    ),
    Advice(
        "config",
        _FILES,
        "A configuration file or an option is invalid",
        "",
        of_kind(ConfigError),
        "{own}. The error names the file and the line; `jupyter-ssh ssh -G HOST` prints the resulting options.",
    ),
    Advice(
        "proxy-command",
        _PROXY,
        "The ProxyCommand ended",
        "the ProxyCommand ended",
        proxy_said("command"),
        "Run it by itself in a shell, with {host_name} for %h and {port} for %p: it should keep running and print a "
        "line that begins with SSH-2.0. Its last output is shown above.",
    ),
    Advice(
        "proxy-login",
        _PROXY,
        "The proxy requires a login, or rejects the one given",
        "proxy {via}:",
        proxy_said("login"),
        "Put the user name into the proxy's address, Proxy=socks5://USER@HOST:PORT or http://USER@HOST:PORT; you will "
        "be asked for the password.",
    ),
    Advice(
        "proxy-refused",
        _PROXY,
        "The proxy refuses the connection",
        "proxy {via}: the proxy refused the connection",
        proxy_said("refused", "forbidden"),
        "The proxy itself works. Ask whoever runs it whether it is allowed to connect to {host_name} port {port}: many "
        "allow only port 443. If {host} can be reached without a proxy, set `Proxy none` for it.",
    ),
    Advice(
        "proxy-nonsense",
        _PROXY,
        "The proxy's address does not belong to a proxy of this kind",
        "proxy {via}:",
        proxy_said("nonsense", "address"),
        "Check the proxy's type (socks5, socks4, socks4a or http) and its port in Proxy or ALL_PROXY.",
    ),
    Advice(
        "jump-forbidden",
        _PROXY,
        "The jump host is not allowed to forward you",
        "jump host {via}: not allowed to connect to {host_name} port {port}",
        proxy_said("forbidden", jump=True),
        "Its SSH server forbids forwarding for this account or to this destination: see AllowTcpForwarding, PermitOpen "
        "and `restrict` in authorized_keys there. Ask its administrator, or run a program on it instead: "
        "ProxyCommand=ssh JUMP nc %h %p.",
    ),
    Advice(
        "jump-refused",
        _PROXY,
        "The jump host cannot reach the destination",
        "jump host {via}: cannot reach {host_name} port {port}",
        proxy_said("refused", jump=True),
        "You are logged in on the jump host, and it is the jump host that resolves the name and connects. Try it "
        "there: nc -vz {host_name} {port}. If it does not know the name, set {host}'s address with HostName.",
    ),
    Advice(
        "proxy-unreachable",
        _PROXY,
        "The proxy itself cannot be reached",
        "proxy {via}: no connection to",
        lambda failure: isinstance(failure.error, ConnectError) and failure.error.message.startswith("proxy "),
        "It is the proxy {via} that cannot be reached, not {host_name}: check its address in Proxy or ALL_PROXY, or "
        "bypass it for this host with `Proxy none`.",
    ),
    Advice(
        "name-not-found",
        _NETWORK,
        "The name does not resolve",
        "the name {host_name!r} does not resolve",
        of_kind(NameNotFound),
        "Check the spelling. If {host} is an alias of yours, set `HostName` to the real name or address in its Host "
        "block in ~/.ssh/config. A company's internal names resolve only inside it or over its VPN.",
    ),
    Advice(
        "name-timeout",
        _NETWORK,
        "The name server does not answer",
        "no answer within",
        deadline_in("looking up"),
        "It is the name server that does not answer: check the network or the VPN, or set {host}'s address with "
        "HostName in ~/.ssh/config.",
    ),
    Advice(
        "refused",
        _NETWORK,
        "Connection refused",
        "no connection to {host_name} port {port}",
        system_error(errno.ECONNREFUSED),
        "The machine is up, but nothing listens on port {port}: check the port (-p or Port), and that the SSH server "
        "is running there (`systemctl status ssh`, or sshd).",
    ),
    Advice(
        "unreachable",
        _NETWORK,
        "No route to the host",
        "no connection to {host_name} port {port}",
        system_error(errno.EHOSTUNREACH, errno.ENETUNREACH),
        "There is no route to {host_name} from here: check the address and your network or VPN. If IPv6 is broken, -4 "
        "(AddressFamily inet) helps.",
    ),
    Advice(
        "no-local-address",
        _NETWORK,
        "The address to connect from does not belong to this machine",
        "no connection to {host_name} port {port}",
        system_error(errno.EADDRNOTAVAIL, errno.EINVAL),
        "BindAddress or BindInterface must name an address of this machine from which the host can be reached; "
        "`ip address` lists them.",
    ),
    Advice(
        "tcp-timeout",
        _NETWORK,
        "The connection attempt times out",
        "no answer within",
        deadline_in("connecting to"),
        "Not even a refusal came back: {host_name} is down, or a firewall drops packets to port {port}. Check the "
        "address and the VPN; a distant or busy host may need more time (ConnectTimeout).",
    ),
    Advice(
        "no-connection",
        _NETWORK,
        "Any other network error",
        "",
        of_kind(ConnectError),
        "{own}.",
    ),
    Advice(
        "version-timeout",
        _FIRST,
        "The connection is accepted, but nothing is sent",
        "no answer within",
        deadline_in("version exchange"),
        "Port {port} of {host_name} accepts connections but sends nothing: it may belong to another service (a TLS "
        "server waits for the client to begin), the server may be overloaded, or a firewall is in between.",
    ),
    Advice(
        "http",
        _FIRST,
        "A web server answers",
        "",
        heard("a web server"),
        "A web server listens on port {port} of {host_name}. SSH is usually on port 22: check -p, Port in "
        "~/.ssh/config, and the port forwardings of a router.",
    ),
    Advice(
        "tls",
        _FIRST,
        "A TLS server answers",
        "",
        heard("a TLS server"),
        "Port {port} of {host_name} speaks TLS, as web and mail servers do. Check the port; if SSH is tunneled through "
        "TLS, use ProxyCommand=openssl s_client -quiet -connect %h:%p.",
    ),
    Advice(
        "mail",
        _FIRST,
        "A mail or FTP server answers",
        "",
        heard("an FTP or mail server"),
        "A mail or FTP server listens on port {port} of {host_name}; SSH is usually on port 22.",
    ),
    Advice(
        "busy",
        _FIRST,
        "The server has too many unauthenticated connections",
        "the connection was closed before the peer identified itself",
        heard("MaxStartups"),
        "The server is up but has too many connections that have not logged in yet (MaxStartups): try again in a "
        "minute. If this persists, somebody is guessing passwords there, or many jobs of yours connect at once.",
    ),
    Advice(
        "penalty",
        _FIRST,
        "The server blocks your address for a while",
        "the connection was closed before the peer identified itself",
        heard("Not allowed at this time"),
        "The server refuses connections from your address for some minutes after failed logins (PerSourcePenalties). "
        "Wait, and check that the user name and the key are the right ones.",
    ),
    Advice(
        "ssh1",
        _FIRST,
        "The server supports only SSH-1",
        "the peer speaks another version of SSH",
        lambda failure: isinstance(failure.error, VersionError) and "another version" in failure.error.message,
        "The server supports only version 1 of the SSH protocol, which is broken. Enable version 2 in its settings "
        "(`ip ssh version 2` on many switches), or update it.",
    ),
    Advice(
        "closed-at-once",
        _FIRST,
        "The connection is closed before the server identifies itself",
        "the connection was closed before the peer identified itself",
        lambda failure: isinstance(failure.error, VersionError) and failure.error.received == "nothing",
        "The connection was accepted and closed at once: hosts.deny, fail2ban or a firewall there blocks your address, "
        "the server is out of memory or processes, or nothing is behind a forwarded port. Its log says which. A TLS "
        "server does the same: check the port.",
    ),
    Advice(
        "no-ssh",
        _FIRST,
        "The server is not an SSH server",
        "",
        of_kind(VersionError),
        "Port {port} of {host_name} does not belong to an SSH server: check the host and the port.",
    ),
    Advice(
        "reset-at-once",
        _FIRST,
        "The connection is reset before the server identifies itself",
        "the connection was lost",
        closed_in(frozenset({Phase.VERSION})),
        "The connection was reset at once: by a firewall, by hosts.deny or fail2ban on {host_name}, or by a server "
        "that is out of memory or processes; its log says which. A TLS server does the same: check the port.",
    ),
    *(
        Advice(f"no-{name}", _KEYS, f"No {kind} in common", f"no {kind} in common", nothing_common(kind), _ALLOW + ".")
        for name, kind in (
            ("exchange", "key exchange method"),
            ("host-key-algorithm", "host key algorithm"),
            ("cipher", "cipher"),
            ("mac", "MAC"),
            ("compression", "compression"),
        )
    ),
    Advice(
        "nothing-known",
        _KEYS,
        "The server offers no algorithm that is supported here",
        "no ",
        of_kind(NegotiationError),
        "{own}.",
    ),
    Advice(
        "exchange-timeout",
        _KEYS,
        "The server identifies itself and then falls silent",
        "no answer within",
        deadline_in("key exchange"),
        "The server identified itself and then sent nothing more. If small packets get through and large ones do not, "
        "the MTU of a VPN is too large: lower it, or make the packet smaller with a short list such as "
        "KexAlgorithms=curve25519-sha256.",
    ),
    Advice(
        "bad-signature",
        _KEYS,
        "The server cannot prove that it has the host key",
        "the server's signature over the key exchange is invalid",
        of_kind(KeyExchangeError),
        "{own}.",
    ),
    Advice(
        "closed-in-exchange",
        _KEYS,
        "The connection is closed during the key exchange",
        "",
        closed_in(_EXCHANGE),
        "The server, or a firewall in front of it, ended the connection during the key exchange; its last message is "
        "above, its log has more. Old devices fail on long lists of algorithms: configure few for {host}, such as "
        "KexAlgorithms=diffie-hellman-group14-sha256.",
    ),
    Advice(
        "protocol",
        _KEYS,
        "The server violates the protocol",
        "",
        of_kind(ProtocolError),
        "{own}.",
    ),
    Advice(
        "changed",
        _HOST,
        "The host's key has changed",
        "THE HOST KEY OF",
        of_kind(HostKeyChanged),
        "{own}.",
    ),
    Advice(
        "revoked",
        _HOST,
        "The host's key is revoked",
        "the key offered by",
        of_kind(HostKeyRevoked),
        "{own}.",
    ),
    Advice(
        "certificate",
        _HOST,
        "The host's certificate is not valid for it",
        "",
        of_kind(HostCertificateError),
        "{own}.",
    ),
    Advice(
        "unknown",
        _HOST,
        "The host's key is unknown",
        "the host key of",
        of_kind(HostKeyUnknown),
        "{own}. Ask the administrator of {host} for the fingerprint (`ssh-keygen -lf` on the host shows it).",
    ),
    Advice(
        "key-permissions",
        _LOGIN,
        "A key file is readable by others",
        "authentication failed for {login}",
        login(outcome("readable by others")),
        "{own}. Until then the key will not be used.",
    ),
    Advice(
        "too-many-keys",
        _LOGIN,
        "Too many keys are tried before the right one",
        "authentication failed for {login}",
        login(too_many),
        "A server counts each key it refuses as a failure and ends the connection after some of them (MaxAuthTries), "
        "here after {failures}. Name the right key: `IdentityFile ~/.ssh/THE_KEY` and `IdentitiesOnly yes` in a "
        "`Host {host}` block in ~/.ssh/config, or -i with -o IdentitiesOnly=yes.",
    ),
    Advice(
        "more-needed",
        _LOGIN,
        "One method succeeded, another is required",
        "authentication failed for {login}",
        login(outcome("partial success")),
        "The server accepted one authentication method and requires another: {methods}. Log in where you can be asked "
        "for it (without BatchMode), and list both in PreferredAuthentications.",
    ),
    Advice(
        "signature-algorithm",
        _LOGIN,
        "The server does not accept this type of key",
        "authentication failed for {login}",
        login(outcome("accepts no signature")),
        "Generate a key of a type it accepts, `%ssh_keygen -t ed25519`. For an old server and an RSA key, allow SHA-1 "
        "instead: `PubkeyAcceptedAlgorithms +ssh-rsa` or `Legacy yes` in a `Host {host}` block in ~/.ssh/config.",
    ),
    Advice(
        "nobody-asked",
        _LOGIN,
        "A password or passphrase is required, but nobody can be asked",
        "authentication failed for {login}",
        login(nobody_asked),
        "To log in without being asked, add the key to an agent (`%ssh_add`) or use one without a passphrase; "
        "otherwise connect where questions can be answered, without BatchMode.",
    ),
    Advice(
        "own-keys",
        _LOGIN,
        "A key cannot be used because of a problem on this side",
        "authentication failed for {login}",
        lambda failure: isinstance(failure.error, AuthenticationError) and bool(failure.error.next_step),
        "{own}.",
    ),
    Advice(
        "key-refused",
        _LOGIN,
        "The key is refused",
        "authentication failed for {login}",
        login(outcome("refused", method="publickey")),
        "Check the user name ({user}) and that the public key is in ~{user}/.ssh/authorized_keys on {host}. If it is, "
        "the permissions there are the likely cause: the home folder, .ssh and the file must be writable by their "
        "owner only (chmod go-w ~ ~/.ssh ~/.ssh/authorized_keys). The server's log says which.",
    ),
    Advice(
        "password-refused",
        _LOGIN,
        "The password is refused",
        "authentication failed for {login}",
        login(outcome("refused", method="password")),
        "Check the user name ({user}) and the password. Many servers refuse every password for an account that may not "
        "log in this way: root (PermitRootLogin), or one not listed in AllowUsers.",
    ),
    Advice(
        "answers-refused",
        _LOGIN,
        "The answers are refused",
        "authentication failed for {login}",
        login(outcome("refused", method="keyboard-interactive")),
        "Check the user name ({user}) and the answers. A one-time code may have been used already, or the clocks "
        "differ.",
    ),
    Advice(
        "no-method",
        _LOGIN,
        "No authentication method is left to try",
        "authentication failed for {login}",
        login(nothing_left),
        "The server accepts {methods}, and there was nothing to try for that: name a key that it knows with -i "
        "(IdentityFile), or check that PreferredAuthentications, PubkeyAuthentication and PasswordAuthentication do "
        "not exclude what it accepts.",
    ),
    Advice(
        "login-timeout",
        _LOGIN,
        "The server does not answer the login",
        "no answer within",
        lambda failure: deadline_in("authentication")(failure) or deadline_in("starting authentication")(failure),
        "The server takes too long over the login: it may be looking up your address (UseDNS) or asking a directory "
        "that does not answer. Give it more time, ConnectTimeout={limit}, and tell its administrator.",
    ),
    Advice(
        "closed-at-login",
        _LOGIN,
        "The server ends the connection during the login",
        "",
        closed_in(BEFORE_LOGIN),
        "The server ended the connection instead of answering; its last message is above, its log has more. The "
        "account may be locked, or the login took too long (LoginGraceTime).",
    ),
    Advice(
        "channel-timeout",
        _AFTER,
        "The server does not start the session",
        "no answer within",
        deadline_in("starting a process"),
        "You are logged in, but the server does not start the session: your home folder may be on a file server that "
        "does not answer, or the machine may be out of memory. If only this connection is stuck, `%ssh_close {host}` "
        "and a new one helps.",
    ),
    Advice(
        "stream-forbidden",
        _AFTER,
        "The server does not allow the forwarding",
        "the server refused a direct-tcpip channel",
        stream_refused(SSH_OPEN_ADMINISTRATIVELY_PROHIBITED),
        "You are logged in, but the server forbids forwarding for this account or to this destination: see "
        "AllowTcpForwarding, PermitOpen and `restrict` in authorized_keys there.",
    ),
    Advice(
        "stream-refused",
        _AFTER,
        "The server cannot reach the other destination",
        "the server refused a direct-tcpip channel",
        stream_refused(SSH_OPEN_CONNECT_FAILED),
        "You are logged in on {host}, and it is {host} that resolves the name and connects; what it reported is above. "
        "Check name and port, and try it there: nc -vz NAME PORT.",
    ),
    Advice(
        "channel-refused",
        _AFTER,
        "The server refuses another session",
        "the server refused a",
        of_kind(ChannelOpenError),
        "You are logged in, but the server opens no (further) channel: the account may be meant for something else "
        "(git, sftp, jumping), or the connection has reached its limit of sessions (MaxSessions); end some of them.",
    ),
    Advice(
        "request-refused",
        _AFTER,
        "The server refuses a request for the session",
        "",
        of_kind(ChannelRequestDenied),
        "The account or the key may be restricted there: see ForceCommand, PermitTTY, and `restrict` in "
        "authorized_keys.",
    ),
    Advice(
        "silent",
        _AFTER,
        "The connection went silent",
        "the peer no longer answers",
        lambda failure: isinstance(failure.error, ConnectionLost) and failure.error.phase == "keepalive",
        "The link is dead, or a router dropped it because it was idle: a smaller ServerAliveInterval prevents that. "
        "Connect again; `%ssh --reconnect {host}` does so automatically on the next use.",
    ),
    Advice(
        "slept",
        _AFTER,
        "The connection did not survive this machine's sleep",
        "the connection did not survive this machine's sleep",
        lambda failure: isinstance(failure.error, ConnectionLost) and failure.error.phase == "waking up",
        "Connect again; `%ssh --reconnect {host}` does so automatically on the next use. Run what must go on without "
        "you in tmux or screen on the host.",
    ),
    Advice(
        "lost",
        _AFTER,
        "The connection was lost",
        "",
        closed_in(frozenset({Phase.OPEN})),
        "The server went down or the network failed. Connect again; `%ssh --reconnect {host}` does so automatically on "
        "the next use.",
    ),
)
