"""Key agreements: both sides get the same secret, wrong values end in a typed error."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable

import pytest

from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, ExchangeMethod
from jupyter_ssh.ssh.crypto.key_agreement.curve25519 import X25519, Curve25519
from jupyter_ssh.ssh.crypto.key_agreement.ecdh_nist import EcdhNist, nistp256
from jupyter_ssh.ssh.crypto.key_agreement.mlkem_hybrid import MlKem768X25519
from jupyter_ssh.ssh.errors import KeyExchangeError
from jupyter_ssh.ssh.wire.types import Reader, mpint, string

# Lengths of Q_C and Q_S.
SIZES = {
    "mlkem768x25519-sha256": (1184 + 32, 1088 + 32),
    "curve25519-sha256": (32, 32),
    "curve25519-sha256@libssh.org": (32, 32),
    "ecdh-sha2-nistp256": (65, 65),
}


def drawing(*values: bytes) -> Callable[[int], bytes]:
    """A source of randomness that gives these values, and checks how much it is asked for."""
    remaining = list(values)

    def source(size: int) -> bytes:
        assert len(remaining[0]) == size
        return remaining.pop(0)

    return source


@pytest.fixture(params=EXCHANGES.values(), ids=lambda row: row.name)
def method(request: pytest.FixtureRequest) -> ExchangeMethod:
    row: ExchangeMethod = request.param
    return row


def test_both_sides_agree(method: ExchangeMethod) -> None:
    secrets = set()
    for _ in range(20):
        client, server = method.agreement(), method.agreement()
        client_public = client.client_public()
        server_public, secret = server.server_reply(client_public)
        assert (len(client_public), len(server_public)) == SIZES[method.name]
        assert client.client_secret(server_public) == secret
        secrets.add(secret)
    assert len(secrets) == 20


def test_the_secret_is_encoded_as_the_method_demands(method: ExchangeMethod) -> None:
    for _ in range(60):  # one secret in two begins with the bit that makes an mpint a byte longer
        reader = Reader(method.agreement().server_reply(method.agreement().client_public())[1])
        if method.post_quantum:
            assert len(reader.string()) == 32
        else:
            assert 0 < reader.mpint() < 1 << 256
        reader.finish()


def test_keys_come_from_the_randomness_passed_in(method: ExchangeMethod) -> None:
    def client_publics(seed: int) -> bytes:
        return method.agreement(random.Random(seed).randbytes).client_public()

    assert client_publics(1) == client_publics(1) != client_publics(2)
    client_public = client_publics(1)
    replies = {method.agreement(random.Random(3).randbytes).server_reply(client_public) for _ in range(2)}
    # cryptography's encapsulation draws its own randomness, so that half of the reply differs each time.
    assert {reply[0][-32:] for reply in replies} == {next(iter(replies))[0][-32:]}
    assert len(replies) == (2 if method.post_quantum else 1)


def test_wrong_lengths_are_refused(method: ExchangeMethod) -> None:
    client_size, server_size = SIZES[method.name]
    client = method.agreement()
    client_public = client.client_public()
    server_public, _ = method.agreement().server_reply(client_public)
    for wrong in (b"", server_public[:-1], server_public + b"\0", server_public * 2):
        with pytest.raises(KeyExchangeError) as caught:
            client.client_secret(wrong)
        assert (caught.value.phase, caught.value.expected) == ("key exchange", f"{server_size} bytes")
        assert caught.value.received == str(len(wrong))
    for wrong in (b"", client_public[:-1], client_public + b"\0", client_public * 2):
        with pytest.raises(KeyExchangeError) as caught:
            method.agreement().server_reply(wrong)
        assert (caught.value.expected, caught.value.received) == (f"{client_size} bytes", str(len(wrong)))
        assert caught.value.reason == 3


def test_an_agreement_shows_no_secret(method: ExchangeMethod) -> None:
    seed = b"\x42" * 64
    agreement = method.agreement(lambda size: (seed * 4)[:size])
    agreement.client_public()
    assert "42" * 8 not in repr(agreement).replace("\\x", "")
    assert "BBBB" not in repr(agreement)
    assert not hasattr(agreement, "__dict__")


# --- X25519 -----------------------------------------------------------------------------------------------------------

# RFC 7748 §6.1
ALICE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
ALICE_PUBLIC = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
BOB = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
BOB_PUBLIC = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
SHARED = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")

# Points of small order: whatever the private key, the secret is zero (RFC 7748 §6.1, RFC 8731 §3).
SMALL_ORDER = [
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


def test_curve25519_is_rfc_7748s() -> None:
    alice = Curve25519(drawing(ALICE))
    assert alice.client_public() == ALICE_PUBLIC
    # RFC 8731 §3.1: the 32 bytes are taken as a big-endian number.
    expected = mpint(int.from_bytes(SHARED, "big"))
    assert alice.client_secret(BOB_PUBLIC) == expected
    assert Curve25519(drawing(BOB)).server_reply(ALICE_PUBLIC) == (BOB_PUBLIC, expected)


@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_points_of_small_order_are_refused(point: bytes) -> None:
    with pytest.raises(KeyExchangeError, match=r"server's X25519.*small order"):
        Curve25519().client_secret(point)
    with pytest.raises(KeyExchangeError, match=r"client's X25519.*small order"):
        Curve25519().server_reply(point)
    hybrid = MlKem768X25519()
    client_public = hybrid.client_public()
    with pytest.raises(KeyExchangeError, match=r"client's X25519.*small order"):
        MlKem768X25519().server_reply(client_public[:1184] + point)
    with pytest.raises(KeyExchangeError, match=r"server's X25519.*small order"):
        hybrid.client_secret(bytes(1088) + point)


# --- ECDH -------------------------------------------------------------------------------------------------------------

# NIST CAVS 14.1, ECC CDH primitive, P-256, COUNT = 0
D_IUT = "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534"
Q_IUT = bytes.fromhex(
    "04ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b230"
    "28af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141"
)
Q_CAVS = bytes.fromhex(
    "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
    "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac"
)
Z_IUT = "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def p256_with_private_key(value: int) -> EcdhNist:
    return nistp256(drawing((value - 1).to_bytes(40, "big")))


def test_ecdh_is_nists() -> None:
    agreement = p256_with_private_key(int(D_IUT, 16))
    assert agreement.client_public() == Q_IUT
    expected = mpint(int(Z_IUT, 16))
    assert agreement.client_secret(Q_CAVS) == expected
    assert agreement.server_reply(Q_CAVS) == (Q_IUT, expected)


def test_ecdh_private_keys_stay_inside_the_group() -> None:
    generator = p256_with_private_key(1).client_public()
    assert nistp256(drawing((ORDER_P256 - 1).to_bytes(40, "big"))).client_public() == generator
    nistp256(drawing(b"\xff" * 40)).client_public()


def test_points_off_the_curve_are_refused() -> None:
    compressed = b"\x02" + Q_CAVS[1:33]
    hybrid_form = bytes((6 + (Q_CAVS[-1] & 1),)) + Q_CAVS[1:]
    off = Q_CAVS[:-1] + bytes((Q_CAVS[-1] ^ 1,))
    # The prime of the field itself: a coordinate that is not reduced.
    unreduced = b"\x04" + (2**256 - 2**224 + 2**192 + 2**96 - 1).to_bytes(32, "big") + Q_CAVS[33:]
    for point in (bytes(65), b"\x04" + bytes(64), off, hybrid_form, unreduced, b"\0", compressed):
        with pytest.raises(KeyExchangeError, match="server's ECDH public key"):
            nistp256().client_secret(point)
        with pytest.raises(KeyExchangeError, match="client's ECDH public key"):
            nistp256().server_reply(point)


# --- ML-KEM -----------------------------------------------------------------------------------------------------------

SEED_D = bytes(range(32, 64))
SEED_Z = bytes(range(32))


def hybrid_client() -> MlKem768X25519:
    return MlKem768X25519(drawing(ALICE, SEED_D + SEED_Z))


def test_the_hybrid_public_key_is_ml_kem_then_x25519() -> None:
    public = hybrid_client().client_public()
    # FIPS 203, algorithm 13, line 1: the key ends with ρ, which comes from d and the rank, 3 for ML-KEM-768.
    assert public[1152:1184] == hashlib.sha3_512(SEED_D + b"\x03").digest()[:32]
    assert public[1184:] == ALICE_PUBLIC


def test_the_hybrid_secret_is_the_hash_of_both() -> None:
    client = hybrid_client()
    client.client_public()
    ciphertext = os.urandom(1088)
    # FIPS 203 §6.3: a ciphertext that nobody encapsulated gives J(z ‖ c), so the secret can be told without a server.
    implicit = hashlib.shake_256(SEED_Z + ciphertext).digest(32)
    expected = string(hashlib.sha256(implicit + SHARED).digest())
    assert client.client_secret(ciphertext + BOB_PUBLIC) == expected


def test_either_half_changes_the_hybrid_secret() -> None:
    client = MlKem768X25519()
    server_public, secret = MlKem768X25519().server_reply(client.client_public())
    other, _ = MlKem768X25519().server_reply(client.client_public())
    assert client.client_secret(server_public) == secret
    assert client.client_secret(other[:1088] + server_public[1088:]) != secret
    assert client.client_secret(server_public[:1088] + other[1088:]) != secret


def test_a_public_key_beyond_the_modulus_is_refused() -> None:
    # FIPS 203 §7.2: each coefficient must be below 3329; these are 4095.
    public = b"\xff" * 1152 + bytes(32) + ALICE_PUBLIC
    with pytest.raises(KeyExchangeError, match="ML-KEM-768 public key"):
        MlKem768X25519().server_reply(public)


def test_a_hybrid_secret_needs_the_public_key_first() -> None:
    with pytest.raises(RuntimeError):
        MlKem768X25519().client_secret(bytes(1088 + 32))


def test_x25519_draws_its_private_key() -> None:
    assert X25519(drawing(BOB)).public() == BOB_PUBLIC


def test_coordinates_keep_their_leading_zeros() -> None:
    # One x in 256 begins with a zero byte, and one secret in 256 with more zeros than an mpint keeps.
    server = nistp256()
    for number in range(1, 1500):
        client = p256_with_private_key(number)
        public = client.client_public()
        if public[1] == 0 or public[33] == 0:
            assert len(public) == 65
            reply, secret = server.server_reply(public)
            assert client.client_secret(reply) == secret
            return
    pytest.fail("no such point among the first multiples of the generator")
