"""Text of a server in questions: each line says whose it is, so that a server cannot imitate our own questions."""

from __future__ import annotations

from jupyter_ssh.ssh.text import printable


def prefixed(text: str, by: str) -> str:
    """Return a server's ``text``, printable, with ``(user@host)`` before each line that is not blank.

    Our own questions, such as for a passphrase, never have this prefix.
    """
    return "\n".join(f"({by}) {line}" if line.strip() else line for line in printable(text).split("\n"))


def prefixed_question(prompt: str, by: str) -> str:
    """Return a server's question, with the prefix even if it is blank."""
    return prefixed(prompt, by) if prompt.strip() else f"({by}) "
