"""Errors common to all key agreements."""

from __future__ import annotations

from jupyter_ssh.ssh.errors import KeyExchangeError


def check_length(what: str, value: bytes, size: int) -> None:
    """Raise `KeyExchangeError` unless the peer's ``value`` has ``size`` bytes."""
    if len(value) != size:
        raise KeyExchangeError(
            f"{what} has the wrong length",
            phase="key exchange",
            expected=f"{size} bytes",
            received=f"{len(value)}",
        )


def bad_value(what: str, expected: str) -> KeyExchangeError:
    """Return the error for a peer's value that has the right length but is invalid."""
    return KeyExchangeError(f"{what} is not acceptable", phase="key exchange", expected=expected)
