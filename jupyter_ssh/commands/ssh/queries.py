"""``jupyter-ssh ssh -Q``: the names of algorithms, one per line, as ssh(1) prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jupyter_ssh.ssh.config.keywords import find_keyword
from jupyter_ssh.ssh.errors import ConfigError


def _ciphers() -> Iterable[str]:
    from jupyter_ssh.ssh.crypto.ciphers import CIPHERS

    return CIPHERS


def _ciphers_with_tag() -> Iterable[str]:
    from jupyter_ssh.ssh.crypto.ciphers import CIPHERS

    return [name for name, row in CIPHERS.items() if row.integrated_mac]


def _macs() -> Iterable[str]:
    from jupyter_ssh.ssh.crypto.macs import MACS

    return MACS


def _exchanges() -> Iterable[str]:
    from jupyter_ssh.ssh.crypto.exchange import EXCHANGES

    return EXCHANGES


def _key_types() -> Iterable[str]:
    from jupyter_ssh.ssh.keys import KEY_TYPES

    return KEY_TYPES


def _certificate_types() -> Iterable[str]:
    from jupyter_ssh.ssh.keys.certificates.certificate import CERTIFICATE_TYPES

    return CERTIFICATE_TYPES


def _key_algorithms() -> Iterable[str]:
    from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS

    return ALL_ALGORITHMS


def _signatures() -> Iterable[str]:
    from jupyter_ssh.ssh.keys import SIGNATURE_ALGORITHMS

    return SIGNATURE_ALGORITHMS


def _compressions() -> Iterable[str]:
    from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS

    return COMPRESSIONS


QUERIES: dict[str, Callable[[], Iterable[str]]] = {
    "cipher": _ciphers,
    "cipher-auth": _ciphers_with_tag,
    "compression": _compressions,
    "kex": _exchanges,
    "key": lambda: [*_key_types(), *_certificate_types()],
    "key-cert": _certificate_types,
    "key-plain": _key_types,
    "key-sig": _key_algorithms,
    "mac": _macs,
    "sig": _signatures,
    "protocol-version": lambda: ["2"],
    "help": lambda: QUERIES,
}
# Queries may also be keywords.
_BY_KEYWORD = {
    "CASignatureAlgorithms": "sig",
    "Ciphers": "cipher",
    "Compression": "compression",
    "HostbasedAcceptedAlgorithms": "key-sig",
    "HostKeyAlgorithms": "key-sig",
    "KexAlgorithms": "kex",
    "MACs": "mac",
    "PubkeyAcceptedAlgorithms": "key-sig",
}


def answer(query: str) -> list[str]:
    """Return the names for ``-Q query``.  Raises `ConfigError` for an unknown query."""
    row = find_keyword(query)
    known = QUERIES.get(_BY_KEYWORD.get(row.name, query) if row is not None else query)
    if known is None:
        raise ConfigError(f'Unsupported query "{query}"', phase="options", expected=f"one of {', '.join(QUERIES)}")
    return list(known())
