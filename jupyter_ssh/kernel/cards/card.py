"""The parts that all cards share: a frame with its style, a title line, and text without control characters.

The HTML is a table or two with its own style: no script, everything escaped, colours only from the theme's variables
(JupyterLab and Notebook, then VS Code, then the page's own), and no meaning conveyed by colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from jupyter_ssh.ssh.text import printable

# Selectors have one class more than JupyterLab's for tables in outputs, which would otherwise stripe the rows.
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


def card(label: str, body: str) -> str:
    """Return the card around ``body``, which is HTML; ``label`` is plain text."""
    return f'{STYLE}<div class="jssh-card" role="group" aria-label="{escape(label)}">{body}</div>'


def title_line(name: str, state: str, open: bool) -> str:
    """Return the title line of a card: a dot, a name and its state."""
    return (
        f'<div class="jssh-title"><span>{dot(open)}<span class="jssh-name">{escape(name)}</span></span>'
        f"<span>{escape(state)}</span></div>"
    )


def dot(open: bool) -> str:
    """Return a dot, filled if ``open``."""
    return f'<span class="jssh-dot{" jssh-on" if open else ""}" aria-hidden="true"></span>'


def short_line(text: str, limit: int = 200) -> str:
    """Return ``text`` as one line of at most ``limit`` characters, without escape sequences."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


# ECMA-48: CSI sequences, OSC and other strings up to their terminator, two-character escapes, then 8-bit CSI.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)


def plain(text: str) -> str:
    """Return ``text`` without escape sequences and control characters, with overwritten parts of lines removed."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    lines: Iterable[str] = (line.rsplit("\r", 1)[-1] for line in text.rstrip("\r").split("\n"))
    return printable("\n".join(lines))
