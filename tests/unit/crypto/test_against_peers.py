"""Our packets, key agreements and derived keys against AsyncSSH's and Paramiko's, in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest
from asyncssh.crypto import ECDH, MLKEM, Curve25519DH
from asyncssh.encryption import get_encryption, get_encryption_params
from asyncssh.kex import Kex
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from paramiko.message import Message
from paramiko.packet import Packetizer

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.derive import derive_key
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.wire.types import mpint, string
from tests.unit.crypto.reference import PROTECTED, Protection, ids

SIZES = [1, 2, 11, 12, 13, 100, 255, 4000, 33000]


# --- AsyncSSH ---------------------------------------------------------------------------------------------------------


class AsyncSSHEnd:
    """AsyncSSH's encryption object, and around it what its connection does to make and take packets."""

    def __init__(self, protection: Protection, sequence: int) -> None:
        assert protection.cipher
        cipher, mac = protection.cipher.encode(), (protection.mac or "").encode()
        sizes = get_encryption_params(cipher, mac)
        key_size, iv_size, self.block_size, mac_key_size, self.tag_size, self.etm = sizes
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


@pytest.mark.parametrize("pair", PROTECTED, ids=ids)
def test_asyncssh_opens_our_packets(pair: tuple[str, str | None]) -> None:
    protection = Protection.draw(*pair)
    sealer, theirs = protection.sealer(0xFFFFFFFC), AsyncSSHEnd(protection, 0xFFFFFFFC)
    for size in SIZES:
        payload = os.urandom(size)
        assert theirs.open(sealer.seal(payload)) == payload


@pytest.mark.parametrize("pair", PROTECTED, ids=ids)
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
    "ecdh-sha2-nistp256": lambda: ECDH(b"nistp256"),
}


@pytest.mark.parametrize("name", ECDH_PEERS)
def test_asyncssh_agrees_on_ecdh_secrets(name: str) -> None:
    for _ in range(20):
        theirs, ours = ECDH_PEERS[name](), EXCHANGES[name].agreement()
        public, secret = ours.server_reply(theirs.get_public())
        assert mpint(theirs.get_shared(public)) == secret
        theirs, ours = ECDH_PEERS[name](), EXCHANGES[name].agreement()
        public = ours.client_public()
        assert ours.client_secret(theirs.get_public()) == mpint(theirs.get_shared(public))


def test_asyncssh_agrees_on_hybrid_secrets() -> None:
    def combined(post_quantum: bytes, classical: bytes) -> bytes:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(post_quantum + classical)
        return string(digest.finalize())

    kem, curve = MLKEM(b"mlkem768"), Curve25519DH()
    public, secret = EXCHANGES["mlkem768x25519-sha256"].agreement().server_reply(kem.get_public() + curve.get_public())
    assert combined(kem.decaps(public[:1088]), curve.get_shared_bytes(public[1088:])) == secret

    ours, curve = EXCHANGES["mlkem768x25519-sha256"].agreement(), Curve25519DH()
    public = ours.client_public()
    post_quantum, ciphertext = kem.encaps(public[:1184])
    expected = combined(post_quantum, curve.get_shared_bytes(public[1184:]))
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
    mac = MACS[protection.mac]
    engine = getattr(hashlib, mac.hash_name)
    cipher = Cipher(AES(protection.key), modes.CTR(protection.iv))
    parameters = (16, engine, mac.tag_size, protection.mac_key)
    packetizer.set_outbound_cipher(cipher.encryptor(), *parameters, sdctr=True, etm=mac.etm)
    packetizer.set_inbound_cipher(cipher.decryptor(), *parameters, etm=mac.etm)
    return packetizer, wire


PARAMIKO = [pair for pair in PROTECTED if "chacha20" not in pair[0]]  # it has none


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


def test_every_cipher_is_compared_with_somebody() -> None:
    assert {cipher for cipher, _ in PROTECTED} == set(CIPHERS)
    assert set(ECDH_PEERS) | {"mlkem768x25519-sha256"} == set(EXCHANGES)
