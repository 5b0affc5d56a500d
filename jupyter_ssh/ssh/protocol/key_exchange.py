"""Key exchange and the keys that come out of it (RFC 4253 §7.2 and §8); those of two messages (RFC 5656 §4)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.derive import derive_key
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, ExchangeMethod, GroupExchangeMethod
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener, Sealer
from jupyter_ssh.ssh.errors import KeyExchangeError, SignatureError
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import parse_key_or_certificate
from jupyter_ssh.ssh.protocol.negotiation import Agreed, Direction
from jupyter_ssh.ssh.protocol.roles import Role, Stage
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.wire import types as t
from jupyter_ssh.ssh.wire.messages import KexEcdhInit, KexEcdhReply


@dataclass(frozen=True, slots=True)
class Transcript:
    """What both sides said before the exchange; it goes into the exchange hash (RFC 4253 §8)."""

    client_version: bytes
    server_version: bytes
    client_kexinit: bytes
    server_kexinit: bytes

    def hash(
        self,
        name: str,
        host_key: bytes,
        client_public: bytes,
        server_public: bytes,
        secret: bytes,
        group: bytes = b"",
    ) -> bytes:
        """The exchange hash H; ``secret`` is K in its wire form, ``group`` what a group exchange hashes besides."""
        before = (self.client_version, self.server_version, self.client_kexinit, self.server_kexinit, host_key)
        publics = t.string(client_public) + t.string(server_public)
        return hashlib.new(name, b"".join(map(t.string, before)) + group + publics + secret).digest()


@dataclass(frozen=True, slots=True)
class Secrets:
    """The shared secret K in its wire form, and the exchange hash H."""

    hash_name: str
    secret: bytes = field(repr=False)
    exchange_hash: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """What a message of the peer's led to: messages to send and, with the last one, the secrets and for the client the
    server's host key and its signature over the exchange hash."""

    answers: tuple[bytes, ...] = ()
    secrets: Secrets | None = None
    host_key: PublicKey | None = None
    signature: bytes = b""


class Exchange(Protocol):
    """One run of a key exchange, in either role."""

    @property
    def stage(self) -> Stage:
        """What the peer has to send next."""

    def first(self) -> bytes | None:
        """The message that begins it; None for the server, which waits for one."""

    def receive(self, message: bytes) -> Step:
        """Takes a message of the peer's, its number first, that GATE allows at this stage.

        Raises `WireError` and `KeyExchangeError`.  Whether the host key is the right one is not judged here.
        """


def begin_exchange(role: Role, agreed: Agreed, transcript: Transcript, settings: Settings) -> Exchange:
    """The exchange of the agreed method."""
    method, random = EXCHANGES[agreed.kex], settings.random
    if role is Role.CLIENT:
        if not isinstance(method, GroupExchangeMethod):
            return ClientExchange(agreed, transcript, random, settings.required_rsa_size)
        from jupyter_ssh.ssh.protocol.group_exchange import ClientGroupExchange

        return ClientGroupExchange(method, agreed.host_key, transcript, random, settings.required_rsa_size)
    if not isinstance(method, GroupExchangeMethod):
        return ServerExchange(agreed, transcript, settings.host_keys, random)
    from jupyter_ssh.ssh.protocol.group_exchange import ServerGroupExchange

    groups = settings.groups() if settings.groups else None
    host_key = agreed_host_key(agreed, settings.host_keys)
    return ServerGroupExchange(method, host_key, agreed.host_key, transcript, groups, random)


def agreed_host_key(agreed: Agreed, host_keys: Sequence[PrivateKey]) -> PrivateKey:
    """The server's key for the agreed algorithm."""
    return next(key for key in host_keys if agreed.host_key in key.public.signature_algorithms)


def verified_host_key(
    blob: bytes, signature: bytes, exchange_hash: bytes, algorithm: str, required_rsa_size: int | None = None
) -> PublicKey:
    """The server's host key or certificate, whose signature over the exchange hash is right.

    Raises `KeyExchangeError`, and `KeyFormatError` for a malformed key or certificate.
    """
    host_key = parse_key_or_certificate(blob, required_rsa_size)
    try:
        # A server has nobody to touch its security key at each connection.
        host_key.verify(signature, exchange_hash, (algorithm,), no_touch_required=True)
    except SignatureError as error:
        raise KeyExchangeError(
            "the server's signature over the key exchange is wrong",
            phase="key exchange",
            expected=f"a valid {algorithm} signature",
            received=str(error),
            next_step="Somebody may be altering the connection; do not go on over this network.",
        ) from error
    return host_key


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
        """Checks the reply and the signature over the exchange hash."""
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
        """The secrets and the reply, signed with the agreed host key; raises `KeyExchangeError`."""
        method = EXCHANGES[self._agreed.kex]
        assert isinstance(method, ExchangeMethod)
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
    secrets: Secrets,
    session_id: bytes,
    sender: Role,
    direction: Direction,
    sequence: int,
    random: Randomness,
    *,
    logged_in: bool = False,
) -> Sealer:
    """What seals packets that ``sender`` sends, from packet number ``sequence`` on; it compresses them where that was
    agreed on, with a delayed compression only after the login."""
    iv, key, mac_key = _key_material(secrets, session_id, sender, direction)
    sealer = CIPHERS[direction.cipher].sealer(key, iv, MACS.get(direction.mac), mac_key, sequence, random)
    sealer = compressing(sealer, direction, delayed=False)
    return compressing(sealer, direction, delayed=True) if logged_in else sealer


def make_opener(
    secrets: Secrets, session_id: bytes, sender: Role, direction: Direction, sequence: int, *, logged_in: bool = False
) -> Opener:
    """What opens packets that ``sender`` sent, from packet number ``sequence`` on; ``logged_in`` as above."""
    iv, key, mac_key = _key_material(secrets, session_id, sender, direction)
    opener = CIPHERS[direction.cipher].opener(key, iv, MACS.get(direction.mac), mac_key, sequence)
    opener = decompressing(opener, direction, delayed=False)
    return decompressing(opener, direction, delayed=True) if logged_in else opener


def compressing(sealer: Sealer, direction: Direction, *, delayed: bool) -> Sealer:
    """``sealer`` with the compression that begins ``delayed``, or not, if that is the one that was agreed on."""
    row = COMPRESSIONS[direction.compression]
    if row.compressor is None or row.delayed is not delayed:
        return sealer
    from jupyter_ssh.ssh.crypto.packet_protection.compressed import CompressedSealer

    return CompressedSealer(sealer, row.compressor())


def decompressing(opener: Opener, direction: Direction, *, delayed: bool) -> Opener:
    """The same for ``opener``."""
    row = COMPRESSIONS[direction.compression]
    if row.decompressor is None or row.delayed is not delayed:
        return opener
    from jupyter_ssh.ssh.crypto.packet_protection.compressed import CompressedOpener

    return CompressedOpener(opener, row.decompressor())
