"""Derive a session's settings from resolved options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jupyter_ssh.ssh.client.keywords_acted_on import version_line
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import names, pick
from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS, CERTIFICATE_ALGORITHMS, PLAIN_TYPE
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from jupyter_ssh.ssh.protocol.settings import DEFAULT_REKEY_SECONDS, Algorithms, KeepAlive, Settings

OLD_RSA_SIZE: Final = 1024
"""Bits of RSA keys on devices whose algorithms are legacy too."""


def session_settings(options: Options, known_key_types: Sequence[str], has_authority: bool = False) -> Settings:
    """Return the settings of a client's session.

    ``known_key_types`` are those that known_hosts has for the host, and ``has_authority`` tells whether it names an
    authority whose certificates the host may present.  Raises `ConfigError` for an algorithm that does not exist.
    """
    limit = options.rekey_limit
    return Settings(
        algorithms=_algorithms(options, known_key_types, has_authority),
        rekey_bytes=limit.size,
        rekey_seconds=limit.seconds or DEFAULT_REKEY_SECONDS,
        required_rsa_size=required_rsa_size(options),
        keepalive=KeepAlive(options.server_alive_interval, options.server_alive_count_max),
        version=version_line(options),
        window_probe=options.window_probe,
    )


def signature_algorithms(options: Options) -> tuple[str, ...]:
    """Return the signature algorithms for logging in: PubkeyAcceptedAlgorithms."""
    default = names(ALL_ALGORITHMS, options.legacy)
    return pick(ALL_ALGORITHMS, options.pubkey_accepted_algorithms, default, "public key algorithm")


def required_rsa_size(options: Options) -> int | None:
    """Return the minimum size of RSA keys in bits: RequiredRSASize, 1024 with Legacy, or None for our own limit."""
    if options.given("required_rsa_size"):
        return options.required_rsa_size
    return OLD_RSA_SIZE if options.legacy else None


def ca_signature_algorithms(options: Options) -> tuple[str, ...]:
    """Return the algorithms with which an authority may sign host certificates: CASignatureAlgorithms."""
    default = names(SIGNATURE_ALGORITHMS)
    return pick(SIGNATURE_ALGORITHMS, options.ca_signature_algorithms, default, "CA signature algorithm")


def _algorithms(options: Options, known_key_types: Sequence[str], has_authority: bool) -> Algorithms:
    legacy = options.legacy
    host_key = pick(ALL_ALGORITHMS, options.host_key_algorithms, names(ALL_ALGORITHMS, legacy), "host key algorithm")
    if (options.host_key_algorithms or "+")[0] in "+-^":
        # As OpenSSH: types known for the host come first, so that it presents its known key; certificates only if there
        # is an authority to judge them by.
        def is_unknown(name: str) -> bool:
            key_type = ALL_ALGORITHMS[name].key_type
            known = PLAIN_TYPE.get(key_type, key_type) in known_key_types
            return not known and not (has_authority and name in CERTIFICATE_ALGORITHMS)

        host_key = tuple(sorted(host_key, key=is_unknown))
    return Algorithms(
        kex=pick(EXCHANGES, options.kex_algorithms, names(EXCHANGES, legacy), "key exchange method"),
        host_key=host_key,
        ciphers=pick(CIPHERS, options.ciphers, names(CIPHERS, legacy), "cipher"),
        macs=pick(MACS, options.macs, names(MACS, legacy), "MAC"),
        compression=_compression(options),
    )


def _compression(options: Options) -> tuple[str, ...]:
    """Return the compression methods: as in OpenSSH the one not asked for comes last, for servers that insist on it."""
    compressing = tuple(name for name in names(COMPRESSIONS, options.legacy) if name != "none")
    return (*compressing, "none") if options.compression else ("none", *compressing)
