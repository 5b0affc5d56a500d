"""Lists of algorithms in ssh_config: which names are allowed, and which algorithms a list resolves to.

The tables of `crypto` and `keys` are imported only when a list is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jupyter_ssh.ssh.config.values import Kind


def _ciphers() -> Mapping[str, Any]:
    from jupyter_ssh.ssh.crypto.ciphers import CIPHERS

    return CIPHERS


def _macs() -> Mapping[str, Any]:
    from jupyter_ssh.ssh.crypto.macs import MACS

    return MACS


def _exchanges() -> Mapping[str, Any]:
    from jupyter_ssh.ssh.crypto.exchange import EXCHANGES

    return EXCHANGES


def _signatures() -> Mapping[str, Any]:
    from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS

    return SIGNATURE_ALGORITHMS


def _with_certificates() -> Mapping[str, Any]:
    from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS

    return ALL_ALGORITHMS


def _list_of(table: Callable[[], Mapping[str, Any]], complaint: str) -> Kind:
    def read(arguments: Sequence[str]) -> str:
        text = arguments[0]
        if text.startswith("-"):
            return text  # removed names need not exist
        unknown = [name for name in _names(text) if not _exists(name, table())]
        if unknown:
            raise ValueError(f"{complaint} '{text}': {unknown[0]} is unknown")
        if not _names(text):
            raise ValueError(f"{complaint} '{text}': it is empty")
        return text

    def write(value: object) -> list[str]:
        from jupyter_ssh.ssh.crypto.selection import names, pick
        from jupyter_ssh.ssh.errors import ConfigError

        text = value if isinstance(value, str) else None
        if text and not set(text) & set("*?") and text[0] not in "+-^":
            return [",".join(_names(text))]
        try:
            return [",".join(pick(table(), text, names(table())))]
        except ConfigError:
            return [""]

    return Kind("comma-separated list", read, write)


def _names(text: str) -> list[str]:
    return [name for name in text.lstrip("+-^").split(",") if name]


def _exists(name: str, table: Mapping[str, Any]) -> bool:
    from jupyter_ssh.ssh.crypto.known_elsewhere import is_known_elsewhere

    if name in table or is_known_elsewhere(name):
        return True
    from jupyter_ssh.ssh.config import patterns

    return ("*" in name or "?" in name) and any(patterns.matches(known, name) for known in table)


CIPHER_LIST = _list_of(_ciphers, "Bad SSH2 cipher spec")
MAC_LIST = _list_of(_macs, "Bad SSH2 MAC spec")
EXCHANGE_LIST = _list_of(_exchanges, "Bad SSH2 KexAlgorithms")
SIGNATURE_LIST = _list_of(_signatures, "Bad key types")
KEY_LIST = _list_of(_with_certificates, "Bad key types")
