"""Patterns of Host and Match."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.config.patterns import is_plain, matches, matches_any, matches_list


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("host", "host", True),
        ("host", "Host", False),
        ("host", "*", True),
        ("", "*", True),
        ("", "?", False),
        ("10.0.0.7", "10.0.0.?", True),
        ("10.0.0.77", "10.0.0.?", False),
        ("a.example.org", "*.example.org", True),
        ("example.org", "*.example.org", False),
        ("abcabc", "*abc", True),
        ("a[1]", "a[1]", True),
        ("a" * 5000, "*a" * 50 + "b", False),
    ],
)
def test_one_pattern(text: str, pattern: str, expected: bool) -> None:
    assert matches(text, pattern) is expected


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_mean_what_the_regular_expression_means(pattern: str, text: str) -> None:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    assert matches(text, pattern) == (re.fullmatch(expression, text) is not None)


def test_a_negated_pattern_excludes_and_never_includes() -> None:
    assert matches_any("b.example.org", ["*.example.org", "!a.example.org"])
    assert not matches_any("a.example.org", ["*.example.org", "!a.example.org"])
    assert not matches_any("a.example.org", ["!a.example.org", "*.example.org"])
    assert not matches_any("c", ["!a.example.org"])
    assert matches_list("c", "!a,*")


def test_names_for_completion() -> None:
    assert [name for name in ("web", "*.org", "!db", "node?") if is_plain(name)] == ["web"]
