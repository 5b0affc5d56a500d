"""Choose algorithms from two KEXINIT messages (RFC 4253 §7.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import Graded
from jupyter_ssh.ssh.errors import NegotiationError
from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Algorithms
from jupyter_ssh.ssh.wire.messages import KexInit

STRICT: Final = {
    Role.CLIENT: "kex-strict-c-v00@openssh.com",
    Role.SERVER: "kex-strict-s-v00@openssh.com",
}
"""OpenSSH PROTOCOL §1.10: strict key exchange, offered in the first KEXINIT."""

EXT_INFO: Final = {Role.CLIENT: "ext-info-c", Role.SERVER: "ext-info-s"}
"""RFC 8308 §2.1."""

INTEGRATED_MAC: Final = "(in the cipher)"
"""The value of `Direction.mac` for a cipher that authenticates by itself."""


@dataclass(frozen=True, slots=True)
class Direction:
    """The algorithms of one direction."""

    cipher: str
    mac: str
    compression: str


@dataclass(frozen=True, slots=True)
class Agreed:
    """The outcome of a negotiation."""

    kex: str
    host_key: str
    client_to_server: Direction
    server_to_client: Direction
    wrong_guess: bool
    """The peer sent a key exchange packet for other algorithms right after its KEXINIT; it has to be skipped."""
    strict: bool
    peer_wants_ext_info: bool
    ours: KexInit
    theirs: KexInit

    @property
    def strength(self) -> int:
        """How many bits of secret the ciphers and MACs need, both directions considered (OpenSSH's dh_need)."""
        both = (self.client_to_server, self.server_to_client)
        return 8 * max(_needed(direction) for direction in both)


_EFFECTIVE_KEY: Final = {"3des-cbc": 14, "3des-ctr": 14}
"""Bytes of strength of the ciphers with longer keys."""


def _needed(direction: Direction) -> int:
    cipher = CIPHERS[direction.cipher]
    mac = MACS.get(direction.mac)
    key = _EFFECTIVE_KEY.get(cipher.name, cipher.key_size)
    return max(key, cipher.block_size, cipher.iv_size, mac.key_size if mac is not None else 0)


def make_kexinit(role: Role, algorithms: Algorithms, cookie: bytes, *, first: bool) -> KexInit:
    """Return our KEXINIT; only the ``first`` of a connection contains the markers that are not algorithms."""
    kex = tuple(algorithms.kex)
    if first:
        kex = (*kex, EXT_INFO[role], STRICT[role])
    ciphers, macs, compression = tuple(algorithms.ciphers), tuple(algorithms.macs), tuple(algorithms.compression)
    return KexInit(cookie, kex, tuple(algorithms.host_key), ciphers, ciphers, macs, macs, compression, compression)


def negotiate(role: Role, ours: KexInit, theirs: KexInit, *, first: bool) -> Agreed:
    """Choose what both sides support, in the client's order; raise `NegotiationError`."""
    client, server = (ours, theirs) if role is Role.CLIENT else (theirs, ours)

    def choose(kind: str, field: str) -> str:
        client_names, server_names = getattr(client, field), getattr(server, field)
        chosen = _first_common(client_names, server_names)
        if chosen is None:
            offered = getattr(theirs, field)
            next_step, option = _advice(role, kind, offered)
            error = NegotiationError(kind, _real(getattr(ours, field)), _real(offered), next_step=next_step)
            error.option = option
            raise error
        return chosen

    def direction(name: str) -> Direction:
        cipher = choose("cipher", f"encryption_{name}")
        integrated = CIPHERS[cipher].integrated_mac
        mac = INTEGRATED_MAC if integrated else choose("MAC", f"mac_{name}")
        return Direction(cipher, mac, choose("compression", f"compression_{name}"))

    kex = choose("key exchange method", "kex_algorithms")
    host_key = choose("host key algorithm", "server_host_key_algorithms")
    peer = Role.SERVER if role is Role.CLIENT else Role.CLIENT
    return Agreed(
        kex=kex,
        host_key=host_key,
        client_to_server=direction("client_to_server"),
        server_to_client=direction("server_to_client"),
        wrong_guess=theirs.first_kex_packet_follows and not _guessed_right(ours, theirs),
        strict=first and STRICT[peer] in theirs.kex_algorithms,
        peer_wants_ext_info=EXT_INFO[peer] in theirs.kex_algorithms,
        ours=ours,
        theirs=theirs,
    )


_KEYWORDS: Final[dict[str, tuple[str, Mapping[str, Graded]]]] = {
    "key exchange method": ("KexAlgorithms=+", EXCHANGES),
    "host key algorithm": ("HostKeyAlgorithms=+", ALL_ALGORITHMS),
    "cipher": ("Ciphers=+", CIPHERS),
    "MAC": ("MACs=+", MACS),
    "compression": ("Legacy=yes", COMPRESSIONS),
}

_ADVICE: Final = {
    Grade.MODERN: "Allow what the peer offers for this host, with {option}.",
    Grade.EXPERIMENTAL: "What the peer offers is experimental. If you want it, allow it for this host with {option}.",
    Grade.LEGACY: "The peer is outdated; it is best to update it. If you must connect, allow legacy algorithms for "
    "this host with Legacy=yes, or only this one with {option}.",
    Grade.BROKEN: "What the peer offers is broken; it is best to update the peer. If you must connect, allow it for "
    "this host with {option}.",
}
_ADVICE_TO_A_SERVER: Final = {
    Grade.MODERN: "To let such clients in, allow what they offer with {option}.",
    Grade.EXPERIMENTAL: "What the client offers is experimental. If you want it, allow it with {option}.",
    Grade.LEGACY: "The client is outdated; it is best to update it. To let it in, allow what it offers with {option}.",
    Grade.BROKEN: "What the client offers is broken; it is best to update it. To let it in, allow that with {option}.",
}
_INSISTS: Final = "The peer insists on {name}, a legacy method: allow it "


def _advice(role: Role, kind: str, theirs: Sequence[str]) -> tuple[str, str]:
    """Return the advice for the user, and the option that allows one of the peer's algorithms."""
    keyword, table = _KEYWORDS[kind]
    is_client = role is Role.CLIENT
    for grade, text in (_ADVICE if is_client else _ADVICE_TO_A_SERVER).items():
        for name in theirs:
            if name in table and table[name].grade is grade:
                if kind == "compression":
                    how = f"for this host with {keyword}." if is_client else "with legacy=True of `listen`."
                    return _INSISTS.format(name=name) + how, keyword
                return text.format(option=keyword + name), keyword + name
    return "None of the peer's algorithms is supported here; update the peer.", ""


def _first_common(client: Sequence[str], server: Sequence[str]) -> str | None:
    return next((name for name in _real(client) if name in server), None)


def _real(names: Sequence[str]) -> list[str]:
    """Return the names without the markers among the exchange methods."""
    markers = {*STRICT.values(), *EXT_INFO.values()}
    return [name for name in names if name not in markers]


def _guessed_right(ours: KexInit, theirs: KexInit) -> bool:
    """Return whether both sides prefer the same exchange method and host key algorithm (RFC 4253 §7)."""
    return (
        ours.kex_algorithms[:1] == theirs.kex_algorithms[:1]
        and ours.server_host_key_algorithms[:1] == theirs.server_host_key_algorithms[:1]
    )
