"""How connections, results and hosts look: as plain text and as HTML.

The HTML is a table or two with a style of its own: no script, everything escaped, colours only from the theme's
variables (JupyterLab and Notebook, then VS Code, then the page's own), and no meaning by colour alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from jupyter_ssh.kernel.output import size_text
from jupyter_ssh.ssh.client.result import Result
from jupyter_ssh.ssh.text import printable

PREVIEW_LINES = 12
"""What a card shows of an output."""
PREVIEW_CHARACTERS = 2000

# Selectors are one class longer than JupyterLab's for tables in outputs, which would stripe the rows.
STYLE = """\
<style>
.jssh-card{--jssh-text:var(--jp-ui-font-color1,var(--vscode-foreground,inherit));
--jssh-line:var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.45)));
--jssh-mono:var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,Menlo,Consolas,monospace));
box-sizing:border-box;display:inline-block;max-width:100%;overflow-x:auto;margin:2px 0;
padding:.55em .9em .6em;color:var(--jssh-text);border:1px solid var(--jssh-line);border-radius:6px;
font:var(--jp-ui-font-size1,13px)/1.5 var(--jp-ui-font-family,var(--vscode-font-family,system-ui,sans-serif))}
.jssh-card .jssh-title{display:flex;flex-wrap:wrap;align-items:baseline;gap:.2em .8em;margin:0}
.jssh-card .jssh-name{font-weight:600;font-family:var(--jssh-mono);overflow-wrap:anywhere}
.jssh-card .jssh-dot{display:inline-block;box-sizing:border-box;width:8px;height:8px;margin-right:6px;
border-radius:50%;border:1.5px solid currentColor;vertical-align:1px}
.jssh-card .jssh-on{background:currentColor}
.jssh-card table.jssh-table{margin:.35em 0 0;border:0;border-collapse:collapse;font-size:inherit;color:inherit;
table-layout:auto;width:auto}
.jssh-card table.jssh-table tr:nth-child(n){background:none;border:0}
.jssh-card table.jssh-table :is(th,td){padding:.05em 1.1em .05em 0;border:0;text-align:left;vertical-align:baseline;
max-width:none;white-space:normal;color:inherit;background:none;line-height:1.55}
.jssh-card table.jssh-table th{font-weight:400;white-space:nowrap;opacity:.8}
.jssh-card table.jssh-table td{font-family:var(--jssh-mono);font-size:.95em;overflow-wrap:anywhere}
.jssh-card table.jssh-grid thead th{padding-bottom:.25em;border-bottom:1px solid var(--jssh-line)}
.jssh-card table.jssh-grid th[scope=row]{opacity:1}
.jssh-card table.jssh-grid td{white-space:nowrap;overflow-wrap:normal}
.jssh-card table.jssh-grid td.jssh-long{white-space:normal;min-width:14em}
.jssh-card table.jssh-grid caption{padding:0 0 .3em;text-align:left;font-weight:600;color:inherit;caption-side:top}
.jssh-card table.jssh-table tr.jssh-fails :is(th,td){font-weight:600}
.jssh-card .jssh-next{margin:.5em 0 0;max-width:60em}
.jssh-card details{margin:.4em 0 0}
.jssh-card .jssh-note{margin:.5em 0 0;opacity:.8}
.jssh-card pre.jssh-output{margin:.4em 0 0;padding:.4em .6em;border:0;border-left:2px solid var(--jssh-line);
background:none;color:inherit;font-family:var(--jssh-mono);font-size:.95em;line-height:1.4;white-space:pre-wrap;
overflow-wrap:anywhere}
</style>
"""


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
    """What there is to say about a connection, as (name, value)."""
    exchange = f"{info.exchange}, {'post-quantum' if info.post_quantum else 'not post-quantum'}"
    facts = [
        ("address", f"{info.address} port {info.port}" if info.address else ""),
        ("server", printable(info.server_version or "")),
        ("key exchange", exchange),
        ("cipher", _both_ways(info.cipher_in, info.cipher_out)),
        ("integrity", _integrity(info)),
        ("host key", f"{info.host_key_algorithm} {info.host_key_fingerprint}"),
        ("host key in DNS", info.host_key_dns),
        ("signed in as", f"{info.user}, by {info.method}" if info.method else info.user),
    ]
    return [(name, value) for name, value in facts if value]


def connection_text(info: Any, name: str, state: str) -> str:
    """A connection as plain text."""
    facts = connection_facts(info)
    width = max(len(fact) for fact, _ in facts)
    return "\n".join([f"{name}: {state}", *(f"  {fact:<{width}}  {value}" for fact, value in facts)])


def connection_html(info: Any, name: str, state: str, *, open: bool = True) -> str:
    """The card of a connection."""
    rows = "".join(
        f'<tr><th scope="row">{escape(fact)}</th><td>{escape(value)}</td></tr>'
        for fact, value in connection_facts(info)
    )
    return card(
        f"SSH connection {name}",
        f"{_title(name, state, open)}<table class='jssh-table'><tbody>{rows}</tbody></table>",
    )


def _integrity(info: Any) -> str:
    """The MACs; nothing for an AEAD cipher, which the session reports in brackets."""
    macs = [name for name in (info.mac_in, info.mac_out) if not name.startswith("(")]
    return _both_ways(macs[0], macs[-1]) if macs else ""


def _both_ways(received: str | None, sent: str | None) -> str:
    if not received or not sent or received == sent:
        return received or sent or ""
    return f"{received} in, {sent} out"


# --- a result ---------------------------------------------------------------------------------------------------------


def ending(result: Result[Any]) -> str:
    """How a command ended, such as "exit status 1"."""
    if result.exit_signal is not None:
        return f"ended by signal {result.exit_signal}"
    return "ended without a status" if result.exit_status is None else f"exit status {result.exit_status}"


def result_facts(result: Result[Any]) -> str:
    """One line about a result."""
    facts = [ending(result), duration_text(result.seconds), f"stdout {size_text(_size(result, 'stdout'))}"]
    if error_size := _size(result, "stderr"):
        facts.append(f"stderr {size_text(error_size)}")
    return ", ".join(facts)


def result_text(result: Result[Any]) -> str:
    """A result as plain text."""
    parts = [f"{_one_line(result.command or 'shell')} on {result.host}: {result_facts(result)}"]
    for name, text in _previews(result):
        parts.append(f"--- {name}\n{text}")
    return "\n".join(parts)


def result_html(result: Result[Any]) -> str:
    """The card of a result."""
    mark = "\N{CHECK MARK}" if result.ok else "\N{MULTIPLICATION SIGN}"
    previews = "".join(
        f'<pre class="jssh-output" aria-label="{name}">{escape(text)}</pre>'
        if name == "stdout"
        else f'<div class="jssh-note">{name}</div><pre class="jssh-output">{escape(text)}</pre>'
        for name, text in _previews(result)
    )
    return card(
        "SSH result",
        f'<div class="jssh-title"><span class="jssh-name">{escape(_one_line(result.command or "shell"))}</span>'
        f"<span>{escape(result.host)}</span></div>"
        f'<div><span aria-hidden="true">{mark}</span> {escape(result_facts(result))}</div>{previews}',
    )


def result_bundle(result: Result[Any]) -> dict[str, str]:
    """What IPython shows of a result, by type."""
    return {"text/plain": result_text(result), "text/html": result_html(result)}


def show_results() -> None:
    """Have the IPython that runs here, if any, show results as cards; the stack, which makes them, knows no IPython."""
    package = sys.modules.get("IPython")
    shell = None if package is None else package.get_ipython()
    if shell is not None:
        shell.display_formatter.mimebundle_formatter.for_type(Result, result_bundle)


def _size(result: Result[Any], name: str) -> int:
    sizes = {"stdout": (result.stdout_size, result.stdout), "stderr": (result.stderr_size, result.stderr)}
    counted, kept = sizes[name]
    return max(counted, len(kept))


def _previews(result: Result[Any]) -> list[tuple[str, str]]:
    return [(name, _preview(getattr(result, name))) for name in ("stdout", "stderr") if getattr(result, name)]


def _preview(data: bytes | str) -> str:
    first, newline = data[: 8 * PREVIEW_CHARACTERS], b"\n"
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    text = plain(first if isinstance(first, str) else first.decode("utf-8", "backslashreplace"))[:PREVIEW_CHARACTERS]
    lines = text.removesuffix("\n").split("\n")[:PREVIEW_LINES]
    more = data.count(newline) + (not data.endswith(newline)) - len(lines)
    if more > 0:
        lines.append(f"\N{HORIZONTAL ELLIPSIS} {more:,} more line{'s' if more > 1 else ''}")
    elif len(text) >= PREVIEW_CHARACTERS:
        lines.append("\N{HORIZONTAL ELLIPSIS}")
    return "\n".join(lines)


def duration_text(seconds: float) -> str:
    """``seconds`` for people: "80 ms", "2.4 s", "3 min 5 s"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


# --- hosts ------------------------------------------------------------------------------------------------------------

LONG_CELL = 24
"""Characters of a cell that may break into lines."""
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
    """The table of ``%ssh_hosts`` as plain text."""
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
    """The table of ``%ssh_hosts``."""
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
    # Only a long text, such as why a connection dropped, may break; the card scrolls if the rest is too wide.
    cells = "".join(f"<td{_LONG if len(cell) > LONG_CELL else ''}>{escape(cell)}</td>" for cell in rest)
    name = f'{_dot(row.open)}<span class="jssh-name">{escape(name)}</span>{current}'
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _cells(row: Row) -> list[str]:
    return [str(getattr(row, field)) for _, field in _COLUMNS]


# --- pieces -----------------------------------------------------------------------------------------------------------


def card(label: str, body: str) -> str:
    """A frame with the style of all cards around ``body``, which is HTML; ``label`` is text."""
    return f'{STYLE}<div class="jssh-card" role="group" aria-label="{escape(label)}">{body}</div>'


def _title(name: str, state: str, open: bool) -> str:
    return (
        f'<div class="jssh-title"><span>{_dot(open)}<span class="jssh-name">{escape(name)}</span></span>'
        f"<span>{escape(state)}</span></div>"
    )


def _dot(open: bool) -> str:
    return f'<span class="jssh-dot{" jssh-on" if open else ""}" aria-hidden="true"></span>'


def _one_line(text: str, limit: int = 200) -> str:
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


# ECMA-48: CSI sequences, OSC and other strings up to their terminator, two-character escapes, then what is left.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)


def plain(text: str) -> str:
    """``text`` without escape sequences and control characters, as for a preview."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    lines: Iterable[str] = (line.rsplit("\r", 1)[-1] for line in text.rstrip("\r").split("\n"))
    return printable("\n".join(lines))
