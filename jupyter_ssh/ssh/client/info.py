"""How a connection is made up, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """How a connection is made up; ``host`` is the name as it was typed."""

    host: str
    port: int
    user: str
    address: str
    """Empty where only a proxy or a jump host knows it."""
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
    """The key that was used to log in, if one was."""
    post_quantum: bool
    via: str = ""
    """The proxy, the ProxyCommand or the jump host that the way leads through; empty where it leads straight."""
    host_key_dns: str = ""
    """What DNS says of the host key, in a few words; empty where it was not asked (VerifyHostKeyDNS)."""

    @property
    def destination(self) -> str:
        """``user@host``, with the port if it is not 22."""
        return f"{self.user}@{self.host}" + ("" if self.port == 22 else f":{self.port}")
