"""Times as ssh-keygen takes them: intervals are compared with what it puts in a certificate."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keys import generate, load_certificate
from jupyter_ssh.ssh.keys.certificates.validity import (
    FOREVER,
    format_time,
    format_validity,
    parse_date,
    parse_span,
    parse_validity,
)
from tests.support.identities import run_quietly
from tests.support.peers import require_tool

NOW = 1_800_000_000.5


@pytest.mark.parametrize(
    "text",
    [
        "+52w",
        "+1h30m",
        "+90",
        "-1d:+1d",
        "-1w2d3h4m5s:forever",
        "always:forever",
        "always:20300101",
        "20260101:20270101",
        "202601011200:202601011300",
        "20260101120000:20260101120001",
        "20260101:+520w",
        "0x1:0x7fffffff",
        "+0:+1",
    ],
)
def test_intervals_of_ssh_keygen(text: str, tmp_path: Path) -> None:
    tool = require_tool("ssh-keygen", "openssh-client")
    (tmp_path / "key.pub").write_text(generate().public.line())
    run_quietly([tool, "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "ca")])
    earliest = time.time()
    run_quietly([tool, "-q", "-s", str(tmp_path / "ca"), "-I", "x", "-V", text, str(tmp_path / "key.pub")])
    latest = time.time()
    statement = load_certificate(tmp_path / "key-cert.pub")[0].statement
    (after, before), (latest_after, latest_before) = parse_validity(text, earliest), parse_validity(text, latest)
    assert after <= statement.valid_after <= latest_after
    assert before <= statement.valid_before <= latest_before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "52w",
        "+",
        "+1x",
        "+1h:",
        ":",
        "20260101",
        "20270101:20260101",
        "20260101:20260101",
        "2026:2027",
        "20261301:20270101",
        "always:always",
        "forever:forever",
        "0xg:forever",
        "0x10000000000000000:forever",
        "+-1:forever",
        "20260101:202601011",
        "always:0x0",
    ],
)
def test_no_intervals(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_validity(text, NOW)


def test_dates() -> None:
    assert parse_date("19700101Z") == 0
    assert parse_date("20260131123059Z") == 1769862659
    assert parse_date("202601311230z") == 1769862600
    assert format_time(parse_date("20260131123059")) == "2026-01-31T12:30:59"


def test_spans() -> None:
    assert parse_span("1w1d1h1m1s") == 694861
    assert parse_span("2D") == 172800
    assert parse_span("0") == 0


def test_a_time_beyond_all_calendars() -> None:
    assert format_time(FOREVER) == f"{FOREVER} seconds after 1970"
    assert format_validity(0, FOREVER) == "forever"


@given(st.text("0123456789Zz+-:xawfrevsmhd é٣", max_size=20))
def test_any_text(text: str) -> None:
    try:
        after, before = parse_validity(text, NOW)
    except ConfigError:
        return
    assert 0 <= after < before <= FOREVER
