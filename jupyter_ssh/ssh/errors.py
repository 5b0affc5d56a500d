"""Every error this package raises on purpose.

An error is data first: what was being done (``phase``), what was ``expected``, what was ``received`` and what the
person can do about it (``next_step``).  `SSHError.__str__` is the one place that turns those fields into prose.
No field may ever hold a secret: errors end up in notebooks and logs.
"""

from __future__ import annotations

from collections.abc import Sequence


class SSHError(Exception):
    """Base of all errors of the stack.

    Parameters are text for people: ``phase`` such as "key exchange", ``expected`` and ``received`` as noun phrases,
    ``next_step`` as a sentence.
    """

    via: str | None = None
    """The jump host or proxy that failed, where it was not the destination itself."""
    advice: str | None = None
    """The row of `client.advice` that gave ``next_step``."""
    packets: Sequence[str] = ()
    """The last packets of the connection by direction, message and size, for reports; never what was in them."""
    messages: Sequence[str] = ()
    """What else the person should be told: warnings from before the connection failed."""

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
    """Bytes that are not what RFC 4251 §5 says they are."""


class ConfigError(SSHError):
    """An option or a configuration file says something that cannot be."""


# --- keys and trust ---------------------------------------------------------------------------------------------------


class KeyFormatError(SSHError):
    """A public or private key is malformed, out of range or weaker than allowed."""


class SignatureError(SSHError):
    """A signature does not verify, or is of an algorithm that was not asked for."""


class CertificateError(SSHError):
    """A certificate is sound in itself, or nearly, but does not vouch for what it is shown for."""


class CertificateSignatureError(CertificateError, KeyFormatError):
    """A certificate is not signed by the authority it names, or in a way that is not taken."""


class CertificateSignedByCertificate(CertificateSignatureError):
    """A certificate names another certificate as its authority; there are no chains (PROTOCOL.certkeys)."""


class CertificateAuthorityUnknown(CertificateError):
    """A certificate is of an authority that is not trusted here."""


class CertificateTypeError(CertificateError):
    """A certificate for users is shown for a host, or the other way round."""


class CertificateNotYetValid(CertificateError):
    """A certificate's time has not come."""


class CertificateExpired(CertificateError):
    """A certificate's time is over."""


class CertificatePrincipalError(CertificateError):
    """A certificate is for other principals: other user or host names."""


class CertificateOptionError(CertificateError):
    """A certificate has a critical option that is not known, or makes no sense."""


class CertificateAddressError(CertificateError):
    """A certificate may not be used from the address it is shown from."""


class KeyFileError(SSHError):
    """A key file cannot be read, is not a key, or may be read by others."""


class PassphraseNeeded(KeyFileError):
    """The key file is encrypted and no passphrase was given."""


class WrongPassphrase(KeyFileError):
    """The passphrase does not open the key file."""


class AgentError(SSHError):
    """An agent answered nonsense, or could not be asked."""


class AgentUnavailable(AgentError):
    """There is no agent, or it is gone."""


class AgentRefused(AgentError):
    """The agent said no: it is locked, does not have the key, may not use it so, or its owner declined."""


class KnownHostsError(SSHError):
    """A known_hosts file cannot be read or written."""


class KeygenError(SSHError):
    """What keygen was asked for cannot be done, or was answered with no."""

    status: int = 255
    """The exit status that ssh-keygen has for it."""
    silent: bool = False
    """Whether the command says no more about it: it is a plain "no", or the reason has been told."""

    @classmethod
    def ended(cls, message: str, status: int = 1, *, next_step: str | None = None) -> KeygenError:
        """An end with ``status`` about which ssh-keygen itself says nothing (more)."""
        error = cls(message, next_step=next_step)
        error.status, error.silent = status, True
        return error


class HostKeyError(SSHError):
    """The server's host key was not accepted; nothing secret was sent."""

    fingerprint: str | None = None


class HostKeyUnknown(HostKeyError):
    """The host key is in no known_hosts file, and nobody accepted it."""


class HostKeyChanged(HostKeyError):
    """The host key contradicts a known_hosts entry.

    ``known`` are (type, fingerprint, ``file:line``) of the old keys, ``possibilities`` and ``facts`` sentences, the
    commands what a person may type.
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
        """What the report says behind its first lines: headings, each with its lines."""
        paragraphs = (
            ("What may have happened:", self.possibilities),
            ("What else is known:", self.facts),
            ("To see the fingerprint on the host:", [self.check_command] if self.check_command else []),
            ("To forget the old key, once the new one is known to be right, one of these:", self.remove_commands),
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
    """The host's certificate does not vouch for it, and its key is not known by itself; ``problem`` says why."""

    problem: CertificateError | None = None


# --- the protocol -----------------------------------------------------------------------------------------------------


class ProtocolError(SSHError):
    """The peer broke the protocol; ``reason`` is the disconnect code we send (RFC 4253 §11.1)."""

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
    """A message the GATE table does not allow in this phase for this role."""


class WindowError(ProtocolError):
    """The peer sent more than its channel window, or overflowed it (RFC 4254 §5.2)."""


class NegotiationError(ProtocolError):
    """No algorithm in common (RFC 4253 §7.1)."""

    reason = 3  # SSH_DISCONNECT_KEY_EXCHANGE_FAILED

    option: str = ""
    """What allows an algorithm of the peer's, such as "Ciphers=+3des-cbc"; empty where we know none of them."""

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
    """No connection to the host could be opened; ``attempts`` lists each address with its outcome, ``errno`` is the
    system's number for the last of them."""

    attempts: Sequence[tuple[str, str]] = ()
    errno: int | None = None


class NameNotFound(ConnectError):
    """The host's name does not resolve."""


class ProxyError(ConnectError):
    """A proxy, a ProxyCommand or a jump host gave no connection.

    ``reason`` is "refused" (it did not reach the host), "forbidden" (it may not), "login", "address", "nonsense" or
    "command" (the ProxyCommand ended).
    """

    reason: str = ""


class ConnectionLost(SSHError):
    """The connection ended without a goodbye: reset, closed, or silent for too long."""


class DisconnectedByPeer(SSHError):
    """The peer said SSH_MSG_DISCONNECT; ``reason`` is its code (RFC 4253 §11.1)."""

    reason: int = 0


class ConnectionClosed(SSHError):
    """The connection was closed on this side before the operation was over."""


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
        """The error for a wait in ``phase`` that lasted ``seconds``."""
        error = cls(f"no answer within {seconds:g} s", phase=phase, next_step=next_step)
        error.seconds = seconds
        return error


class AuthenticationError(SSHError):
    """The server let nobody in; ``attempts`` lists (method, offer, outcome), ``methods`` what is left to try.

    ``too_many`` is how many refusals were too many for the server, where it ended the connection over them.
    """

    attempts: Sequence[tuple[str, str, str]] = ()
    methods: Sequence[str] = ()
    too_many: int = 0


class PromptUnavailable(SSHError):
    """A question had to be asked and nobody can answer here."""


# --- channels ---------------------------------------------------------------------------------------------------------


class ChannelError(SSHError):
    """Something about one channel; the connection goes on."""


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
        stdout: bytes = b"",
        stderr: bytes = b"",
    ) -> None:
        ending = f"exit status {exit_status}" if exit_signal is None else f"signal {exit_signal}"
        if exit_status is None and exit_signal is None:
            ending = "no exit status"
        super().__init__(f"remote command ended with {ending}: {command or 'shell'}")
        self.command = command
        self.exit_status = exit_status
        self.exit_signal = exit_signal
        self.stdout = stdout
        self.stderr = stderr


class TerminalNeeded(SSHError):
    """A program draws on the whole screen of a terminal, and its output goes where there is none."""


class MemoryBudgetExceeded(ChannelError):
    """More unread data is waiting than the connection's memory budget allows."""
