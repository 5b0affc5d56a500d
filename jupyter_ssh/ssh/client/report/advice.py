"""What a person can do about each way a connection can fail: one table, the first matching row wins.

Lower layers say what happened; this layer also knows for which host, how far the connection got and what the server
said last.  docs/does-not-connect.md is generated from the table, and a test provokes a real failure for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jupyter_ssh.ssh.client.report.advice_on_the_way import ON_THE_WAY
from jupyter_ssh.ssh.client.report.failures import (
    Advice,
    Failure,
    closed_in,
    deadline_in,
    login,
    nobody_asked,
    nothing_common,
    nothing_left,
    of_kind,
    outcome,
    stream_refused,
    too_many,
    too_many_with_keys,
)
from jupyter_ssh.ssh.errors import (
    AuthenticationError,
    ChannelOpenError,
    ChannelRequestDenied,
    ConnectionLost,
    DisconnectedByPeer,
    HostCertificateError,
    HostKeyChanged,
    HostKeyRevoked,
    HostKeyUnknown,
    KeyExchangeError,
    NegotiationError,
    ProtocolError,
)
from jupyter_ssh.ssh.protocol.roles import Phase
from jupyter_ssh.ssh.wire.numbers import SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, SSH_OPEN_CONNECT_FAILED


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
        error.next_step = row.said(failure.values())
    return row


BEFORE_LOGIN: Final = frozenset({Phase.SERVICE, Phase.AUTH})
_EXCHANGE: Final = frozenset(Phase) - BEFORE_LOGIN - {Phase.VERSION, Phase.OPEN, Phase.CLOSED}
_KEYS, _HOST = "Algorithms", "The host's key"
_LOGIN, _AFTER = "Logging in", "After the login"
_ALLOW = (
    "{own}. For {host} alone: `-o {option}` once, or `{keyword}` in a `Host {host}` block in ~/.ssh/config for good"
)

# --- the table --------------------------------------------------------------------------------------------------------

TABLE: Final[Sequence[Advice]] = (
    *ON_THE_WAY,
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
        "The server, or a firewall in front of it, ended the connection during the key exchange; the server's log may "
        "say why. Old devices fail on long lists of algorithms: configure few for {host}, such as "
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
        login(too_many_with_keys),
        "A server counts each key it refuses as a failure and ends the connection after some of them (MaxAuthTries), "
        "here after {failures}. Name the right key: `IdentityFile ~/.ssh/THE_KEY` and `IdentitiesOnly yes` in a "
        "`Host {host}` block in ~/.ssh/config, or -i with -o IdentitiesOnly=yes.",
    ),
    Advice(
        "too-many-answers",
        _LOGIN,
        "Too many wrong passwords or answers",
        "authentication failed for {login}",
        login(too_many),
        "A server counts each refused password or answer as a failure and ends the connection after some of them "
        "(MaxAuthTries), here after {failures}. Check the user name ({user}) and what was answered; some servers "
        "refuse an address for a while after such failures.",
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
        login(outcome("accepts no signature by a ssh-rsa", "accepts no signature by a ssh-dss")),
        "Generate a key of a type it accepts, `{keygen} -t ed25519`. For an old server and an RSA key, allow SHA-1 "
        "instead: `PubkeyAcceptedAlgorithms +ssh-rsa` or `Legacy yes` in a `Host {host}` block in ~/.ssh/config.",
    ),
    Advice(
        "key-type",
        _LOGIN,
        "The server does not know this type of key",
        "authentication failed for {login}",
        login(outcome("accepts no signature")),
        "Use a key of a type that the server accepts: with -v its list is shown as server-sig-algs. Old servers, and "
        "those that follow the rules of an authority, often accept only ECDSA or RSA: `{keygen} -t ecdsa`.",
    ),
    Advice(
        "key-type-excluded",
        _LOGIN,
        "Your own settings exclude this type of key",
        "authentication failed for {login}",
        login(outcome("PubkeyAcceptedAlgorithms allows no")),
        "It is PubkeyAcceptedAlgorithms on this side that excludes the key: add its type in a `Host {host}` block in "
        "~/.ssh/config (`PubkeyAcceptedAlgorithms +ssh-dss` for an old DSA key, or `Legacy yes`), or use another key.",
    ),
    Advice(
        "nobody-asked",
        _LOGIN,
        "A password or passphrase is required, but nobody can be asked",
        "authentication failed for {login}",
        login(nobody_asked),
        "{unasked}{asked}.",
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
        "owner only (chmod go-w ~ ~/.ssh ~/.ssh/authorized_keys). For a certificate, the server must trust its "
        "authority (TrustedUserCAKeys), and {user} must be one of its principals. The server's log says which.",
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
        "The server ended the connection instead of answering; its log may say why. The account may be locked, or the "
        "login took too long (LoginGraceTime).",
    ),
    Advice(
        "channel-timeout",
        _AFTER,
        "The server does not start the session",
        "no answer within",
        deadline_in("starting a process"),
        "You are logged in, but the server does not start the session: your home folder may be on a file server that "
        "does not answer, or the machine may be out of memory. If only this connection is stuck, {fresh} helps.",
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
        "You are logged in on {host}, and it is {host} that resolves the name and connects. Check name and port, and "
        "try it there: nc -vz NAME PORT.",
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
        "Connect again{reconnect}.",
    ),
    Advice(
        "slept",
        _AFTER,
        "The connection did not survive this machine's sleep",
        "the connection did not survive this machine's sleep",
        lambda failure: isinstance(failure.error, ConnectionLost) and failure.error.phase == "waking up",
        "Connect again{reconnect}. Run what must go on without you in tmux or screen on the host.",
    ),
    Advice(
        "ended",
        _AFTER,
        "The server ended the connection",
        "",
        lambda failure: isinstance(failure.error, DisconnectedByPeer) and closed_in(frozenset({Phase.OPEN}))(failure),
        "The server ended the connection on purpose: you may have been idle for too long there, an administrator may "
        "have ended the session, or the server is being restarted. Connect again{reconnect}.",
    ),
    Advice(
        "lost",
        _AFTER,
        "The connection was lost",
        "",
        closed_in(frozenset({Phase.OPEN})),
        "The server went down or the network failed. Connect again{reconnect}.",
    ),
)
