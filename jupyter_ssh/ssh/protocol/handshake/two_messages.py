"""Key exchanges with one message from each side (RFC 4253 §8, RFC 5656 §4)."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, ExchangeMethod
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.protocol.handshake.key_exchange import (
    Secrets,
    Step,
    Transcript,
    agreed_host_key,
    verified_host_key,
)
from jupyter_ssh.ssh.protocol.handshake.negotiation import Agreed
from jupyter_ssh.ssh.protocol.roles import Stage
from jupyter_ssh.ssh.wire.messages import KexEcdhInit, KexEcdhReply


class ClientExchange:
    """The client's half of an exchange of two messages, see `Exchange`."""

    stage = Stage.AGREEMENT

    def __init__(
        self, agreed: Agreed, transcript: Transcript, random: Randomness, required_rsa_size: int | None = None
    ) -> None:
        method = EXCHANGES[agreed.kex]
        assert isinstance(method, ExchangeMethod)
        self._agreed = agreed
        self._transcript = transcript
        self._required_rsa_size = required_rsa_size
        self._hash_name = method.hash_name
        self._agreement = method.agreement(random)
        self._public = self._agreement.client_public()

    def first(self) -> bytes | None:
        """See `Exchange.first`."""
        return KexEcdhInit(self._public).encode()

    def receive(self, message: bytes) -> Step:
        """See `Exchange.receive`."""
        return self.finish(KexEcdhReply.decode(message, 1))

    def finish(self, reply: KexEcdhReply) -> Step:
        """Check the reply and the signature over the exchange hash."""
        secret = self._agreement.client_secret(reply.server_public)
        exchange_hash = self._transcript.hash(
            self._hash_name, reply.host_key, self._public, reply.server_public, secret
        )
        host_key = verified_host_key(
            reply.host_key, reply.signature, exchange_hash, self._agreed.host_key, self._required_rsa_size
        )
        return Step((), Secrets(self._hash_name, secret, exchange_hash), host_key, reply.signature)


class ServerExchange:
    """The server's half: one answer to the client's first message."""

    stage = Stage.AGREEMENT

    def __init__(
        self, agreed: Agreed, transcript: Transcript, host_keys: Sequence[PrivateKey], random: Randomness
    ) -> None:
        self._agreed = agreed
        self._transcript = transcript
        self._random = random
        self._host_key = agreed_host_key(agreed, host_keys)

    def first(self) -> bytes | None:
        """See `Exchange.first`."""
        return None

    def receive(self, message: bytes) -> Step:
        """See `Exchange.receive`."""
        secrets, reply = self.reply(KexEcdhInit.decode(message, 1))
        return Step((reply.encode(),), secrets)

    def reply(self, init: KexEcdhInit) -> tuple[Secrets, KexEcdhReply]:
        """Return the secrets and the reply, signed with the agreed host key; raise `KeyExchangeError`."""
        method = EXCHANGES[self._agreed.kex]
        assert isinstance(method, ExchangeMethod)
        server_public, secret = method.agreement(self._random).server_reply(init.client_public)
        host_key = self._host_key.public.blob
        exchange_hash = self._transcript.hash(method.hash_name, host_key, init.client_public, server_public, secret)
        signature = self._host_key.sign(exchange_hash, self._agreed.host_key)
        return Secrets(method.hash_name, secret, exchange_hash), KexEcdhReply(host_key, server_public, signature)
