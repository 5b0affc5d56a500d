"""The cards of connections and of the hosts' table, as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from jupyter_ssh.kernel.cards.card import card, dot, title_line
from jupyter_ssh.ssh.text import printable


@dataclass(frozen=True)
class Row:
    """A line of the hosts' table."""

    name: str
    state: str
    server: str = ""
    exchange: str = ""
    since: str = ""
    current: bool = False
    open: bool = True


# --- a connection -----------------------------------------------------------------------------------------------------


def connection_facts(info: Any) -> list[tuple[str, str]]:
    """Return the facts about a connection, as (name, value)."""
    exchange = f"{info.exchange}, {'post-quantum' if info.post_quantum else 'not post-quantum'}"
    facts = [
        ("address", f"{info.address} port {info.port}" if info.address else ""),
        ("server", printable(info.server_version or "")),
        ("key exchange", exchange),
        ("cipher", _both_ways(info.cipher_in, info.cipher_out)),
        ("integrity", _integrity(info)),
        ("host key", f"{info.host_key_algorithm} {info.host_key_fingerprint}"),
        ("host key in DNS", info.host_key_dns),
        ("logged in as", f"{info.user}, by {info.method}" if info.method else info.user),
    ]
    return [(name, value) for name, value in facts if value]


def connection_text(info: Any, name: str, state: str) -> str:
    """Return a connection as plain text."""
    facts = connection_facts(info)
    width = max(len(fact) for fact, _ in facts)
    return "\n".join([f"{name}: {state}", *(f"  {fact:<{width}}  {value}" for fact, value in facts)])


def connection_html(info: Any, name: str, state: str, *, open: bool = True) -> str:
    """Return the card of a connection."""
    rows = "".join(
        f'<tr><th scope="row">{escape(fact)}</th><td>{escape(value)}</td></tr>'
        for fact, value in connection_facts(info)
    )
    return card(
        f"SSH connection {name}",
        f"{title_line(name, state, open)}<table class='jssh-table'><tbody>{rows}</tbody></table>",
    )


def _integrity(info: Any) -> str:
    """Return the MACs; nothing for AEAD ciphers, whose MAC the session reports in parentheses."""
    macs = [name for name in (info.mac_in, info.mac_out) if not name.startswith("(")]
    return _both_ways(macs[0], macs[-1]) if macs else ""


def _both_ways(received: str | None, sent: str | None) -> str:
    if not received or not sent or received == sent:
        return received or sent or ""
    return f"{received} in, {sent} out"


# --- hosts ------------------------------------------------------------------------------------------------------------

LONG_CELL = 24
"""A table cell with more characters than this may wrap."""
_LONG = ' class="jssh-long"'

# heading, field of Row
_COLUMNS = (
    ("host", "name"),
    ("state", "state"),
    ("since", "since"),
    ("server", "server"),
    ("key exchange", "exchange"),
)


def hosts_text(rows: Sequence[Row], known: Sequence[str]) -> str:
    """Return the table of ``%ssh_hosts`` as plain text."""
    parts = []
    if rows:
        cells = [[title for title, _ in _COLUMNS]]
        cells += [[("* " if row.current else "  ") + row.name, *_cells(row)[1:]] for row in rows]
        cells[0][0] = "  " + cells[0][0]
        widths = [max(len(line[column]) for line in cells) for column in range(len(_COLUMNS))]
        for line in cells:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            parts.append("  ".join(padded).rstrip())
        if any(row.current for row in rows):
            parts.append("* the current connection")
    else:
        parts.append("No open connections.")
    if known:
        parts.append(f"Known hosts: {', '.join(known)}")
    return "\n".join(parts)


def hosts_html(rows: Sequence[Row], known: Sequence[str]) -> str:
    """Return the table of ``%ssh_hosts`` as HTML."""
    if rows:
        head = "".join(f'<th scope="col">{title}</th>' for title, _ in _COLUMNS)
        body = "".join(_host_row(row) for row in rows)
        table = (
            f'<table class="jssh-table jssh-grid"><caption>SSH connections</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
    else:
        table = "<div>No open connections.</div>"
    note = f'<div class="jssh-note">Known hosts: {escape(", ".join(known))}</div>' if known else ""
    return card("SSH connections", table + note)


def _host_row(row: Row) -> str:
    name, *rest = _cells(row)
    current = " (current)" if row.current else ""
    # Only long text, such as why a connection dropped, may wrap; the card scrolls if the rest is too wide.
    cells = "".join(f"<td{_LONG if len(cell) > LONG_CELL else ''}>{escape(cell)}</td>" for cell in rest)
    name = f'{dot(row.open)}<span class="jssh-name">{escape(name)}</span>{current}'
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _cells(row: Row) -> list[str]:
    return [str(getattr(row, field)) for _, field in _COLUMNS]
