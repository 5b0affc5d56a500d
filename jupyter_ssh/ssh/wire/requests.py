"""Bodies of channel requests, channel opens and global requests: what follows their name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.wire.codec import Boolean, Record, String, Text, Uint32

END_OF_WRITE: Final = "eow@openssh.com"
"""The output of a session is no longer read (OpenSSH PROTOCOL §2.1); no body."""

NO_MORE_SESSIONS: Final = "no-more-sessions@openssh.com"
"""A global request: the client will open no more sessions (OpenSSH PROTOCOL §2.2)."""

AGENT_REQUEST: Final = "auth-agent-req@openssh.com"
"""Programs in this session may use the client's agent (OpenSSH PROTOCOL.agent); no body."""

AGENT_CHANNEL: Final = "auth-agent@openssh.com"
"""The type of the channel that the server opens for each program that uses the agent."""


@dataclass(frozen=True, slots=True)
class PtyRequest(Record):
    """pty-req, RFC 4254 §6.2; sizes in characters and pixels, ``modes`` as in `terminal_modes`."""

    term: Text
    columns: Uint32
    rows: Uint32
    width_pixels: Uint32
    height_pixels: Uint32
    modes: String


@dataclass(frozen=True, slots=True)
class WindowChange(Record):
    """window-change, RFC 4254 §6.7."""

    columns: Uint32
    rows: Uint32
    width_pixels: Uint32
    height_pixels: Uint32


@dataclass(frozen=True, slots=True)
class EnvRequest(Record):
    """env, RFC 4254 §6.4."""

    name: Text
    value: Text


@dataclass(frozen=True, slots=True)
class ExecRequest(Record):
    """exec, RFC 4254 §6.5; the command is bytes of unspecified encoding."""

    command: String


@dataclass(frozen=True, slots=True)
class SubsystemRequest(Record):
    """subsystem, RFC 4254 §6.5."""

    name: Text


@dataclass(frozen=True, slots=True)
class SignalRequest(Record):
    """signal, RFC 4254 §6.9; the name without "SIG"."""

    name: Text


@dataclass(frozen=True, slots=True)
class BreakRequest(Record):
    """break, RFC 4335 §3."""

    milliseconds: Uint32


@dataclass(frozen=True, slots=True)
class ExitStatus(Record):
    """exit-status, RFC 4254 §6.10."""

    status: Uint32


@dataclass(frozen=True, slots=True)
class ExitSignal(Record):
    """exit-signal, RFC 4254 §6.10; the name without "SIG"."""

    name: Text
    core_dumped: Boolean
    message: Text = ""
    language: Text = ""


@dataclass(frozen=True, slots=True)
class DirectTcpip(Record):
    """direct-tcpip, RFC 4254 §7.2: the destination and the originator."""

    host: Text
    port: Uint32
    originator_host: Text
    originator_port: Uint32
