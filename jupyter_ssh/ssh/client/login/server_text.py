"""Text of a server in questions: each line says whose it is, so that a server cannot imitate our own questions."""

from __future__ import annotations

from jupyter_ssh.ssh.text import printable


def led(text: str, by: str) -> str:
    """Return a server's ``text``, printable, each line that is not blank led by ``(user@host)``.

    What we ask ourselves, such as for a passphrase, is never led like this.
    """
    return "\n".join(f"({by}) {line}" if line.strip() else line for line in printable(text).split("\n"))


def led_question(prompt: str, by: str) -> str:
    """Return a server's question, led like any text of it even if it is blank."""
    return led(prompt, by) if prompt.strip() else f"({by}) "
