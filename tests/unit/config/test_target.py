"""Destinations."""

import pytest

from jupyter_ssh.ssh.config.target import Target, parse_target
from jupyter_ssh.ssh.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("host", Target("host")),
        ("alice@host", Target("host", "alice")),
        ("alice@example.org@host", Target("host", "alice@example.org")),
        ("::1", Target("::1")),
        ("[::1]", Target("::1")),
        ("bob@fe80::1%eth0", Target("fe80::1%eth0", "bob")),
        ("ssh://host", Target("host")),
        ("ssh://host/", Target("host")),
        ("SSH://alice@host:2222", Target("host", "alice", 2222)),
        ("ssh://[::1]:2222/", Target("::1", None, 2222)),
        ("ssh://al%40ice@host:", Target("host", "al@ice")),
        ("ssh://al@ice@host", Target("host", "al@ice")),
    ],
)
def test_forms(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@host",
        "alice@",
        "-oProxyCommand=x",
        "alice@-h",
        "a b",
        "a;b",
        "$(x)",
        "a\nb",
        "a`b`",
        "*",
        "a,b",
        "ssh://",
        "ssh://@h",
        "ssh://h:0",
        "ssh://h:x",
        "ssh://h/path",
        "ssh://-h",
        "ssh://a:b:c",
        "ssh://h%0ax",
    ],
)
def test_what_is_no_destination(text: str) -> None:
    with pytest.raises(ConfigError, match="destination"):
        parse_target(text)


def test_a_port_behind_the_host_is_explained() -> None:
    with pytest.raises(ConfigError, match=r"-p 2222.*ssh://host:2222"):
        parse_target("alice@host:2222")
