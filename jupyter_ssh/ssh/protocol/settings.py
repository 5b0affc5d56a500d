"""The settings of a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jupyter_ssh.ssh.crypto.selection import names
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS

if TYPE_CHECKING:
    from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import Group

SOFTWARE_VERSION: Final = "SSH-2.0-jupyter_ssh_0.1"

DEFAULT_REKEY_SECONDS: Final = 3600.0
"""An hour, as RFC 4253 §9 recommends."""


@dataclass(frozen=True, slots=True)
class Algorithms:
    """Names of the algorithms this side offers, best first."""

    kex: Sequence[str]
    host_key: Sequence[str]
    ciphers: Sequence[str]
    macs: Sequence[str]
    compression: Sequence[str] = ("none",)


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Probe the peer after ``interval`` silent seconds; give up after ``count`` unanswered probes.

    0 seconds means never to probe, and None to probe without giving up.  OpenSSH: ServerAliveInterval and
    ServerAliveCountMax, ClientAliveInterval and ClientAliveCountMax.
    """

    interval: float = 0.0
    count: int | None = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one session; ``host_keys`` are for servers only."""

    algorithms: Algorithms
    host_keys: Sequence[PrivateKey] = ()
    version: str = SOFTWARE_VERSION
    rekey_bytes: int | None = None
    """Renew the keys after this many bytes in one direction; None: the cipher's limit."""
    rekey_seconds: float = DEFAULT_REKEY_SECONDS
    keepalive: KeepAlive = field(default_factory=KeepAlive)
    max_channels: int = 1000
    max_window: int = 64 * 1024 * 1024
    window_probe: bool = True
    """Whether to send messages that mark round trips, to peers that are known to answer them: see `probes`."""
    banner: str = ""
    """Shown by the server to the client before authentication (RFC 4252 §5.4)."""
    signature_algorithms: Sequence[str] = names(SIGNATURE_ALGORITHMS)
    """The signature algorithms a server accepts from keys, announced to clients (RFC 8308 §3.1)."""
    required_rsa_size: int | None = None
    """The minimum size in bits of an RSA key of a peer or certificate authority; None: 2048."""
    groups: Callable[[], Sequence[Group]] | None = None
    """Returns the groups a server may name in a group exchange (RFC 4419), besides those of RFC 3526."""
    random: Callable[[int], bytes] = os.urandom
