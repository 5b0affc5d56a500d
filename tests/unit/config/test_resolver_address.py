"""How a name server is named in DNSResolver."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.config.resolver_address import RESOLVER, ResolverAddress


@pytest.mark.parametrize(
    ("words", "server", "written"),
    [
        (["127.0.0.1"], ResolverAddress("127.0.0.1"), "127.0.0.1"),
        (["::1@5353"], ResolverAddress("::1", 5353), "::1@5353"),
        (["127.0.0.1@5353", "trust-ad"], ResolverAddress("127.0.0.1", 5353, True), "127.0.0.1@5353 trust-ad"),
        (["192.0.2.1 trust-ad"], ResolverAddress("192.0.2.1", 53, True), "192.0.2.1 trust-ad"),
        (["none"], None, None),
    ],
)
def test_read_and_written(words: list[str], server: ResolverAddress | None, written: str | None) -> None:
    assert RESOLVER.read(words) == server
    assert RESOLVER.write(server) == ([written] if written else [])


@pytest.mark.parametrize("words", [[""], ["a.name"], ["127.0.0.1@"], ["127.0.0.1@0"], ["127.0.0.1", "trust"], ["@53"]])
def test_what_is_none(words: list[str]) -> None:
    with pytest.raises(ValueError, match="Bad name server"):
        RESOLVER.read(words)
