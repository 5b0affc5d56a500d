"""One run of a two-message key exchange and the keys that come out of it (RFC 4253 §7.2 and §8, RFC 5656 §4)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..crypto.ciphers import CIPHERS
from ..crypto.derive import derive_key
from ..crypto.exchange import EXCHANGES
from ..crypto.macs import MACS
from ..crypto.packet_protection.framing import Randomness
from ..crypto.packet_protection.interfaces import Opener, Sealer
from ..errors import KeyExchangeError, SignatureError
from ..keys.base import PrivateKey, PublicKey
from ..keys.key_types import parse_public_key
from ..wire import types as t
from ..wire.messages import KexEcdhInit, KexEcdhReply
from .negotiation import Agreed, Direction
from .roles import Role


@dataclass(frozen=True, slots=True)
class Transcript:
    """What both sides said before the exchange; it goes into the exchange hash (RFC 4253 §8)."""

    client_version: bytes
    server_version: bytes
    client_kexinit: bytes
    server_kexinit: bytes

    def hash(self, name: str, host_key: bytes, client_public: bytes, server_public: bytes, secret: bytes) -> bytes:
        """The exchange hash H; ``secret`` is K in its wire form."""
        parts = (
            self.client_version,
            self.server_version,
            self.client_kexinit,
            self.server_kexinit,
            host_key,
            client_public,
            server_public,
        )
        return hashlib.new(name, b"".join(map(t.string, parts)) + secret).digest()


@dataclass(frozen=True, slots=True)
class Secrets:
    """The shared secret K in its wire form, and the exchange hash H."""

    hash_name: str
    secret: bytes = field(repr=False)
    exchange_hash: bytes


class ClientExchange:
    """The client's half: `init` to send, then `finish` with the server's reply."""

    def __init__(self, agreed: Agreed, transcript: Transcript, random: Randomness) -> None:
        self._agreed = agreed
        self._transcript = transcript
        self._method = EXCHANGES[agreed.kex]
        self._agreement = self._method.agreement(random)
        self._public = self._agreement.client_public()

    def init(self) -> KexEcdhInit:
        """The first message."""
        return KexEcdhInit(self._public)

    def finish(self, reply: KexEcdhReply) -> tuple[Secrets, PublicKey]:
        """Checks the reply and the signature over the exchange hash; returns the secrets and the server's host key.

        Raises `KeyExchangeError` for a wrong public value and for a signature that does not verify.  Whether the host
        key is the right one is not judged here.
        """
        secret = self._agreement.client_secret(reply.server_public)
        exchange_hash = self._transcript.hash(
            self._method.hash_name, reply.host_key, self._public, reply.server_public, secret
        )
        host_key = parse_public_key(reply.host_key)
        try:
            host_key.verify(reply.signature, exchange_hash, (self._agreed.host_key,))
        except SignatureError as error:
            raise KeyExchangeError(
                "the server's signature over the key exchange is wrong",
                phase="key exchange",
                expected=f"a valid {self._agreed.host_key} signature",
                received=str(error),
                next_step="Somebody may be altering the connection; do not go on over this network.",
            ) from error
        return Secrets(self._method.hash_name, secret, exchange_hash), host_key


class ServerExchange:
    """The server's half: one answer to the client's first message."""

    def __init__(
        self, agreed: Agreed, transcript: Transcript, host_keys: Sequence[PrivateKey], random: Randomness
    ) -> None:
        self._agreed = agreed
        self._transcript = transcript
        self._random = random
        self._host_key = next(key for key in host_keys if agreed.host_key in key.public.signature_algorithms)

    def reply(self, init: KexEcdhInit) -> tuple[Secrets, KexEcdhReply]:
        """The secrets and the reply, signed with the agreed host key; raises `KeyExchangeError`."""
        method = EXCHANGES[self._agreed.kex]
        server_public, secret = method.agreement(self._random).server_reply(init.client_public)
        host_key = self._host_key.public.blob
        exchange_hash = self._transcript.hash(method.hash_name, host_key, init.client_public, server_public, secret)
        signature = self._host_key.sign(exchange_hash, self._agreed.host_key)
        return Secrets(method.hash_name, secret, exchange_hash), KexEcdhReply(host_key, server_public, signature)


# RFC 4253 §7.2: the letters of IV, key and MAC key, by the role that sends.
_LETTERS = {Role.CLIENT: (b"A", b"C", b"E"), Role.SERVER: (b"B", b"D", b"F")}


def _key_material(
    secrets: Secrets, session_id: bytes, sender: Role, direction: Direction
) -> tuple[bytes, bytes, bytes]:
    cipher = CIPHERS[direction.cipher]
    mac_size = 0 if cipher.integrated_mac else MACS[direction.mac].key_size
    sizes = (cipher.iv_size, cipher.key_size, mac_size)
    iv, key, mac_key = (
        derive_key(secrets.hash_name, secrets.secret, secrets.exchange_hash, letter, session_id, size) if size else b""
        for letter, size in zip(_LETTERS[sender], sizes, strict=True)
    )
    return iv, key, mac_key


def make_sealer(
    secrets: Secrets, session_id: bytes, sender: Role, direction: Direction, sequence: int, random: Randomness
) -> Sealer:
    """What seals packets that ``sender`` sends, from packet number ``sequence`` on."""
    iv, key, mac_key = _key_material(secrets, session_id, sender, direction)
    return CIPHERS[direction.cipher].sealer(key, iv, MACS.get(direction.mac), mac_key, sequence, random)


def make_opener(secrets: Secrets, session_id: bytes, sender: Role, direction: Direction, sequence: int) -> Opener:
    """What opens packets that ``sender`` sent, from packet number ``sequence`` on."""
    iv, key, mac_key = _key_material(secrets, session_id, sender, direction)
    return CIPHERS[direction.cipher].opener(key, iv, MACS.get(direction.mac), mac_key, sequence)
