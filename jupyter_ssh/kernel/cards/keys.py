"""The card of a key: its public half, never the private one."""

from __future__ import annotations

import re
from html import escape

from jupyter_ssh.kernel.cards.card import card
from jupyter_ssh.ssh.keygen import ShownKey
from jupyter_ssh.ssh.keys import Certificate, PublicKey
from jupyter_ssh.ssh.text import printable

STYLE = """\
<style>
.jssh-card .jssh-key{display:flex;flex-wrap:wrap;align-items:flex-start;gap:.3em 1.5em}
.jssh-card pre.jssh-art{margin:.4em 0 0;padding:0;border:0;background:none;color:inherit;font-family:var(--jssh-mono);
font-size:.85em;line-height:1.15;white-space:pre}
.jssh-card pre.jssh-copy{user-select:all;-webkit-user-select:all;max-height:12em;overflow-y:auto}
</style>
"""

_PLAIN_COMMENT = re.compile(r"[\w.@:+=/, -]*", re.ASCII)
"""Comments that can be quoted in a cell and in every shell without being interpreted."""


class KeyCard:
    """The card of a public key, as ``%ssh_keygen`` shows it."""

    def __init__(self, shown: ShownKey, *, md5: bool = False, own: bool = False) -> None:
        """Make a card; ``md5`` adds the MD5 fingerprint, ``own`` a command that installs the user's key elsewhere."""
        key = shown.public
        comment = printable(shown.comment or "").replace("\n", " ").replace("\t", " ")
        self.key_type: str = key.key_type
        self.size: int = key.size
        self.comment: str = comment
        self.path: str | None = None if shown.path is None else str(shown.path)
        self.fingerprint: str = key.fingerprint
        self.fingerprint_md5: str = key.fingerprint_md5
        self.randomart: str = key.randomart
        self.public_line: str = key.line(comment)
        self._title = f"{'New ' if shown.new else ''}{key.nickname} key, {key.size} bits"
        self._encrypted = shown.encrypted
        self._md5 = md5
        self._install = _install_line(key, comment) if own and not isinstance(key, Certificate) else None

    def __repr__(self) -> str:
        facts = self._facts()
        width = max(len(name) for name, _ in facts)
        parts = [self._title, *(f"  {name:<{width}}  {value}" for name, value in facts), self.randomart]
        parts.append(self.public_line)
        if self._install is not None:
            parts += ["", f"{_INSTALL}:", self._install]
        return "\n".join(parts)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("comment", self.comment), ("fingerprint", self.fingerprint)]
        if self._md5:
            facts.append(("", self.fingerprint_md5))
        if self.path is not None:
            facts.append(("file", printable(self.path)))
        if self._encrypted is not None:
            protection = "a passphrase" if self._encrypted else "nothing: anyone who can read the file has the key"
            facts.append(("protected by", protection))
        return [(name, value) for name, value in facts if value]

    def _html(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in self._facts()
        )
        parts = [
            f'<div class="jssh-title"><span class="jssh-name">{escape(self._title)}</span></div>',
            f'<div class="jssh-key"><table class="jssh-table"><tbody>{rows}</tbody></table>',
            f'<pre class="jssh-art" role="img" aria-label="picture of the fingerprint">{escape(self.randomart)}</pre>',
            "</div>",
            _copyable("Public key, a line for ~/.ssh/authorized_keys (click to select)", self.public_line),
        ]
        if self._install is not None:
            parts.append(_copyable(_INSTALL, self._install))
        return STYLE + card(f"SSH key {self.fingerprint}", "".join(parts))


_INSTALL = "To log in with it on another machine, run this once, while you can still log in there another way"


def _copyable(title: str, text: str) -> str:
    return (
        f'<div class="jssh-note">{escape(title)}</div>'
        f'<pre class="jssh-output jssh-copy" aria-label="{escape(title)}">{escape(text)}</pre>'
    )


def _install_line(key: PublicKey, comment: str) -> str:
    """Return a line for a cell that adds the key to authorized_keys on another machine."""
    line = key.line(comment if _PLAIN_COMMENT.fullmatch(comment) else "")
    # The leading newline is for a file whose last line has none: two keys on one line would not work.
    add = f"umask 077; mkdir -p ~/.ssh; printf '\\n%s\\n' '{line}' >> ~/.ssh/authorized_keys"
    return f'%ssh USER@MACHINE "{add}"'
