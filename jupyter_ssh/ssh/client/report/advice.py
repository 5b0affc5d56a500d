"""What a person can do about each way a connection fails: one table, the first row that fits counts.

Lower layers say what happened; here is known for which host, how far the connection was and what the server said last.
docs/does-not-connect.md is written from the table, and a test has a real failure for every row.
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
    """One way to fail.

    ``title`` and ``shows`` are for the document: what it is about, and what the message begins with.  ``text`` is the
    advice; in braces, what `Failure.values` gives.
    """

    name: str
    chapter: str
    title: str
    shows: str
    fits: Fits = field(repr=False)
    text: str


def advise(failure: Failure) -> Advice | None:
    """Gives the error its advice: sets ``next_step``, once; the row that fits, None where there is none or it has one.

    An error that comes through a jump host has the advice for that jump host already.
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
    "{own}. For {host} alone: `-o {option}` once, or `{keyword}` in a `Host {host}` block of ~/.ssh/config for good"
)

# --- the table --------------------------------------------------------------------------------------------------------

TABLE: Final[Sequence[Advice]] = (
    Advice(
        "config-permissions",
        _FILES,
        "Others may write your ssh_config",
        "Bad owner or permissions on",
        lambda failure: isinstance(failure.error, ConfigError) and failure.error.message.startswith("Bad owner"),
        "{own}. What stands there decides where your passwords go and which programs are run, so nobody else may "
        "write it.",
    ),
    Advice(
        "config",
        _FILES,
        "A file or an option says something that cannot be",
        "",
        of_kind(ConfigError),
        "{own}. The error names the file and the line; `jupyter-ssh ssh -G HOST` prints what comes of them.",
    ),
    Advice(
        "proxy-command",
        _PROXY,
        "The ProxyCommand ended",
        "the ProxyCommand ended",
        proxy_said("command"),
        "Run it by itself in a shell, with {host_name} for %h and {port} for %p: it should stay and print a line "
        "that begins with SSH-2.0. What it wrote last is shown above.",
    ),
    Advice(
        "proxy-login",
        _PROXY,
        "The proxy wants a login, or another one",
        "proxy {via}:",
        proxy_said("login"),
        "Name the user in its address, Proxy=socks5://USER@HOST:PORT or http://USER@HOST:PORT; the password is "
        "asked for.",
    ),
    Advice(
        "proxy-refused",
        _PROXY,
        "The proxy gives no connection",
        "proxy {via}: the proxy gives no connection",
        proxy_said("refused", "forbidden"),
        "The proxy itself answers. Ask whoever runs it whether it may reach {host_name} port {port}: many allow "
        "port 443 only. Where {host} can be reached without it, give it `Proxy none`.",
    ),
    Advice(
        "proxy-nonsense",
        _PROXY,
        "What answers at the proxy's address is no such proxy",
        "proxy {via}:",
        proxy_said("nonsense", "address"),
        "Check the kind of proxy (socks5, socks4, socks4a or http) and its port in Proxy or ALL_PROXY.",
    ),
    Advice(
        "jump-forbidden",
        _PROXY,
        "The jump host may not connect you further",
        "jump host {via}: it may not connect to {host_name} port {port}",
        proxy_said("forbidden", jump=True),
        "Its server forbids forwarding for this account or this place: AllowTcpForwarding, PermitOpen or "
        "`restrict` in authorized_keys there. Ask its administrator, or run a program on it: ProxyCommand=ssh "
        "JUMP nc %h %p.",
    ),
    Advice(
        "jump-refused",
        _PROXY,
        "The jump host does not get to the destination",
        "jump host {via}: it does not get to {host_name} port {port}",
        proxy_said("refused", jump=True),
        "You are logged in on the jump host, which looks up and connects to {host_name} from where it is. Try "
        "there: nc -vz {host_name} {port}; where the name means nothing to it, give {host} the address with "
        "HostName.",
    ),
    Advice(
        "proxy-unreachable",
        _PROXY,
        "The proxy itself cannot be reached",
        "proxy {via}: no connection to",
        lambda failure: isinstance(failure.error, ConnectError) and failure.error.message.startswith("proxy "),
        "It is the proxy {via} that fails, not {host_name}: check its address in Proxy or ALL_PROXY, or leave it "
        "out for this host with `Proxy none`.",
    ),
    Advice(
        "name-not-found",
        _NETWORK,
        "The name does not resolve",
        "the name {host_name!r} does not resolve",
        of_kind(NameNotFound),
        "Check the spelling. If {host} is a name of your own, write `HostName` with the real name or the address "
        "in its Host block of ~/.ssh/config; a name inside of a company resolves only there or over its VPN.",
    ),
    Advice(
        "name-timeout",
        _NETWORK,
        "The name server does not answer",
        "no answer within",
        deadline_in("looking up"),
        "It is the name server that does not answer: check the network or the VPN, or give {host} its address "
        "with HostName in ~/.ssh/config.",
    ),
    Advice(
        "refused",
        _NETWORK,
        "Connection refused",
        "no connection to {host_name} port {port}",
        system_error(errno.ECONNREFUSED),
        "The machine answers, but nothing listens on port {port}: check the port (-p or Port), and that the SSH "
        "server runs there (`systemctl status ssh`, or sshd).",
    ),
    Advice(
        "unreachable",
        _NETWORK,
        "The network knows no way to the host",
        "no connection to {host_name} port {port}",
        system_error(errno.EHOSTUNREACH, errno.ENETUNREACH),
        "No way leads to {host_name} from here: check the address and your network or VPN. With IPv6 that leads "
        "nowhere, -4 (AddressFamily inet) helps.",
    ),
    Advice(
        "no-local-address",
        _NETWORK,
        "The address to connect from is none of this machine's",
        "no connection to {host_name} port {port}",
        system_error(errno.EADDRNOTAVAIL, errno.EINVAL),
        "BindAddress or BindInterface names no address of this machine that can reach the host; `ip address` "
        "lists them.",
    ),
    Advice(
        "tcp-timeout",
        _NETWORK,
        "The host does not answer at all",
        "no answer within",
        deadline_in("connecting to"),
        "Not even a refusal came back: {host_name} is down, or a firewall drops what goes to port {port}. Check "
        "the address and the VPN; a far or busy host may need more time (ConnectTimeout).",
    ),
    Advice(
        "no-connection",
        _NETWORK,
        "Another error of the network",
        "",
        of_kind(ConnectError),
        "{own}.",
    ),
    Advice(
        "version-timeout",
        _FIRST,
        "Something accepts the connection and says nothing",
        "no answer within",
        deadline_in("version exchange"),
        "Port {port} of {host_name} takes connections and says nothing: it is another service's (TLS waits for us "
        "to begin), or the server is overloaded, or a firewall stands between.",
    ),
    Advice(
        "http",
        _FIRST,
        "A web server answers",
        "",
        heard("a web server"),
        "Port {port} of {host_name} is a web server's. SSH is on port 22 as a rule: check -p, Port in "
        "~/.ssh/config, and what a router forwards.",
    ),
    Advice(
        "tls",
        _FIRST,
        "A TLS server answers",
        "",
        heard("a TLS server"),
        "Port {port} of {host_name} speaks TLS, as web and mail servers do. Check the port; where SSH is behind "
        "TLS, ProxyCommand=openssl s_client -quiet -connect %h:%p leads through.",
    ),
    Advice(
        "mail",
        _FIRST,
        "A mail or FTP server answers",
        "",
        heard("an FTP or mail server"),
        "Port {port} of {host_name} is a mail or FTP server's; SSH is on port 22 as a rule.",
    ),
    Advice(
        "busy",
        _FIRST,
        "The server has too many connections that are not logged in",
        "the connection was closed before the peer said who it is",
        heard("MaxStartups"),
        "The server is there and has too many connections that are not logged in yet (MaxStartups): try again in "
        "a minute. If it lasts, somebody is guessing passwords there, or many jobs of yours connect at once.",
    ),
    Advice(
        "penalty",
        _FIRST,
        "The server turns your address away for a while",
        "the connection was closed before the peer said who it is",
        heard("Not allowed at this time"),
        "The server turns connections from your address away for some minutes, after failed logins "
        "(PerSourcePenalties). Wait, and find out what failed: the right user, the right key.",
    ),
    Advice(
        "ssh1",
        _FIRST,
        "The server knows SSH-1 only",
        "the peer speaks another version of SSH",
        lambda failure: isinstance(failure.error, VersionError) and "another version" in failure.error.message,
        "The server knows only the first version of SSH, which is broken. Look for `protocol 2` in its settings "
        "(`ip ssh version 2` on many switches), or update it.",
    ),
    Advice(
        "closed-at-once",
        _FIRST,
        "The connection is closed before the server says who it is",
        "the connection was closed before the peer said who it is",
        lambda failure: isinstance(failure.error, VersionError) and failure.error.received == "nothing",
        "Whoever accepted the connection closed it without a word: hosts.deny, fail2ban or a firewall there turns "
        "your address away, the server ran out of memory or processes, or a forwarded port has nothing behind it. "
        "Its log says which. A server of TLS does the same: check the port.",
    ),
    Advice(
        "no-ssh",
        _FIRST,
        "What answers is no SSH server",
        "",
        of_kind(VersionError),
        "What answers on port {port} of {host_name} is no SSH server: check the host and the port.",
    ),
    Advice(
        "reset-at-once",
        _FIRST,
        "The connection is cut before the server says who it is",
        "the connection was lost",
        closed_in(frozenset({Phase.VERSION})),
        "Something on the way cut it at once: a firewall, hosts.deny or fail2ban on {host_name}, or a server that "
        "ran out of memory or processes; its log says which. A server of TLS does the same: check the port.",
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
        "The peer offers nothing that we know",
        "no ",
        of_kind(NegotiationError),
        "{own}.",
    ),
    Advice(
        "exchange-timeout",
        _KEYS,
        "The server says who it is, and then nothing",
        "no answer within",
        deadline_in("key exchange"),
        "The server said who it is and then nothing. Where small packets pass and large ones do not, the MTU of a "
        "VPN is too large: lower it, or send less with a short KexAlgorithms, such as "
        "KexAlgorithms=curve25519-sha256.",
    ),
    Advice(
        "bad-signature",
        _KEYS,
        "The server cannot prove that the key is its own",
        "the server's signature over the key exchange is wrong",
        of_kind(KeyExchangeError),
        "{own}.",
    ),
    Advice(
        "closed-in-exchange",
        _KEYS,
        "The connection is closed in the midst of the key exchange",
        "",
        closed_in(_EXCHANGE),
        "The server, or a firewall before it, ended the connection while keys were made; what it said last is "
        "above, its log has more. Old devices break on long lists of algorithms: name few for {host}, such as "
        "KexAlgorithms=diffie-hellman-group14-sha256.",
    ),
    Advice(
        "protocol",
        _KEYS,
        "The other side does not keep to the protocol",
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
        "the key that",
        of_kind(HostKeyRevoked),
        "{own}.",
    ),
    Advice(
        "certificate",
        _HOST,
        "The host's certificate does not vouch for it",
        "",
        of_kind(HostCertificateError),
        "{own}.",
    ),
    Advice(
        "unknown",
        _HOST,
        "The host's key is not known",
        "the host key of",
        of_kind(HostKeyUnknown),
        "{own}. Ask the administrator of {host} for the fingerprint (`ssh-keygen -lf` on the host shows it).",
    ),
    Advice(
        "key-permissions",
        _LOGIN,
        "A key file may be read by others",
        "{login} was not let in",
        login(outcome("may be read by others")),
        "{own}. Until then the key is not used.",
    ),
    Advice(
        "too-many-keys",
        _LOGIN,
        "Too many keys before the right one",
        "{login} was not let in",
        login(too_many),
        "A server counts each key it does not take as a failure and ends the connection after some "
        "(MaxAuthTries), here after {failures}. Name the one right key: `IdentityFile ~/.ssh/THE_KEY` and "
        "`IdentitiesOnly yes` in a `Host {host}` block of ~/.ssh/config, or -i with -o IdentitiesOnly=yes.",
    ),
    Advice(
        "more-needed",
        _LOGIN,
        "One proof was taken, another is needed",
        "{login} was not let in",
        login(outcome("accepted, more is needed")),
        "The server took one proof and wants another: {methods}. Log in where you can be asked for it (no "
        "BatchMode), and let PreferredAuthentications name both.",
    ),
    Advice(
        "signature-algorithm",
        _LOGIN,
        "The server takes no signature of this kind of key",
        "{login} was not let in",
        login(outcome("takes no signature")),
        "Make a key of a kind that it takes, `%ssh_keygen -t ed25519`; or for an old server and an RSA key allow "
        "SHA-1: `PubkeyAcceptedAlgorithms +ssh-rsa` or `Legacy yes` in a `Host {host}` block of ~/.ssh/config.",
    ),
    Advice(
        "nobody-asked",
        _LOGIN,
        "A password or passphrase is needed, and nobody can be asked",
        "{login} was not let in",
        login(nobody_asked),
        "What can be done without a question: add the key to an agent (`%ssh_add`), use one without a passphrase, "
        "or connect where questions can be answered, without BatchMode.",
    ),
    Advice(
        "own-keys",
        _LOGIN,
        "A key cannot be used for a reason on this side",
        "{login} was not let in",
        lambda failure: isinstance(failure.error, AuthenticationError) and bool(failure.error.next_step),
        "{own}.",
    ),
    Advice(
        "key-refused",
        _LOGIN,
        "The key is refused",
        "{login} was not let in",
        login(outcome("refused", method="publickey")),
        "Check the user name ({user}) and that the public key stands in ~{user}/.ssh/authorized_keys on {host}. "
        "If it does, it is likely the permissions there: the home folder, .ssh and the file may be writable by "
        "their owner only (chmod go-w ~ ~/.ssh ~/.ssh/authorized_keys). The server's log says which.",
    ),
    Advice(
        "password-refused",
        _LOGIN,
        "The password is refused",
        "{login} was not let in",
        login(outcome("refused", method="password")),
        "Check the user name ({user}) and the password. Many servers say no to every password of an account that "
        "may not log in this way: root (PermitRootLogin), or one outside of AllowUsers.",
    ),
    Advice(
        "answers-refused",
        _LOGIN,
        "The answers are refused",
        "{login} was not let in",
        login(outcome("refused", method="keyboard-interactive")),
        "Check the user name ({user}) and the answers; a one-time code may be used up, or the clocks differ.",
    ),
    Advice(
        "no-method",
        _LOGIN,
        "No way to log in is left",
        "{login} was not let in",
        login(nothing_left),
        "The server takes {methods}, and there was nothing to try of it: name a key with -i (IdentityFile) that "
        "it knows, or see that PreferredAuthentications, PubkeyAuthentication and PasswordAuthentication do not "
        "exclude what it takes.",
    ),
    Advice(
        "login-timeout",
        _LOGIN,
        "The server does not answer to the login",
        "no answer within",
        lambda failure: deadline_in("authentication")(failure) or deadline_in("starting authentication")(failure),
        "The server thinks about the login for too long: it looks up your address (UseDNS) or asks a directory "
        "that does not answer. Give it longer, ConnectTimeout={limit}, and tell its administrator.",
    ),
    Advice(
        "closed-at-login",
        _LOGIN,
        "The server ends the connection at the login",
        "",
        closed_in(BEFORE_LOGIN),
        "The server ended the connection instead of answering; what it said last is above, its log has more. The "
        "account may be locked, or it took too long (LoginGraceTime).",
    ),
    Advice(
        "channel-timeout",
        _AFTER,
        "The server does not start the session",
        "no answer within",
        deadline_in("starting a process"),
        "You are logged in, and the server does not start the session: its home folder may be on a file server "
        "that does not answer, or the machine out of memory. `%ssh_close {host}` and a new connection helps where "
        "one was stuck.",
    ),
    Advice(
        "stream-forbidden",
        _AFTER,
        "The server may not connect you further",
        "the server refused a direct-tcpip channel",
        stream_refused(SSH_OPEN_ADMINISTRATIVELY_PROHIBITED),
        "You are logged in; the server forbids forwarding for this account or to this place: AllowTcpForwarding, "
        "PermitOpen or `restrict` in authorized_keys there.",
    ),
    Advice(
        "stream-refused",
        _AFTER,
        "The server does not get to the other place",
        "the server refused a direct-tcpip channel",
        stream_refused(SSH_OPEN_CONNECT_FAILED),
        "You are logged in on {host}, which looks up and connects to the other place from where it is; what it says "
        "of that is above. Check name and port; try there: nc -vz NAME PORT.",
    ),
    Advice(
        "channel-refused",
        _AFTER,
        "The server refuses another session",
        "the server refused a",
        of_kind(ChannelOpenError),
        "You are logged in, and the server opens no (further) channel: the account may be for other things (git, "
        "sftp, jumping), or the connection has as many sessions as it may (MaxSessions); end some of them.",
    ),
    Advice(
        "request-refused",
        _AFTER,
        "The server refuses what was asked of the session",
        "",
        of_kind(ChannelRequestDenied),
        "The account or the key may be limited to other things there: ForceCommand, PermitTTY, or `restrict` in "
        "authorized_keys.",
    ),
    Advice(
        "silent",
        _AFTER,
        "The connection went silent",
        "the peer does not answer any more",
        lambda failure: isinstance(failure.error, ConnectionLost) and failure.error.phase == "keepalive",
        "The link is dead, or a router forgot it for being idle: then a smaller ServerAliveInterval keeps it "
        "open. Connect again; `%ssh --reconnect {host}` does so by itself on the next use.",
    ),
    Advice(
        "slept",
        _AFTER,
        "The connection did not outlive this machine's sleep",
        "the connection did not outlive the sleep of this machine",
        lambda failure: isinstance(failure.error, ConnectionLost) and failure.error.phase == "waking up",
        "Connect again; `%ssh --reconnect {host}` does so by itself on the next use. What must go on without you "
        "belongs into tmux or screen on the host.",
    ),
    Advice(
        "lost",
        _AFTER,
        "The connection was lost",
        "",
        closed_in(frozenset({Phase.OPEN})),
        "The server went down or the network was cut. Connect again; `%ssh --reconnect {host}` does so by itself "
        "on the next use.",
    ),
)
