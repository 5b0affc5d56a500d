"""The details of a connection, for display and for programs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """The details of a connection; ``host`` is the name as it was typed."""

    host: str
    port: int
    user: str
    address: str
    """Empty if only a proxy or a jump host knows it."""
    server_version: str
    client_version: str
    exchange: str
    host_key_algorithm: str
    host_key_fingerprint: str
    cipher_out: str
    cipher_in: str
    mac_out: str
    mac_in: str
    method: str
    key_fingerprint: str | None
    """The key that authenticated, if one did."""
    post_quantum: bool
    via: str = ""
    """The proxy, ProxyCommand or jump host on the route; empty for a direct connection."""
    host_key_dns: str = ""
    """The result of looking up the host key in DNS, in a few words; empty if it was not looked up
    (VerifyHostKeyDNS)."""

    @property
    def destination(self) -> str:
        """``user@host``, with the port if it is not 22."""
        return f"{self.user}@{self.host}" + ("" if self.port == 22 else f":{self.port}")
