"""``%ssh --doctor``: a table of the steps of a connection, as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from jupyter_ssh.kernel.cards.card import card
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.kernel.hosts import config_file
from jupyter_ssh.kernel.prompts.choice import KernelPrompts
from jupyter_ssh.ssh.text import printable

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client.report.doctor import Finding, Report

_MARKS = {
    "works": "\N{CHECK MARK}",
    "fails": "\N{MULTIPLICATION SIGN}",
    "note": "\N{BULLET}",
    "not tried": "\N{EN DASH}",
}


class Examination:
    """The result of ``%ssh --doctor``, shown as a card; ``report`` has the findings."""

    def __init__(self, report: Report) -> None:
        self.report = report

    @property
    def ok(self) -> bool:
        """Whether the connection works."""
        return self.report.error is None

    def __repr__(self) -> str:
        return f"<Examination {self.report.summary}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        text = printable("\n".join(self.report.lines()))
        return {"text/plain": text, "text/html": examination_html(self.report)}


def examination(target: str, config: str | None, command_line: Sequence[str | tuple[str, str]]) -> Examination:
    """Try to connect to ``target`` and return the findings; questions are asked in the cell."""
    from jupyter_ssh.ssh.client.report.doctor import examine

    chosen = config if config is not None else config_file()
    prompts = KernelPrompts()
    return Examination(
        get_engine().call(lambda: examine(target, prompts, config=chosen, command_line=command_line)),
    )


def examination_html(report: Report) -> str:
    """Return the card: the table, and what to do next."""
    head = "".join(f'<th scope="col">{title}</th>' for title in ("step", "result", "details"))
    body = "".join(map(_row, report.findings))
    table = (
        f'<table class="jssh-table jssh-grid"><caption>{escape(printable(report.summary))}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    notes = ""
    if report.error is not None:
        step = report.error.next_step or str(report.error)
        notes = f'<div class="jssh-next"><strong>Next:</strong> {escape(printable(step))}</div>'
        if report.error.packets:
            lines = escape("\n".join(report.error.packets))
            notes += f'<details><summary>the last packets</summary><pre class="jssh-output">{lines}</pre></details>'
    return card("SSH connection, step by step", table + notes)


def _row(finding: Finding) -> str:
    name = f"{finding.step} ({finding.hop})" if finding.hop else finding.step
    mark = f'<span aria-hidden="true">{_MARKS[finding.result.value]}</span> {finding.result.value}'
    failed = ' class="jssh-fails"' if finding.result.value == "fails" else ""
    return (
        f'<tr{failed}><th scope="row">{escape(printable(name))}</th><td>{mark}</td>'
        f'<td class="jssh-long">{escape(printable(finding.detail))}</td></tr>'
    )
