"""docs/algorithms.md says what the tables say."""

from __future__ import annotations

from tests.support.documents.algorithms import DOCUMENT, proven_before, written


def test_the_document_lists_every_algorithm_with_its_grade() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    # `python -m tests.support.documents.algorithms` writes it anew.
    assert text == written(text, proven_before(text))
