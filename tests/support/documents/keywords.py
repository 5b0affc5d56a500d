"""Generates the table of docs/configuration.md: ``python -m tests.support.documents.keywords``."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_ssh.ssh.config.keywords import DEPRECATED, OF_VENDORS, ROWS, SILENT, UNSUPPORTED, Keyword
from tests.support.tree import TREE

DOCUMENT = TREE / "docs" / "configuration.md"
MARK = "<!-- keywords -->"


def written(text: str) -> str:
    """Return the document with its table renewed."""
    before, mark, _ = text.partition(MARK)
    assert mark
    return before + MARK + "\n\n" + "\n".join(_table()) + "\n"


def _table() -> Iterator[str]:
    yield "| keyword | value | default | | effect |"
    yield "|---|---|---|---|---|"
    for row in sorted(ROWS, key=lambda row: row.name.lower()):
        yield f"| {row.name} | {_cell(row.kind.name)} | {_cell(_default(row))} | {_notes(row)} | {_effect(row)} |"
    yield ""
    yield "- Old names: " + _old_names() + "."
    yield "- Silently ignored: " + _list(SILENT) + "."
    yield "- Deprecated, reported with `-v`: " + _list(DEPRECATED) + "."
    yield "- No longer supported by OpenSSH, with a warning: " + _list(UNSUPPORTED) + "."
    yield "- Extensions of Debian's, Fedora's and Apple's OpenSSH, without effect here: " + _list(OF_VENDORS) + "."


def _effect(row: Keyword) -> str:
    return row.effect


def _default(row: Keyword) -> str:
    if row.default is None and row.kind.name == "comma-separated list":
        return "our own" if row.kind.write(None) else ""
    lines = row.kind.write(row.default) if row.default is not None else []
    return " ".join({"true": "yes", "false": "no", "DEBUG": "DEBUG1"}.get(line, line) for line in lines)


def _notes(row: Keyword) -> str:
    notes = ["all lines count"] if row.gathers else []
    if row.tokens:
        notes.append("tokens" if len(row.tokens) > 1 else f"`%{row.tokens}`")
    if row.own:
        notes.append("an extension: not in a file")
    if row.since:
        notes.append(f"OpenSSH {row.since}")
    return ", ".join(notes)


def _old_names() -> str:
    pairs = [(alias, row.name) for row in ROWS for alias in row.aliases]
    return ", ".join(f"{alias} ({name})" for alias, name in sorted(pairs))


def _list(names: dict[str, str]) -> str:
    return ", ".join(sorted(names.values(), key=str.lower))


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
