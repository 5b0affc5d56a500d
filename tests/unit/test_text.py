"""What servers want shown may not steer what it is shown on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.client.channel_host import ClientChannelHost
from jupyter_ssh.ssh.client.connecting import resolve_options
from jupyter_ssh.ssh.client.login.handshake import MAX_BANNER, MAX_SAID, Handshake
from jupyter_ssh.ssh.client.prompts import NoPrompts
from jupyter_ssh.ssh.protocol.events import Banner, DebugMessage
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.text import line_without_controls, printable, without_controls
from tests.pair.pairing import suite


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x1b" * 262_000, "?" * MAX_SAID),
        ("\x1b\n" * 131_000, "?"),
        ("last \r\n" * 32_000 + " \n" * 1000, "last"),
        (" \n" * 131_000, ""),
    ],
)
async def test_of_a_debug_message_only_what_is_kept_is_looked_at(
    text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server can send any number of long ones before anybody knows who it is, and the loop has other connections."""
    looked_at: list[int] = []

    def counting(text: str) -> str:
        looked_at.append(len(text))
        return printable(text)

    monkeypatch.setattr("jupyter_ssh.ssh.client.login.handshake.printable", counting)
    monkeypatch.setattr("jupyter_ssh.ssh.client.channel_host.printable", counting)
    handshake = Handshake(NoPrompts(), 1.0)
    host = ClientChannelHost(resolve_options("h", "none", (), {}), Settings(suite()), handshake.heard)
    host.on_event(DebugMessage(text, False))
    assert handshake.said == said
    assert sum(looked_at) <= MAX_SAID


async def test_a_debug_message_in_the_log_is_short(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "jupyter_ssh")
    host = ClientChannelHost(resolve_options("h", "none", (), {}), Settings(suite()), lambda event: None)
    host.on_event(DebugMessage("\x1b" * 262_000, False))
    host.on_event(DebugMessage("short", False))
    assert [len(message) < 2000 for message in caplog.messages] == [True] * 2
    assert caplog.messages[-1] == "Remote: short"


def test_a_line_remains_one() -> None:
    assert line_without_controls("a\tb \u00e9\udcff") == "a\tb \u00e9\udcff"
    assert line_without_controls("a\r\nb\nc\x1b[1m\x9b1m\x85d\r") == "a??b?c?[1m?1m?d?"
