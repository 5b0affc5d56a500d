"""Generates the list of docs/does-not-connect.md: ``python -m tests.support.documents.advice``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from jupyter_ssh.ssh.client.report.advice import TABLE
from jupyter_ssh.ssh.client.report.failures import UNASKED
from jupyter_ssh.ssh.client.report.surfaces import MAGICS
from tests.support.tree import TREE

DOCUMENT = TREE / "docs" / "does-not-connect.md"
MARK = "<!-- advice -->"

PLACEHOLDERS = {
    "host": "HOST",
    "host_name": "HOST",
    "port": "PORT",
    "user": "USER",
    "login": "USER@HOST",
    "option": "OPTION",
    "keyword": "OPTION",
    "methods": "METHODS",
    "via": "PROXY",
    "failures": "6",
    "limit": "120",
    "unasked": UNASKED.format(add=MAGICS.add),
    "asked": "connect where questions can be answered, without BatchMode",
    "add": MAGICS.add,
    "keygen": MAGICS.keygen,
    "fresh": MAGICS.fresh,
    "reconnect": MAGICS.reconnect,
}
"""Placeholders for the values of a connection."""

OWN = {
    "config-permissions": "chmod go-w FILE",
    "config": "The error message says what is wrong",
    "no-connection": "The error message says what is wrong",
    "nothing-known": "None of the peer's algorithms is supported here; update the peer",
    "bad-signature": "Somebody may be tampering with the connection; do not continue over this network",
    "changed": "Ask the host's administrator whether the new fingerprint is right",
    "revoked": "It may have been stolen: ask the host's administrator before you continue",
    "certificate": "Have the host's certificate renewed by its authority, or check the fingerprint of its key",
    "unknown": "Connect once where the question can be answered",
    "key-permissions": "Fix it with: chmod 600 FILE",
    "own-keys": "The key's own error says which passphrase, format or agent it needs",
    "protocol": "The peer violated the protocol; update it, or report this",
}
"""What the lower layers themselves say, for advice that begins with it."""
ALLOW = "Allow an algorithm that the peer has, or better, update the peer"


def written(text: str) -> str:
    """Return the document with its list renewed."""
    before, mark, _ = text.partition(MARK)
    assert mark
    return before + MARK + "\n" + "\n".join(_list()) + "\n"


def _list() -> Iterator[str]:
    for chapter, rows in groupby(TABLE, key=lambda row: row.chapter):
        yield f"\n## {chapter}"
        for row in rows:
            own = OWN.get(row.name, ALLOW)
            values = {**PLACEHOLDERS, "own": own}
            if row.name.startswith("jump-"):
                values["via"] = "JUMP"
            yield f"\n### {row.title}\n"
            if row.shows:
                yield f"> `{_plain(row.shows).format_map(values).strip()} …`\n"
            yield textwrap.fill(row.text.format_map(values), 118, break_long_words=False, break_on_hyphens=False)


def _plain(template: str) -> str:
    return template.replace("!r}", "}")


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
