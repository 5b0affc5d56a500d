"""Sequences of authentication methods: how far a client has got in each of the allowed ones."""

from __future__ import annotations

from collections.abc import Sequence


class MethodProgress:
    """The remaining sequences, without the methods already completed (sshd_config(5), AuthenticationMethods)."""

    def __init__(self, sequences: Sequence[Sequence[str]]) -> None:
        self._sequences = tuple(map(tuple, sequences))
        self._remaining = self._sequences

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that can continue (RFC 4252 §5.1)."""
        return tuple(dict.fromkeys(sequence[0] for sequence in self._remaining))

    def done(self, method: str) -> bool:
        """Record that a method was completed; return whether that completes a sequence."""
        self._remaining = tuple(sequence[1:] for sequence in self._remaining if sequence[0] == method)
        return () in self._remaining

    def restart(self) -> None:
        """Forget the completed methods, which were for another user (RFC 4252 §5)."""
        self._remaining = self._sequences
