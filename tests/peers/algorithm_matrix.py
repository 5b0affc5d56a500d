"""Which algorithms to try with a peer: all that it offers, asked from the peer itself, each in some connection."""

from __future__ import annotations

import itertools
import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.wire.messages import KexInit

ASK_SECONDS = 10.0

NOT_OURS = (
    "kex-strict-*",  # markers
    "ext-info-*",
    "kexguess2@matt.ucc.asn.au",
    "gss-*",  # Kerberos
    "rsa1024-sha1",  # RFC 4432
    "rsa2048-sha256",
    "*@ssh.com",  # Tectia's own names, mostly for what has another one
    "ecdh-sha2-1.3.132.0.10",  # secp256k1
)
"""What peers offer and we have no row for, as patterns."""


def offered(host: str, port: int) -> KexInit:
    """What the server there offers, as it says at the beginning of every connection."""
    with socket.create_connection((host, port), timeout=ASK_SECONDS) as connection:
        connection.sendall(b"SSH-2.0-Asking\r\n")
        return read_kexinit(connection)


def read_kexinit(connection: socket.socket) -> KexInit:
    """The peer's, which stands behind its identification string."""
    with connection.makefile("rb") as stream:
        assert stream.readline().startswith(b"SSH-2.0-")
        body = stream.read(int.from_bytes(stream.read(4), "big"))
    return KexInit.decode(body, 2, len(body) - body[0])


@dataclass(frozen=True)
class Combination:
    """One algorithm of each kind; ``mac`` is None for a cipher that authenticates by itself."""

    kex: str
    cipher: str
    mac: str | None
    compression: str

    def record(self, peer: str, role: str) -> None:
        """See `record`."""
        record(peer, role, kex=self.kex, cipher=self.cipher, mac=self.mac, compression=self.compression)

    def options(self) -> dict[str, Any]:
        """For `connect`; which compression is taken depends on what else the server offers."""
        chosen: dict[str, Any] = {"kex_algorithms": [self.kex], "ciphers": [self.cipher]}
        if self.mac is not None:
            chosen["macs"] = [self.mac]
        return {**chosen, "compression": self.compression != "none", "legacy": self.compression == "zlib"}


def record(peer: str, role: str, **names: str | None) -> None:
    """Says that algorithms (by kind) were in use with ``peer``, for docs/algorithms.md; ``role`` is ours."""
    path = os.environ.get("JUPYTER_SSH_MATRIX")
    if not path:
        return
    lines = [
        json.dumps({"kind": kind, "name": name, "peer": peer, "role": role}) for kind, name in names.items() if name
    ]
    with open(path, "a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def _known(names: Iterable[str], table: Mapping[str, Any]) -> list[str]:
    names = list(names)
    strangers = [name for name in names if name not in table]
    assert all(any(fnmatchcase(name, pattern) for pattern in NOT_OURS) for name in strangers), strangers
    return [name for name in names if name in table]


def combinations(offer: KexInit) -> list[Combination]:
    """As few as will do for each algorithm of the offer to be in one of them."""
    ciphers = _known(offer.encryption_client_to_server, CIPHERS)
    integrated = [name for name in ciphers if CIPHERS[name].integrated_mac]
    others = [name for name in ciphers if not CIPHERS[name].integrated_mac]
    macs = _known(offer.mac_client_to_server, MACS)
    count = max(len(others), len(macs)) if others else 0
    pairs: list[tuple[str, str | None]] = [(name, None) for name in integrated]
    pairs += [(others[index % len(others)], macs[index % len(macs)]) for index in range(count)]
    exchanges = _known(offer.kex_algorithms, EXCHANGES)
    compressions = _known(offer.compression_client_to_server, COMPRESSIONS)
    longest = max(len(pairs), len(exchanges))
    columns = zip(itertools.cycle(exchanges), itertools.cycle(pairs), itertools.cycle(compressions))
    return [
        Combination(kex, cipher, mac, compression)
        for kex, (cipher, mac), compression in itertools.islice(columns, longest)
    ]
