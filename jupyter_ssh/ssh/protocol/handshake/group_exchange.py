"""Diffie-Hellman group exchange, RFC 4419: the server names a group, then the two agree in it.

Imported when the method was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from jupyter_ssh.ssh.crypto.exchange import GroupExchangeMethod
from jupyter_ssh.ssh.crypto.key_agreement.dh import DiffieHellman
from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import (
    FALLBACK_BITS,
    Group,
    bits_for,
    check_form,
    choose_group,
    is_published,
    is_safe_prime,
    named_group,
    unsafe_group,
)
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.errors import KeyExchangeError, UnexpectedMessage
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.protocol.handshake.key_exchange import Secrets, SlowTest, Step, Transcript, verified_host_key
from jupyter_ssh.ssh.protocol.handshake.negotiation import Agreed
from jupyter_ssh.ssh.protocol.roles import Stage
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import types as t

CISCO: Final = b"SSH-2.0-Cisco-1."
CISCO_BITS: Final = 4096
"""The most that these servers may be asked for; asked for more, they close the connection (as OpenSSH knows)."""


def request(method: GroupExchangeMethod, agreed: Agreed, server_version: bytes) -> m.KexDhGexRequest:
    """Return what a client asks for: a group that matches the ciphers, within the method's limits."""
    preferred = bits_for(agreed.strength)
    if server_version.startswith(CISCO):
        preferred = min(preferred, CISCO_BITS)
    return m.KexDhGexRequest(method.minimum, min(max(preferred, method.minimum), method.maximum), method.maximum)


def _hashed(group: Group) -> bytes:
    return t.mpint(group.p) + t.mpint(group.g)


class ClientGroupExchange:
    """The client's half: a request for a group, then its public value in the group that the server names."""

    def __init__(
        self,
        method: GroupExchangeMethod,
        agreed: Agreed,
        transcript: Transcript,
        random: Randomness,
        required_rsa_size: int | None = None,
    ) -> None:
        self._method = method
        self._host_key_algorithm = agreed.host_key
        self._required_rsa_size = required_rsa_size
        self._transcript = transcript
        self._random = random
        self._request = request(method, agreed, transcript.server_version).encode()
        self._hashed = self._request[1:]
        self._agreement: DiffieHellman | None = None
        """None until the group has passed its test."""
        self._public = b""
        self.stage = Stage.GROUP

    def first(self) -> bytes | None:
        """See `Exchange.first`."""
        return self._request

    def receive(self, message: bytes) -> Step:
        """See `Exchange.receive`."""
        if self.stage is Stage.GROUP:
            return self._take_group(m.KexDhGexGroup.decode(message, 1))
        return self._finish(m.KexDhGexReply.decode(message, 1))

    def _take_group(self, message: m.KexDhGexGroup) -> Step:
        group = Group(message.p, message.g)
        check_form(group, self._method.minimum, self._method.maximum)
        self._hashed += _hashed(group)
        self.stage = Stage.IN_GROUP
        if is_published(group):
            return self._tested(group, True)
        return Step(test=SlowTest(partial(is_safe_prime, group.p), partial(self._tested, group)))

    def _tested(self, group: Group, safe: bool) -> Step:
        if not safe:
            raise unsafe_group()
        self._agreement = DiffieHellman(group, self._random)
        self._public = self._agreement.client_public()
        return Step((m.KexDhGexInit(self._public).encode(),))

    def _finish(self, reply: m.KexDhGexReply) -> Step:
        if self._agreement is None:
            raise UnexpectedMessage(
                "the server answered before it had our public value",
                expected="nothing while its group is tested",
                received="SSH_MSG_KEX_DH_GEX_REPLY",
            )
        secret = self._agreement.client_secret(reply.server_public)
        exchange_hash = self._transcript.hash(
            self._method.hash_name, reply.host_key, self._public, reply.server_public, secret, self._hashed
        )
        host_key = verified_host_key(
            reply.host_key, reply.signature, exchange_hash, self._host_key_algorithm, self._required_rsa_size
        )
        return Step((), Secrets(self._method.hash_name, secret, exchange_hash), host_key, reply.signature)


class ServerGroupExchange:
    """The server's half; ``groups`` are those it may name, None for those of RFC 3526."""

    def __init__(
        self,
        method: GroupExchangeMethod,
        host_key: PrivateKey,
        host_key_algorithm: str,
        transcript: Transcript,
        groups: Sequence[Group] | None,
        random: Randomness,
    ) -> None:
        self._method = method
        self._host_key = host_key
        self._host_key_algorithm = host_key_algorithm
        self._transcript = transcript
        self._groups = groups
        self._random = random
        self._hashed = b""
        self._group: Group | None = None
        self.stage = Stage.GROUP

    def first(self) -> bytes | None:
        """See `Exchange.first`."""
        return None

    def receive(self, message: bytes) -> Step:
        """See `Exchange.receive`."""
        if self.stage is Stage.IN_GROUP:
            return self._reply(m.KexDhGexInit.decode(message, 1))
        if message[0] == m.KexDhGexRequest.number:
            asked = m.KexDhGexRequest.decode(message, 1)
        else:
            preferred = m.KexDhGexRequestOld.decode(message, 1).preferred
            asked = m.KexDhGexRequest(self._method.minimum, preferred, self._method.maximum)
        group = self._choose(asked)
        self._hashed = message[1:] + _hashed(group)
        self._group = group
        self.stage = Stage.IN_GROUP
        return Step((m.KexDhGexGroup(group.p, group.g).encode(),))

    def _choose(self, asked: m.KexDhGexRequest) -> Group:
        group = None
        # Whatever is asked for, the group is within our own limits.
        minimum = max(asked.minimum, self._method.minimum)
        maximum = min(asked.maximum, self._method.maximum)
        if asked.minimum <= asked.preferred <= asked.maximum:
            limits = (minimum, asked.preferred, maximum)
            draw = int.from_bytes(self._random(4), "big")
            group = choose_group(self._groups or (), *limits, draw)
            # A file of moduli may lack what the client requires.
            group = group or choose_group([named_group(bits) for bits in FALLBACK_BITS], *limits, 0)
        if group is None:
            raise KeyExchangeError(
                "no Diffie-Hellman group fits the client's request",
                phase="key exchange",
                expected=f"a prime of {self._method.minimum} to {self._method.maximum} bits",
                received=f"{asked.minimum} to {asked.maximum} bits, preferably {asked.preferred}",
            )
        return group

    def _reply(self, init: m.KexDhGexInit) -> Step:
        assert self._group is not None
        server_public, secret = DiffieHellman(self._group, self._random).server_reply(init.client_public)
        host_key = self._host_key.public.blob
        exchange_hash = self._transcript.hash(
            self._method.hash_name, host_key, init.client_public, server_public, secret, self._hashed
        )
        signature = self._host_key.sign(exchange_hash, self._host_key_algorithm)
        reply = m.KexDhGexReply(host_key, server_public, signature)
        return Step((reply.encode(),), Secrets(self._method.hash_name, secret, exchange_hash))
