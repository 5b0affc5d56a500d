"""Our packets, key agreements and derived keys against AsyncSSH's and Paramiko's, in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from asyncssh.crypto import ECDH, MLKEM, Curve448DH, Curve25519DH
from asyncssh.encryption import get_encryption, get_encryption_algs, get_encryption_params
from asyncssh.kex import Kex, get_kex_algs
from asyncssh.mac import get_mac_algs
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from paramiko import Transport
from paramiko.message import Message
from paramiko.packet import Packetizer

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.derive import derive_key
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, ExchangeMethod, KeyAgreement
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.wire.types import mpint, string
from tests.unit.crypto.reference import Protection, ids

SIZES = [1, 2, 11, 12, 13, 100, 255, 4000, 33000]


def pairs(ciphers: Iterable[str], macs: Iterable[str]) -> list[tuple[str, str | None]]:
    """Each cipher with two MACs, each MAC with two ciphers, of those that both sides know."""
    ciphers, macs = [name for name in ciphers if name in CIPHERS], [name for name in macs if name in MACS]
    found: list[tuple[str, str | None]] = []
    for cipher in ciphers:
        if CIPHERS[cipher].integrated_mac:
            found.append((cipher, None))
        else:
            found += [(cipher, mac) for mac in ("hmac-sha2-256", "hmac-sha2-256-etm@openssh.com") if mac in macs]
    found += [(cipher, mac) for mac in macs for cipher in ("aes128-ctr", "aes256-cbc")]
    return list(dict.fromkeys(found))


# --- AsyncSSH ---------------------------------------------------------------------------------------------------------


class AsyncSSHEnd:
    """AsyncSSH's encryption object, and around it what its connection does to make and take packets."""

    def __init__(self, protection: Protection, sequence: int) -> None:
        assert protection.cipher
        cipher, mac = protection.cipher.encode(), (protection.mac or "").encode()
        sizes = get_encryption_params(cipher, mac)
        key_size, iv_size, self.block_size, mac_key_size, self.tag_size, self.etm = sizes
        if protection.cipher.startswith("arcfour"):
            iv_size = 0  # AsyncSSH says 1, and does nothing with it
        assert (key_size, iv_size, mac_key_size) == tuple(
            len(part) for part in (protection.key, protection.iv, protection.mac_key)
        )
        self.encryption = get_encryption(cipher, protection.key, protection.iv, mac, protection.mac_key, self.etm)
        self.block_size = max(8, self.block_size)
        self.sequence = sequence

    def seal(self, payload: bytes) -> bytes:
        padding = -((1 if self.etm else 5) + len(payload)) % self.block_size
        padding += self.block_size if padding < 4 else 0
        body = bytes((padding,)) + payload + os.urandom(padding)
        packet, tag = self.encryption.encrypt_packet(self.sequence, len(body).to_bytes(4, "big"), body)
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        return packet + tag

    def open(self, packet: bytes) -> bytes:
        first, rest = packet[: self.block_size], packet[self.block_size : len(packet) - self.tag_size]
        first, header = self.encryption.decrypt_header(self.sequence, first, 4)
        assert int.from_bytes(header, "big") == len(packet) - 4 - self.tag_size
        body = self.encryption.decrypt_packet(self.sequence, first, rest, 4, packet[len(packet) - self.tag_size :])
        assert body is not None, "AsyncSSH refuses the tag"
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        return bytes(body[1 : len(body) - body[0]])


ASYNCSSH = pairs((name.decode() for name in get_encryption_algs()), (name.decode() for name in get_mac_algs()))


@pytest.mark.parametrize("pair", ASYNCSSH, ids=ids)
def test_asyncssh_opens_our_packets(pair: tuple[str, str | None]) -> None:
    protection = Protection.draw(*pair)
    sealer, theirs = protection.sealer(0xFFFFFFFC), AsyncSSHEnd(protection, 0xFFFFFFFC)
    for size in SIZES:
        payload = os.urandom(size)
        assert theirs.open(sealer.seal(payload)) == payload


@pytest.mark.parametrize("pair", ASYNCSSH, ids=ids)
def test_we_open_asyncssh_packets(pair: tuple[str, str | None]) -> None:
    protection = Protection.draw(*pair)
    opener, theirs = protection.opener(0xFFFFFFFC), AsyncSSHEnd(protection, 0xFFFFFFFC)
    for size in SIZES:
        payload = os.urandom(size)
        packet = memoryview(theirs.seal(payload))
        body = opener.open(packet, 0, len(packet))
        assert body is not None
        assert body[1 : len(body) - body[0]] == payload
        assert len(body) + opener.overhead == len(packet)


ECDH_PEERS: dict[str, Callable[[], Any]] = {
    "curve25519-sha256": Curve25519DH,
    "curve25519-sha256@libssh.org": Curve25519DH,
    "curve448-sha512": Curve448DH,
    "ecdh-sha2-nistp256": lambda: ECDH(b"nistp256"),
    "ecdh-sha2-nistp384": lambda: ECDH(b"nistp384"),
    "ecdh-sha2-nistp521": lambda: ECDH(b"nistp521"),
}


def agreement(name: str) -> KeyAgreement:
    row = EXCHANGES[name]
    assert isinstance(row, ExchangeMethod)
    return row.agreement()


@pytest.mark.parametrize("name", ECDH_PEERS)
def test_asyncssh_agrees_on_ecdh_secrets(name: str) -> None:
    for _ in range(10):
        theirs, ours = ECDH_PEERS[name](), agreement(name)
        public, secret = ours.server_reply(theirs.get_public())
        assert mpint(theirs.get_shared(public)) == secret
        theirs, ours = ECDH_PEERS[name](), agreement(name)
        public = ours.client_public()
        assert ours.client_secret(theirs.get_public()) == mpint(theirs.get_shared(public))


HYBRID_PEERS: dict[str, tuple[bytes, Callable[[], Any], str]] = {
    "mlkem768x25519-sha256": (b"mlkem768", Curve25519DH, "sha256"),
    "mlkem768nistp256-sha256": (b"mlkem768", lambda: ECDH(b"nistp256"), "sha256"),
    "mlkem1024nistp384-sha384": (b"mlkem1024", lambda: ECDH(b"nistp384"), "sha384"),
}


@pytest.mark.parametrize("name", HYBRID_PEERS)
def test_asyncssh_agrees_on_hybrid_secrets(name: str) -> None:
    kem_name, make_curve, hash_name = HYBRID_PEERS[name]

    def combined(post_quantum: bytes, classical: bytes) -> bytes:
        return string(hashlib.new(hash_name, post_quantum + classical).digest())

    kem, curve = MLKEM(kem_name), make_curve()
    split = kem.ciphertext_bytes
    public, secret = agreement(name).server_reply(kem.get_public() + curve.get_public())
    assert combined(kem.decaps(public[:split]), curve.get_shared_bytes(public[split:])) == secret

    ours, curve = agreement(name), make_curve()
    public = ours.client_public()
    post_quantum, ciphertext = kem.encaps(public[: kem.pubkey_bytes])
    expected = combined(post_quantum, curve.get_shared_bytes(public[kem.pubkey_bytes :]))
    assert ours.client_secret(ciphertext + curve.get_public()) == expected


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_asyncssh_derives_the_same_keys(hash_name: str) -> None:
    kex = Kex.__new__(Kex)  # without a connection
    kex._hash_alg = getattr(hashlib, hash_name)
    secret, exchange_hash, session_id = mpint(1 << 255), os.urandom(32), os.urandom(32)
    for letter in (b"A", b"C", b"E"):
        for size in (12, 16, 32, 64, 100):
            expected = kex.compute_key(secret, exchange_hash, letter, session_id, size)
            assert derive_key(hash_name, secret, exchange_hash, letter, session_id, size) == expected


# --- Paramiko ---------------------------------------------------------------------------------------------------------


class Wire:
    """A socket in memory: what is sent can be received."""

    def __init__(self) -> None:
        self.data = bytearray()

    def send(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def recv(self, size: int) -> bytes:
        data = bytes(self.data[:size])
        del self.data[:size]
        return data

    def settimeout(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        pass


def paramiko_end(protection: Protection) -> tuple[Packetizer, Wire]:
    """Paramiko's packets in both directions under these keys."""
    wire = Wire()
    packetizer = Packetizer(wire)
    if protection.mac is None:
        cipher = AESGCM(protection.key)
        packetizer.set_outbound_cipher(cipher, 16, None, 16, None, aead=True, iv_out=protection.iv)
        packetizer.set_inbound_cipher(cipher, 16, None, 16, None, aead=True, iv_in=protection.iv)
        return packetizer, wire
    assert protection.cipher
    # Paramiko's tables of what it can do are private to it.
    mac, row = MACS[protection.mac], Transport._cipher_info[protection.cipher]
    engine = getattr(hashlib, mac.hash_name)
    cipher = Cipher(row["class"](protection.key), row["mode"](protection.iv))
    parameters = (row["block-size"], engine, mac.tag_size, protection.mac_key)
    packetizer.set_outbound_cipher(cipher.encryptor(), *parameters, sdctr="ctr" in protection.cipher, etm=mac.etm)
    packetizer.set_inbound_cipher(cipher.decryptor(), *parameters, etm=mac.etm)
    return packetizer, wire


# See above.
PARAMIKO = pairs(Transport._cipher_info, Transport._mac_info)


@pytest.mark.parametrize("pair", PARAMIKO, ids=ids)
def test_paramiko_opens_our_packets(pair: tuple[str, str | None]) -> None:
    protection = Protection.draw(*pair)
    theirs, wire = paramiko_end(protection)
    sealer = protection.sealer()
    for size in SIZES:
        payload = os.urandom(size)
        wire.data += sealer.seal(payload)
        number, message = theirs.read_message()
        assert bytes((number,)) + message.asbytes() == payload
    assert not wire.data


@pytest.mark.parametrize("pair", PARAMIKO, ids=ids)
def test_we_open_paramikos_packets(pair: tuple[str, str | None]) -> None:
    protection = Protection.draw(*pair)
    theirs, wire = paramiko_end(protection)
    opener = protection.opener()
    for size in SIZES:
        payload = os.urandom(size)
        theirs.send_message(Message(payload))
        packet = memoryview(wire.recv(1 << 20))
        body = opener.open(packet, 0, len(packet))
        assert body is not None
        assert body[1 : len(body) - body[0]] == payload
        assert len(body) + opener.overhead == len(packet)


def test_every_algorithm_is_compared_with_somebody() -> None:
    """Or with what is said elsewhere: published vectors, and the servers of others that `tests/peers` talks to."""
    compared = {*ASYNCSSH, *PARAMIKO}
    assert set(CIPHERS) - {cipher for cipher, _ in compared} == {
        "rijndael-cbc@lysator.liu.se",  # aes256-cbc under another name
        "3des-ctr",
        "blowfish-ctr",
        "des-cbc",
    }
    assert set(MACS) - {mac for _, mac in compared} <= {name for name in MACS if name.startswith("umac")}
    known = {name.decode() for name in get_kex_algs()}
    assert set(EXCHANGES) - known == {"sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"}
    assert {name for name in EXCHANGES if not name.startswith(("diffie", "sntrup"))} == {*ECDH_PEERS, *HYBRID_PEERS}
