"""Several methods in sequence: how far a client is on each of the allowed ways to log in."""

from __future__ import annotations

from collections.abc import Sequence


class MethodProgress:
    """The ways that are still open, each shortened by the methods done (sshd_config(5), AuthenticationMethods)."""

    def __init__(self, sequences: Sequence[Sequence[str]]) -> None:
        self._sequences = tuple(map(tuple, sequences))
        self._remaining = self._sequences

    @property
    def methods(self) -> tuple[str, ...]:
        """What may come next (RFC 4252 §5.1, "authentications that can continue")."""
        return tuple(dict.fromkeys(sequence[0] for sequence in self._remaining))

    def done(self, method: str) -> bool:
        """Return a method was gone through; true when with it a whole way was."""
        self._remaining = tuple(sequence[1:] for sequence in self._remaining if sequence[0] == method)
        return () in self._remaining

    def restart(self) -> None:
        """Forget what was done: it was another user's (RFC 4252 §5)."""
        self._remaining = self._sequences
