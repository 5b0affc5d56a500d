"""Host names, patterns and hashes, compared with what ``ssh-keygen -F`` finds."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.trust import KnownHosts, host_name
from jupyter_ssh.ssh.trust.host_names import hash_name, is_writable, split_hash
from jupyter_ssh.ssh.trust.patterns import matches, matches_pattern
from tests.support.identities import run_quietly
from tests.support.peers import require_tool
from tests.unit.trust.openssh import found_by_ssh_keygen

KEY = generate().public
NAMES = st.text("abAB.:-[]1", min_size=1, max_size=6)
PATTERNS = st.lists(st.text("abAB.*?!:-[]1", min_size=1, max_size=6), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [
        ("Example.COM", 22, "example.com"),
        ("Example.COM", 2222, "[example.com]:2222"),
        ("192.0.2.1", 22, "192.0.2.1"),
        ("2001:DB8::1", 22, "2001:db8::1"),
        ("2001:DB8::1", 2222, "[2001:db8::1]:2222"),
    ],
)
def test_host_name(host: str, port: int, name: str) -> None:
    assert host_name(host, port) == name


@given(st.text("ab?*", max_size=12), st.text("ab*?", max_size=12))
def test_one_pattern(name: str, pattern: str) -> None:
    assert matches_pattern(name, pattern) == bool(re.match(fnmatch.translate(pattern), name))


def test_a_pattern_made_to_be_slow() -> None:
    # A regular expression would still be at it tomorrow.
    assert not matches_pattern("a" * 5000, "*a" * 40 + "b")


@pytest.mark.parametrize(
    ("name", "patterns", "found"),
    [
        ("a.example", "*.example,!b.example", True),
        ("b.example", "*.example,!b.example", False),
        ("b.example", "!b.example,*.example", False),
        ("c", "!a", False),
        ("c", "", False),
        ("c", ",,c", True),
        ("c", "C", True),
        ("[h]:22", "[h]:*", True),
        ("[h]:2222", "h", False),
    ],
)
def test_pattern_lists(name: str, patterns: str, found: bool) -> None:
    assert matches(name, patterns.split(",")) is found


@settings(max_examples=40)
@given(NAMES, st.lists(PATTERNS, min_size=1, max_size=30))
def test_as_ssh_keygen_finds(tmp_path_factory: pytest.TempPathFactory, name: str, lists: list[list[str]]) -> None:
    tool = require_tool("ssh-keygen", "openssh-client")
    file = tmp_path_factory.mktemp("known_hosts") / "file"
    file.write_text("".join(f"{','.join(patterns)} {KEY.line()}\n" for patterns in lists))
    ours = [entry.line for entry in KnownHosts.load([file]).lookup(name)]
    assert ours == found_by_ssh_keygen(tool, file, name)


def test_hashes_of_ssh_keygen(tmp_path: Path) -> None:
    hosts = [("plain.example", 22), ("Upper.Example", 22), ("ported.example", 2222), ("2001:db8::1", 22)]
    file = tmp_path / "known_hosts"
    file.write_text("".join(f"{host_name(host, port)} {KEY.line()}\n" for host, port in hosts))
    tool = require_tool("ssh-keygen", "openssh-client")
    run_quietly([tool, "-H", "-f", str(file)])
    known_hosts = KnownHosts.load([file])
    assert [entry.hashed for entry in known_hosts.entries] == [True] * 4
    for number, (host, port) in enumerate(hosts, 1):
        assert [entry.line for entry in known_hosts.lookup(host, port)] == [number]
        assert known_hosts.lookup(host, port + 1) == []
    assert known_hosts.hosts() == []


def test_our_hashes(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{hash_name('[some.example]:2222', bytes(range(20)))} {KEY.line()}\n")
    tool = require_tool("ssh-keygen", "openssh-client")
    assert found_by_ssh_keygen(tool, file, "[some.example]:2222") == [1]
    assert found_by_ssh_keygen(tool, file, "some.example") == []


@pytest.mark.parametrize(
    "field",
    [
        "|1|",
        "|1|AAAA|AAAA",
        "|2|" + hash_name("x", bytes(20))[3:],
        hash_name("x", bytes(20)) + "|",
        "|1|\u00e9|x",
        "||||",
    ],
)
def test_malformed_hashes(field: str) -> None:
    assert split_hash(field) is None


@pytest.mark.parametrize(
    "host", ["", "*", "a,b", "a b", "a\nb", "a?", "!a", "|1|x", "#a", "@revoked", "a\tb", "a\0", "a\u00a0b", "a\u2028b"]
)
def test_names_that_would_mean_something_else(host: str) -> None:
    assert not is_writable(host)


@pytest.mark.parametrize("host", ["a", "192.0.2.1", "fe80::1%eth0", "a_b.example", "b\u00fccher.example"])
def test_names_that_can_be_written(host: str) -> None:
    assert is_writable(host)
