"""What servers want shown may not steer what it is shown on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.client.login.handshake import MAX_BANNER, Handshake
from jupyter_ssh.ssh.protocol.events import Banner
from jupyter_ssh.ssh.text import printable, without_controls


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorised use only.\n", "Authorised use only.\n"),
        ("a\tb\r\nc\r\n", "a\tb\nc\n"),
        ("Grüße, 東京\u3000☃ ́", "Grüße, 東京 ☃ ́"),
        ("\x1b[2J\x1b[31mred", "?[2J?[31mred"),
        ("\x9b2J\x9d0;title\x9c", "?2J?0;title?"),  # C1: CSI, OSC, ST
        ("\x1b]0;title\x07", "?]0;title?"),
        ("\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\", "?]8;;http://evil.example?\\here?]8;;?\\"),
        ("\x1bPq#0\x1b\\", "?Pq#0?\\"),  # sixel
        ("fake prompt\rPassword: ", "fake prompt?Password: "),
        ("abc\b\b\bxyz\x7f\x00", "abc???xyz??"),
        ("exe\u202egpj.txt\u202c", "exe?gpj.txt?"),  # bidi override
        ("\u2066\u2067\u2068\u2069\u200e\u200f\u061c", "???????"),
        ("zero\u200bwidth\ufeff\u2060\u00ad", "zero?width???"),
        ("line\u2028para\u2029\x85", "line?para??"),
        ("\udcff\udc80", "??"),  # what was no UTF-8
        ("\ue000\U000e0041", "??"),  # private use, tags
    ],
)
def test_what_is_left(text: str, expected: str) -> None:
    assert printable(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb\r\nc\r", "a\tb\r\nc\r"),
        ("\x1b]0;title\x07\x9b2J\x7f\x00", "?]0;title??2J??"),
        ("fake\rreal", "fake?real"),
        ("\udcff é \u202e", "\udcff é \u202e"),  # for programs: any byte comes through
    ],
)
def test_results_that_programs_read_too(text: str, expected: str) -> None:
    assert without_controls(text) == expected


@given(st.text())
def test_nothing_but_newlines_and_tabs_steers(text: str) -> None:
    shown = printable(text)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert printable(shown) == shown


async def test_a_banner_is_harmless_before_anybody_sees_it() -> None:
    class Person:
        banners: list[str] = []

        def show_banner(self, text: str) -> None:
            self.banners.append(text)

    handshake = Handshake(Person(), 1.0)  # type: ignore[arg-type]
    handshake.heard(Banner("\x1b]0;x\x07\u202e"))
    assert Person.banners == ["?]0;x??"]


async def test_banners_are_bounded_together() -> None:
    class Person:
        banners: list[str] = []

        def show_banner(self, text: str) -> None:
            self.banners.append(text)

    handshake = Handshake(Person(), 1.0)  # type: ignore[arg-type]
    for _ in range(50):
        handshake.heard(Banner("b" * 30_000))
    assert sum(text.count("b") for text in Person.banners) == MAX_BANNER
    assert [text[-1] for text in Person.banners] == ["b"] * (MAX_BANNER // 30_000) + ["…"]
