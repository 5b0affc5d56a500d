"""Ask a proxy for a connection: SOCKS 4, 4a and 5 (RFC 1928, RFC 1929), HTTP CONNECT (RFC 9110 §9.3.6).

The socket is then used for SSH, so not a byte after the proxy's answer may be read from it: an SSH server's version
line may already follow.  Existing libraries do not guarantee that.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from typing import Final

from jupyter_ssh.ssh.config.proxy_address import ProxyAddress
from jupyter_ssh.ssh.errors import ProxyError

MAX_HEAD: Final = 8192
"""Maximum bytes of an HTTP proxy's answer, up to the blank line."""

PHASE: Final = "asking the proxy"

RESOLVES_HERE: Final = frozenset({"socks4"})
"""Schemes of proxies that accept only addresses, so the name is resolved on this machine."""

_SOCKS4_CODES: Final = {
    0x5B: "the request was rejected or failed",
    0x5C: "identd does not answer on this machine",
    0x5D: "identd names another user",
}
_SOCKS5_CODES: Final = {
    1: "a general failure of the proxy",
    2: "not allowed by the proxy's rules",
    3: "the network is unreachable",
    4: "the host is unreachable, or its name does not resolve there",
    5: "the connection was refused",
    6: "the time to live expired",
    7: "the proxy does not support the command",
    8: "the proxy does not support the type of address",
}
_SOCKS5_ADDRESS_SIZES: Final = {1: 4, 4: 16}


async def ask_proxy(connection: socket.socket, proxy: ProxyAddress, host: str, port: int) -> None:
    """Ask ``proxy``, to which ``connection`` is open, to connect to ``host`` and ``port``.

    ``host`` is a name or an address; for `RESOLVES_HERE` an IPv4 address.  Raises `ProxyError`.
    """
    talk = _Talk(connection, proxy)
    try:
        await _WAYS[proxy.scheme](talk, host, port)
    except (OSError, UnicodeError) as error:
        raise talk.error("the connection to the proxy was lost", received=str(error)) from None


class _Talk:
    """The exchange with a proxy: the bytes in both directions, and the errors."""

    def __init__(self, connection: socket.socket, proxy: ProxyAddress) -> None:
        self._connection = connection
        self.proxy = proxy

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def take(self, count: int, what: str) -> bytes:
        """Read exactly ``count`` bytes.  Raises `ProxyError` at the end of the stream."""
        data = b""
        while len(data) < count:
            piece = await asyncio.get_running_loop().sock_recv(self._connection, count - len(data))
            if not piece:
                raise self.error(f"the proxy closed the connection instead of sending {what}", received=shown(data))
            data += piece
        return data

    def error(
        self, message: str, *, expected: str | None = None, received: str | None = None, reason: str = "nonsense"
    ) -> ProxyError:
        error = ProxyError(f"proxy {self.proxy}: {message}", phase=PHASE, expected=expected, received=received)
        error.reason = reason
        return error


def shown(data: bytes) -> str:
    """Return bytes as text for people, of limited length."""
    return repr(data[:80])[1:] if data else "nothing"


# --- SOCKS 4 and 4a ---------------------------------------------------------------------------------------------------


async def _socks4(talk: _Talk, host: str, port: int) -> None:
    user = (talk.proxy.user or "").encode()
    try:
        address, name = ipaddress.IPv4Address(host).packed, b""
    except ValueError:
        if talk.proxy.scheme in RESOLVES_HERE or ":" in host:
            raise talk.error("SOCKS 4 supports only IPv4 addresses", received=host, reason="address") from None
        # 4a: an invalid address, and the host's name after the user's.
        address, name = b"\0\0\0\1", host.encode("idna") + b"\0"
    await talk.send(b"\4\1" + port.to_bytes(2, "big") + address + user + b"\0" + name)
    version, code = (await talk.take(8, "a SOCKS 4 answer"))[:2]
    if version != 0:
        raise talk.error("this is not a SOCKS 4 proxy", expected="a byte 0", received=f"{version:#04x}")
    if code != 0x5A:
        text = _SOCKS4_CODES.get(code, f"unknown answer {code:#04x}")
        raise talk.error("the proxy refused the connection", received=text, reason="refused")


# --- SOCKS 5 ----------------------------------------------------------------------------------------------------------


async def _socks5(talk: _Talk, host: str, port: int) -> None:
    with_login = talk.proxy.user is not None
    await talk.send(b"\5\2\0\2" if with_login else b"\5\1\0")
    version, method = await talk.take(2, "a SOCKS 5 answer")
    if version != 5:
        raise talk.error("this is not a SOCKS 5 proxy", expected="a byte 5", received=f"{version:#04x}")
    if method == 2 and with_login:
        await _socks5_login(talk)
    elif method == 0xFF or method not in (0, 2):
        missing = "it accepts none of the methods offered" if with_login else "it requires a login"
        raise talk.error("the proxy refused the login", received=missing, reason="login")
    elif method == 2:
        raise talk.error("the proxy chose a login method that was not offered")
    await talk.send(b"\5\1\0" + _socks5_address(talk, host) + port.to_bytes(2, "big"))
    version, code, _, kind = await talk.take(4, "a SOCKS 5 answer")
    if version != 5:
        raise talk.error("the proxy sent an invalid answer", expected="a byte 5", received=f"{version:#04x}")
    if code != 0:
        text = _SOCKS5_CODES.get(code, f"unknown answer {code}")
        raise talk.error("the proxy refused the connection", received=text, reason="refused")
    size = (await talk.take(1, "its address"))[0] if kind == 3 else _SOCKS5_ADDRESS_SIZES.get(kind)
    if size is None:
        raise talk.error("the proxy sent an invalid answer", expected="a type of address", received=str(kind))
    await talk.take(size + 2, "its address")


async def _socks5_login(talk: _Talk) -> None:
    """Log in with user name and password (RFC 1929)."""
    user, password = (talk.proxy.user or "").encode(), (talk.proxy.password or "").encode()
    if len(user) > 255 or len(password) > 255:
        raise talk.error("user name and password can have at most 255 bytes each", reason="login")
    await talk.send(b"\1" + bytes([len(user)]) + user + bytes([len(password)]) + password)
    if (await talk.take(2, "an answer to the login"))[1] != 0:
        raise talk.error("the proxy refused the login", received=f"refused for {talk.proxy.user!r}", reason="login")


def _socks5_address(talk: _Talk, host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")
        if len(name) > 255:
            raise talk.error("a host name can have at most 255 bytes", reason="address") from None
        return b"\3" + bytes([len(name)]) + name
    return (b"\1" if address.version == 4 else b"\4") + address.packed


# --- HTTP -------------------------------------------------------------------------------------------------------------


async def _http(talk: _Talk, host: str, port: int) -> None:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if talk.proxy.user is not None:
        login = base64.b64encode(f"{talk.proxy.user}:{talk.proxy.password or ''}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {login}")
    await talk.send("\r\n".join([*lines, "", ""]).encode("ascii"))
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")):
        head += await talk.take(1, "an HTTP answer")
        if len(head) >= MAX_HEAD or (len(head) >= 5 and not head.startswith(b"HTTP/")):
            raise talk.error(
                "this is not an HTTP proxy", expected="a line that begins with HTTP/", received=shown(head)
            )
    version, _, rest = head.partition(b"\n")[0].decode("latin-1").strip().partition(" ")
    code, _, reason = rest.partition(" ")
    reason = "".join(letter if letter.isprintable() else "?" for letter in reason[:80])
    if not version.startswith("HTTP/") or not (code.isdecimal() and len(code) == 3):
        raise talk.error("this is not an HTTP proxy", expected="a status", received=shown(head.splitlines()[0]))
    if code in ("407", "401"):  # 401 is incorrect here (RFC 9110 §15.5.2), but tinyproxy's answer to a wrong login
        message = "the proxy requires a login" if talk.proxy.user is None else "the proxy refused the login"
        raise talk.error(message, received=f"{code} {reason}", reason="login")
    if not code.startswith("2"):
        raise talk.error("the proxy refused the connection", received=f"{code} {reason}", reason="refused")


_WAYS: Final = {"http": _http, "socks4": _socks4, "socks4a": _socks4, "socks5": _socks5, "socks5h": _socks5}
