"""Key agreements: both sides get the same secret, wrong values end in a typed error."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable

import pytest

from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, ExchangeMethod
from jupyter_ssh.ssh.crypto.key_agreement.curve448 import X448
from jupyter_ssh.ssh.crypto.key_agreement.curve25519 import X25519
from jupyter_ssh.ssh.crypto.key_agreement.ecdh import Ecdh
from jupyter_ssh.ssh.crypto.key_agreement.hybrid import Hybrid
from jupyter_ssh.ssh.crypto.key_agreement.mlkem import ML_KEM_768
from jupyter_ssh.ssh.crypto.key_agreement.nist_curves import NistPair, nistp256, nistp384, nistp521
from jupyter_ssh.ssh.errors import KeyExchangeError
from jupyter_ssh.ssh.wire.types import Reader, mpint, string

# Lengths of Q_C and Q_S; those modulo a prime are in test_dh.
SIZES = {
    "mlkem768x25519-sha256": (1184 + 32, 1088 + 32),
    "mlkem768nistp256-sha256": (1184 + 65, 1088 + 65),
    "mlkem1024nistp384-sha384": (1568 + 97, 1568 + 97),
    "sntrup761x25519-sha512": (1158 + 32, 1039 + 32),
    "sntrup761x25519-sha512@openssh.com": (1158 + 32, 1039 + 32),
    "curve25519-sha256": (32, 32),
    "curve25519-sha256@libssh.org": (32, 32),
    "ecdh-sha2-nistp256": (65, 65),
    "ecdh-sha2-nistp384": (97, 97),
    "ecdh-sha2-nistp521": (133, 133),
    "curve448-sha512": (56, 56),
}
HASH_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}


def drawing(*values: bytes) -> Callable[[int], bytes]:
    """A source of randomness that gives these values, and checks how much it is asked for."""
    remaining = list(values)

    def source(size: int) -> bytes:
        assert len(remaining[0]) == size
        return remaining.pop(0)

    return source


@pytest.fixture(params=SIZES)
def method(request: pytest.FixtureRequest) -> ExchangeMethod:
    row = EXCHANGES[request.param]
    assert isinstance(row, ExchangeMethod)
    return row


def test_both_sides_agree(method: ExchangeMethod) -> None:
    secrets = set()
    for _ in range(5):
        client, server = method.agreement(), method.agreement()
        client_public = client.client_public()
        server_public, secret = server.server_reply(client_public)
        assert (len(client_public), len(server_public)) == SIZES[method.name]
        assert client.client_secret(server_public) == secret
        secrets.add(secret)
    assert len(secrets) == 5


def test_the_secret_is_encoded_as_the_method_demands(method: ExchangeMethod) -> None:
    public = method.agreement().client_public()
    for _ in range(20):  # one secret in two begins with the bit that makes an mpint a byte longer
        reader = Reader(method.agreement().server_reply(public)[1])
        if method.post_quantum:
            assert len(reader.string()) == HASH_SIZES[method.hash_name]
        else:
            assert 0 < reader.mpint() < 1 << 8 * SIZES[method.name][0]
        reader.finish()


def test_keys_come_from_the_randomness_passed_in(method: ExchangeMethod) -> None:
    def client_publics(seed: int) -> bytes:
        return method.agreement(random.Random(seed).randbytes).client_public()

    assert client_publics(1) == client_publics(1) != client_publics(2)
    client_public = client_publics(1)
    replies = {method.agreement(random.Random(3).randbytes).server_reply(client_public) for _ in range(2)}
    # cryptography's encapsulation draws its own randomness, so that half of the reply differs each time.
    assert {reply[0][-32:] for reply in replies} == {next(iter(replies))[0][-32:]}
    assert len(replies) == (2 if method.name.startswith("mlkem") else 1)


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
    agreement = method.agreement(lambda size: b"\x42" * size)
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


def mlkem_x25519(source: Callable[[int], bytes] = os.urandom) -> Hybrid:
    return Hybrid(ML_KEM_768, X25519, "sha256", source)


# Points of small order: whatever the private key, the secret is zero (RFC 7748 §6.1, RFC 8731 §3).
SMALL_ORDER = [
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


def test_curve25519_is_rfc_7748s() -> None:
    alice = Ecdh(X25519(drawing(ALICE)))
    assert alice.client_public() == ALICE_PUBLIC
    # RFC 8731 §3.1: the 32 bytes are taken as a big-endian number.
    expected = mpint(int.from_bytes(SHARED, "big"))
    assert alice.client_secret(BOB_PUBLIC) == expected
    assert Ecdh(X25519(drawing(BOB))).server_reply(ALICE_PUBLIC) == (BOB_PUBLIC, expected)


@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_points_of_small_order_are_refused(point: bytes) -> None:
    with pytest.raises(KeyExchangeError, match=r"server's X25519.*small order"):
        Ecdh(X25519(os.urandom)).client_secret(point)
    with pytest.raises(KeyExchangeError, match=r"client's X25519.*small order"):
        Ecdh(X25519(os.urandom)).server_reply(point)
    hybrid = mlkem_x25519()
    client_public = hybrid.client_public()
    with pytest.raises(KeyExchangeError, match=r"client's X25519.*small order"):
        mlkem_x25519().server_reply(client_public[:1184] + point)
    with pytest.raises(KeyExchangeError, match=r"server's X25519.*small order"):
        hybrid.client_secret(bytes(1088) + point)


# RFC 7748 §6.2
ALICE_448 = bytes.fromhex(
    "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b"
)
ALICE_448_PUBLIC = bytes.fromhex(
    "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0"
)
BOB_448 = bytes.fromhex(
    "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d"
)
BOB_448_PUBLIC = bytes.fromhex(
    "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609"
)
SHARED_448 = bytes.fromhex(
    "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"
)


def test_curve448_is_rfc_7748s() -> None:
    alice = Ecdh(X448(drawing(ALICE_448)))
    assert alice.client_public() == ALICE_448_PUBLIC
    expected = mpint(int.from_bytes(SHARED_448, "big"))
    assert alice.client_secret(BOB_448_PUBLIC) == expected
    assert Ecdh(X448(drawing(BOB_448))).server_reply(ALICE_448_PUBLIC) == (BOB_448_PUBLIC, expected)


# u = 0, 1 and -1 modulo 2**448 - 2**224 - 1
@pytest.mark.parametrize("u", [0, 1, 2**448 - 2**224 - 2])
def test_points_of_small_order_of_curve448_are_refused(u: int) -> None:
    with pytest.raises(KeyExchangeError, match=r"server's X448.*small order"):
        Ecdh(X448(os.urandom)).client_secret(u.to_bytes(56, "little"))
    with pytest.raises(KeyExchangeError, match=r"client's X448.*small order"):
        Ecdh(X448(os.urandom)).server_reply(u.to_bytes(56, "little"))


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


def p256_with_private_key(value: int) -> Ecdh:
    return Ecdh(nistp256(drawing((value - 1).to_bytes(40, "big"))))


def test_ecdh_is_nists() -> None:
    agreement = p256_with_private_key(int(D_IUT, 16))
    assert agreement.client_public() == Q_IUT
    expected = mpint(int(Z_IUT, 16))
    assert agreement.client_secret(Q_CAVS) == expected
    assert agreement.server_reply(Q_CAVS) == (Q_IUT, expected)


# RFC 5903 §8.2 and §8.3: private keys i and r, the x coordinate of what they share, and gi where it was typed in.
RFC_5903: dict[str, tuple[Callable[[Callable[[int], bytes]], NistPair], str, str, str, str]] = {
    "nistp384": (
        nistp384,
        "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
        "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
        "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746",
        "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa"
        "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
    ),
    "nistp521": (
        nistp521,
        "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639"
        "bab072462f68c27a57382d4a52",
        "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca745"
        "8aa4a4effc311f5cb151685eb9",
        "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8"
        "cc3151f2bee417996d19f3ddea",
        "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942a"
        "f5a7f4601723c4195d176ced3e"
        "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f"
        "1507438bf01beb6ca3926f9582",
    ),
}


@pytest.mark.parametrize("curve", RFC_5903)
def test_ecdh_is_rfc_5903s(curve: str) -> None:
    make, i, r, shared, gi = RFC_5903[curve]

    def pair(private: str) -> NistPair:
        # The remainder that is drawn is one less than the private key.
        return make(lambda size: (int(private, 16) - 1).to_bytes(size, "big"))

    assert pair(i).public() == b"\4" + bytes.fromhex(gi)
    assert pair(i).secret(pair(r).public(), "it") == pair(r).secret(pair(i).public(), "it") == bytes.fromhex(shared)


def test_ecdh_private_keys_stay_inside_the_group() -> None:
    generator = p256_with_private_key(1).client_public()
    assert nistp256(drawing((ORDER_P256 - 1).to_bytes(40, "big"))).public() == generator
    nistp256(drawing(b"\xff" * 40)).public()


def test_points_off_the_curve_are_refused() -> None:
    compressed = b"\x02" + Q_CAVS[1:33]
    hybrid_form = bytes((6 + (Q_CAVS[-1] & 1),)) + Q_CAVS[1:]
    off = Q_CAVS[:-1] + bytes((Q_CAVS[-1] ^ 1,))
    # The prime of the field itself: a coordinate that is not reduced.
    unreduced = b"\x04" + (2**256 - 2**224 + 2**192 + 2**96 - 1).to_bytes(32, "big") + Q_CAVS[33:]
    for point in (bytes(65), b"\x04" + bytes(64), off, hybrid_form, unreduced, b"\0", compressed):
        with pytest.raises(KeyExchangeError, match="server's ECDH public key"):
            Ecdh(nistp256(os.urandom)).client_secret(point)
        with pytest.raises(KeyExchangeError, match="client's ECDH public key"):
            Ecdh(nistp256(os.urandom)).server_reply(point)


# --- ML-KEM -----------------------------------------------------------------------------------------------------------

SEED_D = bytes(range(32, 64))
SEED_Z = bytes(range(32))


def hybrid_client() -> Hybrid:
    return mlkem_x25519(drawing(ALICE, SEED_D + SEED_Z))


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
    client = mlkem_x25519()
    server_public, secret = mlkem_x25519().server_reply(client.client_public())
    other, _ = mlkem_x25519().server_reply(client.client_public())
    assert client.client_secret(server_public) == secret
    assert client.client_secret(other[:1088] + server_public[1088:]) != secret
    assert client.client_secret(server_public[:1088] + other[1088:]) != secret


def test_a_public_key_beyond_the_modulus_is_refused() -> None:
    # FIPS 203 §7.2: each coefficient must be below 3329; these are 4095.
    public = b"\xff" * 1152 + bytes(32) + ALICE_PUBLIC
    with pytest.raises(KeyExchangeError, match="ML-KEM-768 public key"):
        mlkem_x25519().server_reply(public)


@pytest.mark.parametrize("name", ["mlkem768nistp256-sha256", "mlkem1024nistp384-sha384"])
def test_hybrids_check_both_halves(name: str) -> None:
    row = EXCHANGES[name]
    assert isinstance(row, ExchangeMethod)
    client = row.agreement()
    public = client.client_public()
    kem_size = len(public) - (65 if "256" in name else 97)
    off_curve = public[:-1] + bytes((public[-1] ^ 1,))
    beyond = b"\xff" * (kem_size - 32) + public[kem_size - 32 :]
    for wrong, what in ((off_curve, "ECDH public key"), (beyond, "public key")):
        with pytest.raises(KeyExchangeError, match=f"client's .*{what}"):
            row.agreement().server_reply(wrong)
    reply, _ = row.agreement().server_reply(public)
    with pytest.raises(KeyExchangeError, match="server's ECDH public key"):
        client.client_secret(reply[:-1] + bytes((reply[-1] ^ 1,)))


def test_a_hybrid_secret_needs_the_public_key_first() -> None:
    with pytest.raises(RuntimeError):
        mlkem_x25519().client_secret(bytes(1088 + 32))


def test_x25519_draws_its_private_key() -> None:
    assert X25519(drawing(BOB)).public() == BOB_PUBLIC


def test_coordinates_keep_their_leading_zeros() -> None:
    # One x in 256 begins with a zero byte, and one secret in 256 with more zeros than an mpint keeps.
    server = Ecdh(nistp256(os.urandom))
    for number in range(1, 1500):
        client = p256_with_private_key(number)
        public = client.client_public()
        if public[1] == 0 or public[33] == 0:
            assert len(public) == 65
            reply, secret = server.server_reply(public)
            assert client.client_secret(reply) == secret
            return
    pytest.fail("no such point among the first multiples of the generator")
