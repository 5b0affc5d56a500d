"""Streamlined NTRU Prime 761: the published answer, its arithmetic against the plain way, wrong ciphertexts."""

from __future__ import annotations

import hashlib
import os
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from jupyter_ssh.ssh.crypto.key_agreement import sntrup761
from jupyter_ssh.ssh.crypto.key_agreement.packed_polynomials import Field, P
from jupyter_ssh.ssh.crypto.key_agreement.sntrup761 import SNTRUP761, SecretKey

Q, W = 4591, 286

# The parts of the whole have no other user, and are tested one by one.
encode_small, random_small, random_short = sntrup761._encode_small, sntrup761._random_small, sntrup761._random_short
encode, decode = sntrup761._encode, sntrup761._decode  # likewise


# --- the published answer ---------------------------------------------------------------------------------------------


class Drbg:
    """AES-256 CTR_DRBG (NIST SP 800-90A §10.2.1) as NIST's known-answer programs use it."""

    def __init__(self, seed: bytes) -> None:
        self.key, self.counter = bytes(32), 0
        self._update(seed)

    def _blocks(self, count: int) -> bytes:
        encrypt = Cipher(AES(self.key), modes.ECB()).encryptor().update
        first, self.counter = self.counter + 1, self.counter + count
        return b"".join(encrypt((number % (1 << 128)).to_bytes(16, "big")) for number in range(first, first + count))

    def _update(self, data: bytes) -> None:
        mixed = bytes(a ^ b for a, b in zip(self._blocks(3), data, strict=True))
        self.key, self.counter = mixed[:32], int.from_bytes(mixed[32:], "big")

    def __call__(self, size: int) -> bytes:
        drawn = self._blocks(-(-size // 16))[:size]
        self._update(bytes(48))
        return drawn


# SHA-256 of the first record of kat_kem.rsp, which the submission to NIST's third round was delivered with.
KAT_SHA256 = "afc42c3a5b10f4ef69654250097ebda9b9564570f4086744b24a6daf2bd1f89a"


def test_the_known_answer_of_the_submission() -> None:
    seed = Drbg(bytes(range(48)))(48)
    source = Drbg(seed)
    key = SecretKey.generate(source)
    secret, ciphertext = SNTRUP761.encapsulate(key.public, source)
    inverse_g = [(value + 1) % 3 - 1 for value in key.inverse_g]
    private = (
        encode_small(key.f)
        + encode_small(inverse_g)
        + key.public
        + key.rho
        + hashlib.sha512(b"\4" + key.public).digest()[:32]
    )
    fields = {"seed": seed, "pk": key.public, "sk": private, "ct": ciphertext, "ss": secret}
    record = "count = 0\n" + "".join(f"{name} = {value.hex().upper()}\n" for name, value in fields.items())
    assert hashlib.sha256(record.encode()).hexdigest() == KAT_SHA256
    assert key.decapsulate(ciphertext) == secret


# --- the KEM ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> SecretKey:
    return SecretKey.generate(os.urandom)


def test_secrets_agree_and_differ(key: SecretKey) -> None:
    pairs = [SNTRUP761.encapsulate(key.public, os.urandom) for _ in range(10)]
    assert [key.decapsulate(ciphertext) for _, ciphertext in pairs] == [secret for secret, _ in pairs]
    assert len(set(pairs)) == 10
    assert {(len(secret), len(ciphertext)) for secret, ciphertext in pairs} == {(32, SNTRUP761.ciphertext_size)}
    assert len(key.public) == SNTRUP761.public_size


@pytest.mark.parametrize("position", [0, 500, 1006, 1007, 1038])
def test_an_altered_ciphertext_gives_a_secret_of_its_own(key: SecretKey, position: int) -> None:
    secret, ciphertext = SNTRUP761.encapsulate(key.public, os.urandom)
    altered = bytearray(ciphertext)
    altered[position] ^= 1
    rejected = key.decapsulate(bytes(altered))
    assert rejected != secret
    # Implicit rejection: always the same for a ciphertext, and not to be told by those who do not know rho.
    assert rejected == key.decapsulate(bytes(altered))
    expected = hashlib.sha512(b"\0" + hashlib.sha512(b"\3" + key.rho).digest()[:32] + altered).digest()[:32]
    assert rejected == expected


def test_ciphertexts_and_keys_that_nobody_made_are_taken(key: SecretKey) -> None:
    for filling in (b"\0", b"\xff"):
        assert len(key.decapsulate(filling * SNTRUP761.ciphertext_size)) == 32
        assert len(SNTRUP761.encapsulate(filling * SNTRUP761.public_size, os.urandom)[0]) == 32


def test_another_key_gives_another_secret(key: SecretKey) -> None:
    secret, ciphertext = SNTRUP761.encapsulate(key.public, os.urandom)
    assert SecretKey.generate(os.urandom).decapsulate(ciphertext) != secret


def test_a_key_shows_no_secret(key: SecretKey) -> None:
    assert key.rho.hex()[:16] not in repr(key)
    assert str(key.f)[1:60] not in repr(key)


def test_drawn_polynomials() -> None:
    small, short = random_small(os.urandom), random_short(os.urandom)
    assert len(small) == len(short) == P
    assert set(small) == set(short) == {-1, 0, 1}
    assert P - short.count(0) == W


def test_numbers_survive_their_encoding() -> None:
    for limits in ([Q] * P, [1531] * P, [7], [3, 5], [16384, 2, 9]):
        for values in ([0] * len(limits), [limit - 1 for limit in limits], [random.randrange(m) for m in limits]):
            assert decode(encode(values, limits), limits) == values


# --- polynomials ------------------------------------------------------------------------------------------------------


def product_by_hand(a: list[int], b: list[int], modulus: int) -> list[int]:
    total = [0] * (2 * P - 1)
    for i, left in enumerate(a):
        if left:
            for j, right in enumerate(b):
                total[i + j] += left * right
    for power in range(2 * P - 2, P - 1, -1):  # x**P is x + 1
        total[power - P] += total[power]
        total[power - P + 1] += total[power]
    return [value % modulus for value in total[:P]]


@pytest.mark.parametrize(("modulus", "lane"), [(3, 8), (Q, 32)])
def test_products_are_what_they_are_by_hand(modulus: int, lane: int) -> None:
    field = Field(modulus, lane)
    half = modulus // 2
    small = random_short(os.urandom)
    other = [random.randint(-half, half) for _ in range(P)]
    assert field.multiply(small, other) == product_by_hand(small, other, modulus)
    # The largest coefficients there can be.
    for sign in (1, -1):
        extreme = [half] * P
        assert field.multiply([sign] * P, extreme) == product_by_hand([sign] * P, extreme, modulus)


@pytest.mark.parametrize(("modulus", "lane"), [(3, 8), (Q, 32)])
def test_inverses(modulus: int, lane: int) -> None:
    field = Field(modulus, lane)
    one = [1] + [0] * (P - 1)
    found = 0
    for polynomial in (one, [0, 1] + [0] * (P - 2), [0] * (P - 1) + [1], *(random_small(os.urandom),) * 3):
        inverse = field.inverse(polynomial)
        if inverse is not None:
            found += 1
            assert all(0 <= value < modulus for value in inverse)
            assert field.multiply(polynomial, inverse) == one
    assert found >= 3  # those that are powers of x have one


def remainder_modulo_3(a: list[int], b: list[int]) -> list[int]:
    a = list(a)
    while len(a) >= len(b):
        factor = a[-1] * b[-1]  # 1 and 2 are their own inverses
        for index in range(len(b)):
            a[len(a) - len(b) + index] = (a[len(a) - len(b) + index] - factor * b[index]) % 3
        while a and not a[-1]:
            a.pop()
    return a


def test_what_has_no_inverse() -> None:
    field = Field(3, 8)
    assert Field(Q, 32).inverse([0] * P) is None
    assert field.inverse([0] * P) is None
    # Modulo 3, x**761 - x - 1 has a factor of degree 19, which is what it has in common with x**(3**19) - x.
    power = [0, 1] + [0] * (P - 2)
    for _ in range(19):
        power = field.multiply(field.multiply(power, power), power)
    power[1] = (power[1] - 1) % 3
    while not power[-1]:
        power.pop()
    factor, rest = [2, 2] + [0] * (P - 2) + [1], power
    while rest:
        factor, rest = rest, remainder_modulo_3(factor, rest)
    assert len(factor) == 19 + 1
    assert field.inverse(factor + [0] * (P - 20)) is None
    assert field.inverse(field.multiply(factor + [0] * (P - 20), random_small(os.urandom))) is None


@pytest.mark.parametrize(("modulus", "lane"), [(3, 8), (Q, 32)])
def test_lanes_never_run_over(modulus: int, lane: int) -> None:
    """`Field._reduce` for all that can come in, as bounds: the largest value of each quotient's lane."""
    field = Field(modulus, lane)
    # Of a product only the end is seen; the bounds hold for every step.
    low, multiplier, reduce = field._low, field._multiplier, field._reduce
    bound = modulus - 1
    while True:
        # A reduced lane plus another one times a coefficient.
        largest = bound + (modulus - 1) * bound
        assert largest < 1 << lane
        assert (largest >> low) * multiplier < 1 << lane
        tops = (((high + 1) << low) - 1 for high in range(largest >> low))
        left = max(reduce(value) for value in (*tops, largest, *range(min(largest, 5000))))
        if left <= bound:
            break
        bound = left
    assert bound < 2.2 * modulus
    # All lanes at once are each by itself.
    values = [random.randrange(largest + 1) for _ in range(P)]
    packed = sum(value << lane * index for index, value in enumerate(values))
    reduced = reduce(packed)
    assert [reduced >> lane * index & (1 << lane) - 1 for index in range(P)] == [reduce(v) for v in values]
    assert all((value - reduce(value)) % modulus == 0 for value in values)
