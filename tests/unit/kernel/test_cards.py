"""How connections, results and hosts look: complete, bounded, and safe to put into a page."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from jupyter_ssh.kernel.cards import connections, results
from jupyter_ssh.kernel.cells.tracebacks import lines, with_short_traceback
from jupyter_ssh.ssh.client import ConnectionInfo
from jupyter_ssh.ssh.client.result import Result
from jupyter_ssh.ssh.errors import RemoteCommandError, SSHError

EVIL = "<script>alert('&')</script>\x1b[31m\x07"

INFO = ConnectionInfo(
    host="box",
    port=22,
    user="alice",
    address="192.0.2.1",
    server_version="SSH-2.0-OpenSSH_9.2p1",
    client_version="SSH-2.0-jupyter_ssh",
    exchange="mlkem768x25519-sha256",
    host_key_algorithm="ssh-ed25519",
    host_key_fingerprint="SHA256:abc",
    cipher_out="aes128-ctr",
    cipher_in="aes256-ctr",
    mac_out="hmac-sha2-256",
    mac_in="hmac-sha2-256",
    method="publickey",
    key_fingerprint=None,
    post_quantum=True,
)
RESULT = Result("uname -a", b"Linux\n", b"", 0, None, "alice@box", 0.08)


class Checker(HTMLParser):
    """Every element closed, and the text as a person reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "img")
        assert tag != "th" or "scope" in dict(attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def read(html: str) -> str:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    return checker.text


def test_a_connection_says_what_it_is_made_of():
    plain = connections.connection_text(INFO, "alice@box", "connected")
    for text in (plain, read(connections.connection_html(INFO, "alice@box", "connected"))):
        for fact in (
            "alice@box",
            "connected",
            "192.0.2.1 port 22",
            "OpenSSH_9.2p1",
            "SHA256:abc",
            "alice, by publickey",
            "mlkem768x25519-sha256, post-quantum",
            "aes256-ctr in, aes128-ctr out",
            "hmac-sha2-256",
        ):
            assert fact in text


def test_what_dns_says_of_the_host_key():
    info = replace(INFO, host_key_dns="matches, validated by DNSSEC")
    for text in (connections.connection_text(info, "box", "up"), read(connections.connection_html(info, "box", "up"))):
        assert "host key in DNS" in text
        assert "matches, validated by DNSSEC" in text
    assert "DNS" not in connections.connection_text(INFO, "box", "up")


def test_an_exchange_of_yesterday_is_called_so():
    info = replace(INFO, exchange="ecdh-sha2-nistp256", post_quantum=False)
    assert "ecdh-sha2-nistp256, not post-quantum" in connections.connection_text(info, "box", "connected")


def test_an_integrated_mac_is_not_listed():
    info = replace(INFO, mac_in="(in the cipher)", mac_out="(in the cipher)")
    assert "integrity" not in connections.connection_text(info, "box", "connected")


@pytest.mark.parametrize("field", ["server_version", "address", "user", "method"])
def test_what_a_server_says_is_text_and_no_markup(field):
    html = connections.connection_html(replace(INFO, **{field: EVIL}), EVIL, EVIL)
    assert "alert('&')" in read(html)
    if field == "server_version":
        assert "\x1b" not in connections.connection_text(replace(INFO, server_version=EVIL), "box", "connected")


def test_a_result_says_how_it_ended():
    assert "exit status 0, 80 ms, stdout 6 B" in results.result_text(RESULT)
    assert "exit status 2" in read(results.result_html(replace(RESULT, exit_status=2)))
    assert "signal TERM" in results.result_text(replace(RESULT, exit_status=None, exit_signal="TERM"))
    assert "without a status" in results.result_text(replace(RESULT, exit_status=None))
    assert set(results.result_bundle(RESULT)) == {"text/plain", "text/html"}
    text = replace(RESULT, stdout="Linux\n", stderr="")
    assert results.result_bundle(text) == results.result_bundle(RESULT)


def test_ipython_shows_a_result_of_the_stack_as_a_card() -> None:
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from jupyter_ssh.kernel.cards import results\nfrom jupyter_ssh.ssh import Result\n"
        "results.show_results()\nshell = InteractiveShell.instance()\n"
        "formatted = lambda: sorted(shell.display_formatter.format(Result('x', b'', b'', 0))[0])\n"
        "before = formatted(); results.show_results(); print(before, formatted())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "['text/plain'] ['text/html', 'text/plain']"


def test_a_preview_is_bounded_and_says_what_is_missing():
    result = replace(RESULT, stdout=b"line\n" * 1000, stderr=b"x" * 1_000_000, stderr_size=9_000_000)
    for text in (results.result_text(result), read(results.result_html(result))):
        assert text.count("line\n") == results.PREVIEW_LINES
        assert "988 more lines" in text
        assert text.count("x") <= results.PREVIEW_CHARACTERS + 10
        assert "stderr 8.6 MiB" in text


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", "red"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"10%\r50%\r100%\n", "100%"),
        (b"dos\r\nlines\r\n", "dos\nlines"),
        (b"\xe9 and \x00", "\\xe9 and ?"),
        (b"\x1b[", ""),
        (b"", ""),
    ],
)
def test_a_preview_is_plain_text(data, shown):
    # A card has more in it than the preview that is looked at here.
    assert results._preview(data) == shown


def test_markup_in_an_output_stays_text():
    assert "<b>" in read(results.result_html(replace(RESULT, stdout=b"<b>bold</b>", command=EVIL)))


def test_hosts():
    rows = [
        connections.Row("alice@box", "connected", "OpenSSH", "curve25519-sha256", "12:00:00", current=True),
        connections.Row(EVIL, "dropped: no answer", open=False),
    ]
    plain = connections.hosts_text(rows, ["db"])
    assert "* alice@box" in plain
    assert "Known hosts: db" in plain
    assert "alice@box (current)" in read(connections.hosts_html(rows, [EVIL]))
    assert "No open connections" in connections.hosts_text([], [])
    assert "No open connections" in read(connections.hosts_html([], []))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0801, "80 ms"), (0.9999, "1.0 s"), (2.44, "2.4 s"), (125, "2 min 5 s"), (7300, "2 h 1 min")],
)
def test_durations(seconds, text):
    assert results.duration_text(seconds) == text


def test_an_error_has_its_fields_line_by_line():
    error = SSHError("it failed", phase="testing", expected="this", received="that", next_step="Try again.")
    text = "\n".join(with_short_traceback(error)._render_traceback_())
    for part in ("SSHError", "it failed", "testing", "this", "that", "Try again."):
        assert part in text
    assert lines(KeyboardInterrupt()) == ["\x1b[1mKeyboardInterrupt\x1b[0m"]
    assert "exit status 3" in "\n".join(lines(RemoteCommandError("false", 3, None)))
