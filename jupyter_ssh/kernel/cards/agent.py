"""The card of an agent: a table of its keys, public halves only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from jupyter_ssh.kernel.cards.card import card
from jupyter_ssh.ssh.agent import AgentIdentity, HeldKey
from jupyter_ssh.ssh.keygen.fingerprints import fingerprint_of
from jupyter_ssh.ssh.text import printable

STYLE = """\
<style>
.jssh-card table.jssh-grid td.jssh-wide{white-space:normal;overflow-wrap:anywhere;min-width:9em}
</style>
"""

OWN = "this kernel's agent"
_COLUMNS = ("key", "comment", "fingerprint", "limits")


@dataclass(frozen=True, slots=True)
class AgentCard:
    """The keys of an agent as ``%ssh_add`` shows them."""

    name: str
    """The agent, in words."""
    keys: Sequence[AgentIdentity]
    limits: Mapping[bytes, str]
    """The constraints in words, by key blob; known for the kernel's own agent only, as others do not report them."""
    hash_name: str = "sha256"
    locked: bool = False

    def __repr__(self) -> str:
        rows = self._rows()
        if not rows:
            return f"{self._title()}: {self._nothing()}"
        cells = [[name for name in _COLUMNS if name != "limits" or self.limits], *rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self._title(), *(f"  {line}".rstrip() for line in lines), *self._notes()])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def _html(self) -> str:
        rows = self._rows()
        if not rows:
            return card("SSH agent", f"<div>{escape(self._title())}: {escape(self._nothing())}</div>")
        names = [name for name in _COLUMNS if name != "limits" or self.limits]
        head = "".join(f'<th scope="col">{name}</th>' for name in names)
        body = "".join(_html_row(row) for row in rows)
        table = (
            f'<table class="jssh-table jssh-grid"><caption>{escape(self._title())}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
        notes = "".join(f'<div class="jssh-note">{escape(note)}</div>' for note in self._notes())
        return STYLE + card("SSH agent", table + notes)

    def _title(self) -> str:
        count = len(self._rows())
        keys = f"{count} key{'s' * (count != 1)}" if count else ""
        return f"{self.name[0].upper()}{self.name[1:]}{': ' if keys else ''}{keys}"

    def _nothing(self) -> str:
        return "locked; %ssh_add -X unlocks it" if self.locked else "no keys; %ssh_add adds those in ~/.ssh"

    def _rows(self) -> list[list[str]]:
        rows = []
        for item in self.keys:
            if item.key is not None:
                row = [f"{item.key.nickname} {item.key.size}", _single_spaced(item.comment)]
                row.append(fingerprint_of(item.key, self.hash_name))
                rows.append([*row, self.limits.get(item.blob, "")] if self.limits else row)
        return rows

    def _notes(self) -> list[str]:
        unusable = [item for item in self.keys if item.key is None]
        return [f"Cannot be used here: {_single_spaced(item.comment) or 'a key'}, {item.problem}" for item in unusable]


def limits_of(held: HeldKey, now: float) -> str:
    """Return how long and for what a key may be used, in words; ``now`` is a time of the keyring's clock."""
    words = []
    if held.expires is not None:
        words.append(f"until {_moment(time.time() + held.expires - now)}")
    if held.constraints.confirm:
        words.append("asks each time")
    words += [f"only {destination}" for destination in held.destinations]
    return ", ".join(words)


def _moment(seconds: float) -> str:
    """Return a time as text, with its date unless that is today."""
    moment = time.localtime(seconds)
    today = moment[:3] == time.localtime()[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", moment)


def _html_row(row: Sequence[str]) -> str:
    kind, comment, *rest = row
    cells = f'<td class="jssh-wide">{escape(comment)}</td>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
    return f'<tr><th scope="row"><span class="jssh-name">{escape(kind)}</span></th>{cells}</tr>'


def _single_spaced(text: str) -> str:
    return " ".join(printable(text).split())
