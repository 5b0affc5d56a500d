"""docs/configuration.md says what the table of keywords says."""

from __future__ import annotations

from tests.support.documents.keywords import DOCUMENT, written


def test_the_document_lists_every_keyword_with_what_comes_of_it() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    # `python -m tests.support.documents.keywords` writes it anew.
    assert text == written(text)
