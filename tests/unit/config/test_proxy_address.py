"""How a proxy is named."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.config.proxy_address import parse_proxy


@pytest.mark.parametrize(
    ("text", "shown", "password"),
    [
        ("socks5://proxy", "socks5://proxy:1080", None),
        ("HTTP://proxy/", "http://proxy:8080", None),
        ("socks4a://[::1]:9", "socks4a://[::1]:9", None),
        ("http://al%40ice:p%3Aw@proxy:3128", "http://al%40ice@proxy:3128", "p:w"),
        ("http://alice:a@b@proxy", "http://alice@proxy:8080", "a@b"),
        ("environment", "environment", None),
    ],
)
def test_parts(text: str, shown: str, password: str | None) -> None:
    proxy = parse_proxy(text)
    assert proxy is not None
    assert str(proxy) == shown
    assert proxy.password == password
    assert password is None or password not in repr(proxy)


def test_none() -> None:
    assert parse_proxy("none") is None


@pytest.mark.parametrize("text", ["proxy:1080", "ftp://u:secret@proxy", "http://u:secret@", "http://u:secret@p:0"])
def test_what_is_no_proxy_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_proxy(text)
    assert "secret" not in str(caught.value)
