"""The card of a command's result, as plain text and as HTML."""

from __future__ import annotations

import sys
from html import escape
from typing import Any

from jupyter_ssh.kernel.cards.card import card, plain, short_line
from jupyter_ssh.kernel.cells.output import size_text
from jupyter_ssh.ssh.client.result import Result

PREVIEW_LINES = 12
"""Lines of each stream that a card shows at most; `PREVIEW_CHARACTERS` limits them further."""
PREVIEW_CHARACTERS = 2000


def ending(result: Result[Any]) -> str:
    """Return how a command ended, such as "exit status 1"."""
    if result.exit_signal is not None:
        return f"ended by signal {result.exit_signal}"
    return "ended without a status" if result.exit_status is None else f"exit status {result.exit_status}"


def result_facts(result: Result[Any]) -> str:
    """Return one line about a result."""
    facts = [ending(result), duration_text(result.seconds), f"stdout {size_text(_size(result, 'stdout'))}"]
    if error_size := _size(result, "stderr"):
        facts.append(f"stderr {size_text(error_size)}")
    return ", ".join(facts)


def result_text(result: Result[Any]) -> str:
    """Return a result as plain text."""
    parts = [f"{short_line(result.command or 'shell')} on {result.host}: {result_facts(result)}"]
    for name, text in _previews(result):
        parts.append(f"--- {name}\n{text}")
    return "\n".join(parts)


def result_html(result: Result[Any]) -> str:
    """Return the card of a result."""
    mark = "\N{CHECK MARK}" if result.ok else "\N{MULTIPLICATION SIGN}"
    previews = "".join(
        f'<pre class="jssh-output" aria-label="{name}">{escape(text)}</pre>'
        if name == "stdout"
        else f'<div class="jssh-note">{name}</div><pre class="jssh-output">{escape(text)}</pre>'
        for name, text in _previews(result)
    )
    return card(
        "SSH result",
        f'<div class="jssh-title"><span class="jssh-name">{escape(short_line(result.command or "shell"))}</span>'
        f"<span>{escape(result.host)}</span></div>"
        f'<div><span aria-hidden="true">{mark}</span> {escape(result_facts(result))}</div>{previews}',
    )


def result_bundle(result: Result[Any]) -> dict[str, str]:
    """Return the representations of a result for IPython, by MIME type."""
    return {"text/plain": result_text(result), "text/html": result_html(result)}


def show_results() -> None:
    """Make IPython, if it runs here, show results as cards; the stack, which makes results, does not know IPython."""
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
    """Return a duration in readable form: "80 ms", "2.4 s", "3 min 5 s"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
