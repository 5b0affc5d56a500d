"""Every error that this package raises on purpose.

An error is data first: what was being done (``phase``), what was ``expected``, what was ``received`` and what the user
can do about it (``next_step``).  `SSHError.__str__` is the one place that turns those fields into prose.  No field may
ever hold a secret: errors end up in notebooks and logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SSHError(Exception):
    """Base of all errors of the stack.

    Parameters are text for people: ``phase`` such as "key exchange", ``expected`` and ``received`` as noun phrases,
    ``next_step`` as a sentence.
    """

    via: str | None = None
    """The jump host or proxy that failed, if it was not the destination itself."""
    advice: str | None = None
    """The name of the row of `client.report.advice` that ``next_step`` comes from."""
    packets: Sequence[str] = ()
    """The last packets of the connection by direction, message and size, for reports; never their contents."""
    messages: Sequence[str] = ()
    """What else the user should be told: warnings from before the connection failed."""

    def __init__(
        self,
        message: str,
        *,
        phase: str | None = None,
        expected: str | None = None,
        received: str | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.phase = phase
        self.expected = expected
        self.received = received
        self.next_step = next_step

    def __str__(self) -> str:
        text = self.message
        if self.phase:
            text = f"{self.phase}: {text}"
        comparison = [
            f"{word} {value}" for word, value in (("expected", self.expected), ("got", self.received)) if value
        ]
        if comparison:
            text = f"{text} ({', '.join(comparison)})"
        if self.next_step:
            text = f"{text}. {self.next_step}"
        return text


# --- bytes and values -------------------------------------------------------------------------------------------------


class WireError(SSHError):
    """Bytes are not a valid encoding of the expected data type (RFC 4251 §5)."""


class ConfigError(SSHError):
    """An option or a configuration file is invalid."""


# --- keys and trust ---------------------------------------------------------------------------------------------------


class KeyFormatError(SSHError):
    """A public or private key is malformed, out of range or weaker than allowed."""


class SignatureError(SSHError):
    """A signature is invalid, or made with an algorithm that was not asked for."""


class CertificateError(SSHError):
    """A certificate is not valid for the purpose it is presented for."""


class CertificateSignatureError(CertificateError, KeyFormatError):
    """A certificate's signature is invalid, or made with an algorithm that is not accepted."""


class CertificateSignedByCertificate(CertificateSignatureError):
    """A certificate names another certificate as its authority; there are no chains (PROTOCOL.certkeys)."""


class CertificateAuthorityUnknown(CertificateError):
    """A certificate was issued by an authority that is not trusted."""


class CertificateTypeError(CertificateError):
    """A user certificate is presented for a host, or the other way round."""


class CertificateNotYetValid(CertificateError):
    """A certificate is not valid yet."""


class CertificateExpired(CertificateError):
    """A certificate has expired."""


class CertificatePrincipalError(CertificateError):
    """A certificate was issued for other principals: other user or host names."""


class CertificateOptionError(CertificateError):
    """A certificate has a critical option that is unknown or malformed."""


class CertificateAddressError(CertificateError):
    """A certificate may not be used from this source address."""


class KeyFileError(SSHError):
    """A key file cannot be read, does not contain a key, or is readable by others."""


class PassphraseNeeded(KeyFileError):
    """The key file is encrypted and no passphrase was given."""


class WrongPassphrase(KeyFileError):
    """The passphrase does not decrypt the key file."""


class AgentError(SSHError):
    """An agent sent an invalid answer, or could not be asked."""


class AgentUnavailable(AgentError):
    """There is no agent, or it is gone."""


class AgentRefused(AgentError):
    """The agent refused: it is locked, lacks the key, may not use it for this, or its owner declined."""


class KnownHostsError(SSHError):
    """A known_hosts file cannot be read or written."""


class KeygenError(SSHError):
    """What keygen was asked to do failed, or the answer to a question it was asked is no."""

    status: int = 255
    """The exit status of ssh-keygen in this case."""
    silent: bool = False
    """Whether the command prints nothing (more) about it: the answer is a plain "no", or the reason was printed."""

    @classmethod
    def ended(cls, message: str, status: int = 1, *, next_step: str | None = None) -> KeygenError:
        """Return an error that ends with ``status`` and about which ssh-keygen itself prints nothing (more)."""
        error = cls(message, next_step=next_step)
        error.status, error.silent = status, True
        return error


class HostKeyError(SSHError):
    """The server's host key was not accepted; nothing secret was sent."""

    fingerprint: str | None = None


class HostKeyUnknown(HostKeyError):
    """The host key is not in any known_hosts file, and nobody accepted it."""


class HostKeyChanged(HostKeyError):
    """The host key contradicts a known_hosts entry.

    ``known`` are (type, fingerprint, ``file:line``) of the old keys; ``possibilities`` and ``facts`` are sentences; the
    commands are for the user to type.
    """

    known_fingerprints: Sequence[str] = ()
    file: str | None = None
    line: int | None = None
    host: str = ""
    key_type: str = ""
    known: Sequence[tuple[str, str, str]] = ()
    possibilities: Sequence[str] = ()
    facts: Sequence[str] = ()
    check_command: str = ""
    remove_commands: Sequence[str] = ()

    @property
    def paragraphs(self) -> Sequence[tuple[str, Sequence[str]]]:
        """What the report says after its first lines: headings, each with its lines."""
        paragraphs = (
            ("What may have happened:", self.possibilities),
            ("What else is known:", self.facts),
            ("To see the fingerprint on the host:", [self.check_command] if self.check_command else []),
            ("To forget the old key, once you know that the new one is right, run one of these:", self.remove_commands),
        )
        return [(title, lines) for title, lines in paragraphs if lines]

    def __str__(self) -> str:
        if not self.known:
            return super().__str__()
        lines = [f"{self.phase}: {self.message}" if self.phase else self.message]
        lines += [f"    known: {key_type} {fingerprint} ({place})" for key_type, fingerprint, place in self.known]
        lines += [f"    shown: {self.received}", *([self.next_step.rstrip(".") + "."] if self.next_step else [])]
        for title, body in self.paragraphs:
            lines += [title, *(f"    {line}" for line in body)]
        return "\n".join(lines)


class HostKeyRevoked(HostKeyError):
    """The host key, or the authority of its certificate, is marked ``@revoked``."""


class HostCertificateError(HostKeyError):
    """The host's certificate is not valid for it, and its key is not known by itself; ``problem`` says why."""

    problem: CertificateError | None = None


# --- the protocol -----------------------------------------------------------------------------------------------------


class ProtocolError(SSHError):
    """The peer violated the protocol; ``reason`` is the disconnect code we send (RFC 4253 §11.1)."""

    reason: int = 2  # SSH_DISCONNECT_PROTOCOL_ERROR


class VersionError(ProtocolError):
    """The identification line is missing, too long, or of another protocol (RFC 4253 §4.2)."""

    reason = 8  # SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED


class PacketError(ProtocolError):
    """A binary packet has an impossible length or padding (RFC 4253 §6)."""


class PacketIntegrityError(PacketError):
    """A packet's authentication tag is wrong (RFC 4253 §6.4)."""

    reason = 5  # SSH_DISCONNECT_MAC_ERROR


class UnexpectedMessage(ProtocolError):
    """The peer sent a message that the GATE table does not allow in this phase for this role."""


class StrayMessages(ProtocolError):
    """The peer sent too many unexpected messages, each of which would be ignored by itself."""


class WindowError(ProtocolError):
    """The peer sent more than its channel window, or overflowed it (RFC 4254 §5.2)."""


class NegotiationError(ProtocolError):
    """No algorithm in common (RFC 4253 §7.1)."""

    reason = 3  # SSH_DISCONNECT_KEY_EXCHANGE_FAILED

    option: str = ""
    """The option that allows one of the peer's algorithms, such as "Ciphers=+3des-cbc"; empty if we support none."""

    def __init__(self, kind: str, ours: Sequence[str], theirs: Sequence[str], *, next_step: str | None = None) -> None:
        super().__init__(
            f"no {kind} in common",
            phase="negotiation",
            expected=f"one of {', '.join(ours) or 'nothing'}",
            received=", ".join(theirs)[:1000] or "an empty list",
            next_step=next_step,
        )
        self.kind = kind
        self.ours = tuple(ours)
        self.theirs = tuple(theirs)


class KeyExchangeError(ProtocolError):
    """The key exchange failed: a wrong public value, a bad signature, a changed host key."""

    reason = 3


# --- the connection ---------------------------------------------------------------------------------------------------


class ConnectError(SSHError):
    """No connection to the host could be opened.

    ``attempts`` lists each address with its outcome, ``errno`` is the system's error number of the last one.
    """

    attempts: Sequence[tuple[str, str]] = ()
    errno: int | None = None


class NameNotFound(ConnectError):
    """The host's name does not resolve."""


class ProxyError(ConnectError):
    """A proxy, a ProxyCommand or a jump host provided no connection.

    ``reason`` is "refused" (it could not reach the host), "forbidden" (it is not allowed to), "login", "address",
    "nonsense" (its answer is invalid) or "command" (the ProxyCommand ended).
    """

    reason: str = ""


class ConnectionLost(SSHError):
    """The connection ended without a disconnect message: reset, closed, or silent for too long."""

    given_up: bool = False
    """Whether this side ended it because the peer was silent."""

    @classmethod
    def silent(
        cls, message: str, *, phase: str, expected: str | None = None, received: str, next_step: str
    ) -> ConnectionLost:
        """Return the error for a peer that is given up."""
        error = cls(message, phase=phase, expected=expected, received=received, next_step=next_step)
        error.given_up = True
        return error


class DisconnectedByPeer(SSHError):
    """The peer sent SSH_MSG_DISCONNECT; ``reason`` is its code (RFC 4253 §11.1)."""

    reason: int = 0


class ConnectionClosed(SSHError):
    """The connection was closed on this side before the operation was complete."""


class DeadlineExceeded(SSHError, TimeoutError):
    """A wait ended at its deadline; ``seconds`` is how long it was.

    Where a command was running, ``stdout`` and ``stderr`` are what it had printed and nobody had read.  They are in no
    message: what a command prints may be secret.
    """

    seconds: float = 0.0
    stdout: bytes = b""
    stderr: bytes = b""

    @classmethod
    def after(cls, seconds: float, phase: str, *, next_step: str | None = None) -> DeadlineExceeded:
        """Return the error for a wait in ``phase`` that lasted ``seconds``."""
        error = cls(f"no answer within {seconds:g} s", phase=phase, next_step=next_step)
        error.seconds = seconds
        return error


class AuthenticationError(SSHError):
    """The server did not let the user log in.

    ``attempts`` lists (method, offer, outcome), ``methods`` the methods that can continue.  ``too_many`` is the number
    of failures after which the server ended the connection, if that is what it did.
    """

    attempts: Sequence[tuple[str, str, str]] = ()
    methods: Sequence[str] = ()
    too_many: int = 0


class PromptUnavailable(SSHError):
    """A question had to be asked, and there is nobody to answer it."""


# --- channels ---------------------------------------------------------------------------------------------------------


class ChannelError(SSHError):
    """An error of one channel; the connection continues."""


class ChannelOpenError(ChannelError):
    """The peer refused to open a channel of that ``kind``; ``reason`` is its code (RFC 4254 §5.1)."""

    kind: str = ""
    reason: int = 0


class ChannelRequestDenied(ChannelError):
    """The peer refused a channel request such as pty-req, exec or subsystem."""


class ChannelClosed(ChannelError):
    """The channel is closed, so nothing can be sent on it."""


class RemoteCommandError(SSHError):
    """A remote command ended with a non-zero status or by a signal."""

    def __init__(
        self,
        command: str | None,
        exit_status: int | None,
        exit_signal: str | None,
        stdout: bytes | str = b"",
        stderr: bytes | str = b"",
    ) -> None:
        ending = f"exit status {exit_status}" if exit_signal is None else f"signal {exit_signal}"
        if exit_status is None and exit_signal is None:
            ending = "no exit status"
        super().__init__(f"remote command ended with {ending}: {command or 'shell'}")
        self.command = command
        self.exit_status = exit_status
        self.exit_signal = exit_signal
        self.stdout: Any = stdout
        """What it printed: bytes, or text where an ``encoding`` was asked for."""
        self.stderr: Any = stderr


class TerminalNeeded(SSHError):
    """A program needs a full-screen terminal, and its output does not go to one."""


class MemoryBudgetExceeded(ChannelError):
    """More unread data is waiting than the connection's memory budget allows."""
