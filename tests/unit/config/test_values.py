"""Typed values: times, sizes, lists, paths."""

import contextlib
import socket
from pathlib import Path

import pytest

from jupyter_ssh.ssh.config import values
from jupyter_ssh.ssh.config.services import SERVICES
from jupyter_ssh.ssh.config.values import Kind, RekeyLimit, arguments_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1m30s", 90),
        ("1h30m", 5400),
        ("2D", 172800),
        ("1w", 604800),
        ("0", 0),
        ("0.5", 0.5),
        ("10s", 10),
        ("+5", 5),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert values.parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5x", "-1", "1h-", "1 h", "99999999999999w", "1.2.3", "inf", "nan", "٣"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        values.parse_time(text)


def test_ports_have_names() -> None:
    assert values.parse_port("ssh") == 22
    for name, port in SERVICES.items():
        assert values.parse_port(name) == port
        with contextlib.suppress(OSError):  # the system may not know it
            assert socket.getservbyname(name, "tcp") == port, name


@pytest.mark.parametrize("text", ["0", "65536", "-1", "0x16", "x", "", "22 ", "999999999"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ValueError, match="Bad port"):
        values.parse_port(text)


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        (["default"], RekeyLimit()),
        (["1G"], RekeyLimit(1 << 30)),
        (["512k", "1h"], RekeyLimit(512 << 10, 3600)),
        (["default", "30"], RekeyLimit(None, 30)),
        (["1M", "none"], RekeyLimit(1 << 20, 0)),
        (["0"], RekeyLimit()),
        ([".5G"], RekeyLimit(1 << 29)),
        (["+1.G"], RekeyLimit(1 << 30)),
        (["64b"], RekeyLimit(64)),
        (["7E"], RekeyLimit(7 << 60)),
    ],
)
def test_rekey_limits(arguments: list[str], limit: RekeyLimit) -> None:
    assert values.REKEY_LIMIT.read(arguments) == limit


@pytest.mark.parametrize("arguments", [["15"], ["1Z"], ["8E"], ["."], [".G"], ["x"], ["1G", "never"]])
def test_what_is_no_rekey_limit(arguments: list[str]) -> None:
    with pytest.raises(ValueError):
        values.REKEY_LIMIT.read(arguments)


@pytest.mark.parametrize(
    ("text", "character"), [("~", "~"), ("^A", "\x01"), ("^a", "\x01"), ("^]", "\x1d"), ("none", None)]
)
def test_escape_characters(text: str, character: str | None) -> None:
    assert values.ESCAPE.read([text]) == character


@pytest.mark.parametrize(
    ("value", "kind", "arguments"),
    [
        (True, values.YES_NO, ["yes"]),
        (22, values.PORT, ["22"]),
        (0.25, values.TIME, ["0.250000"]),
        (2.0, values.TIME, ["2"]),
        (["a", "b"], values.LIST, ["a,b"]),
        ([Path("a b"), "c"], values.PATHS, ["a b", "c"]),
        (Path("a b"), values.PATH, ["a b"]),
        ({"A": "1 2"}, values.ENVIRONMENT, ["A=1 2"]),
        (RekeyLimit(1024, 5), values.REKEY_LIMIT, ["1024", "5"]),
    ],
)
def test_python_values_become_arguments(value: object, kind: Kind, arguments: list[str]) -> None:
    assert arguments_of(value, kind) == arguments


@pytest.mark.parametrize("value", [b"bytes", object(), 1j])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="unsupported type"):
        arguments_of(value, values.TEXT)
