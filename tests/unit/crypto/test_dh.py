"""Diffie-Hellman modulo a prime: the published groups, values out of range, groups that are not fit."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from math import gcd, prod

import pytest
from asyncssh import kex_dh
from paramiko.kex_group14 import KexGroup14SHA256
from paramiko.kex_group16 import KexGroup16SHA512

from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, ExchangeMethod
from jupyter_ssh.ssh.crypto.key_agreement import dh_groups
from jupyter_ssh.ssh.crypto.key_agreement.dh import DiffieHellman
from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import (
    Group,
    check_form,
    choose_group,
    is_published,
    is_safe_prime,
    named_group,
    parse_moduli,
    unsafe_group,
)
from jupyter_ssh.ssh.crypto.key_agreement.primes import odd_primes, seems_prime
from jupyter_ssh.ssh.errors import KeyExchangeError, WireError
from jupyter_ssh.ssh.wire.types import Reader, mpint

METHODS = {
    "diffie-hellman-group1-sha1": 1024,
    "diffie-hellman-group14-sha1": 2048,
    "diffie-hellman-group14-sha256": 2048,
    "diffie-hellman-group15-sha512": 3072,
    "diffie-hellman-group16-sha512": 4096,
    "diffie-hellman-group17-sha512": 6144,
    "diffie-hellman-group18-sha512": 8192,
}


def agreement(name: str, seed: int | None = None) -> DiffieHellman:
    row = EXCHANGES[name]
    assert isinstance(row, ExchangeMethod)
    made = row.agreement(os.urandom if seed is None else random.Random(seed).randbytes)
    assert isinstance(made, DiffieHellman)
    return made


# --- the published groups ---------------------------------------------------------------------------------------------


def test_the_primes_are_those_of_the_rfcs() -> None:
    # AsyncSSH has them nowhere else.
    theirs = {
        1024: {kex_dh._group1_p},
        2048: {kex_dh._group14_p, KexGroup14SHA256.P},
        3072: {kex_dh._group15_p},
        4096: {kex_dh._group16_p, KexGroup16SHA512.P},
        6144: {kex_dh._group17_p},
        8192: {kex_dh._group18_p},
    }
    for bits, primes in theirs.items():
        assert primes == {named_group(bits).p}
        assert (named_group(bits).g, named_group(bits).bits) == (2, bits)


def test_the_prime_of_rfc_2409_as_it_is_printed() -> None:
    # §6.2, first and last line
    text = f"{named_group(1024).p:X}"
    assert text.startswith("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74")
    assert text.endswith("EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF")


# --- agreeing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_both_sides_agree(name: str) -> None:
    client, server = agreement(name), agreement(name)
    public = client.client_public()
    reply, secret = server.server_reply(public)
    assert client.client_secret(reply) == secret
    assert 1 < Reader(secret).mpint() < named_group(METHODS[name]).p - 1
    assert public != reply


def test_the_secret_is_g_to_the_xy() -> None:
    p = named_group(1024).p
    client = agreement("diffie-hellman-group1-sha1", 1)
    x, y = client._exponent, 5**200  # the secret, which is shown to nobody
    assert x.bit_length() == 512
    assert client.client_public() == mpint(pow(2, x, p))[4:]
    assert client.client_secret(mpint(pow(2, y, p))[4:]) == mpint(pow(2, x * y, p))
    assert client.server_reply(mpint(pow(2, y, p))[4:]) == (mpint(pow(2, x, p))[4:], mpint(pow(2, x * y, p)))


def test_asyncssh_agrees() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography is about to drop what AsyncSSH uses here
        for name, bits in (("diffie-hellman-group1-sha1", 1024), ("diffie-hellman-group14-sha256", 2048)):
            group = named_group(bits)
            theirs, ours = kex_dh.DH(group.g, group.p), agreement(name)
            reply, secret = ours.server_reply(mpint(theirs.get_public())[4:])
            assert mpint(theirs.get_shared(int.from_bytes(reply, "big"))) == secret


def test_keys_come_from_the_randomness_passed_in() -> None:
    name = "diffie-hellman-group1-sha1"
    assert agreement(name, 1).client_public() == agreement(name, 1).client_public()
    assert agreement(name, 1).client_public() != agreement(name, 2).client_public()


def test_an_agreement_shows_no_secret() -> None:
    made = agreement("diffie-hellman-group14-sha256")
    secret = made._exponent  # which nobody else sees
    assert str(secret)[:20] not in repr(made)
    assert f"{secret:x}"[:20] not in repr(made)


P1 = named_group(1024).p


@pytest.mark.parametrize(
    "value",
    [0, 1, 2, 1 << 700, 7 << 300, P1 - 1, P1, P1 + 2, -5, -(2**900), 1 << 1030],
    ids=["0", "1", "g", "power of g", "three bits", "p-1", "p", "p+2", "-5", "large negative", "too large"],
)
def test_values_out_of_range_are_refused(value: int) -> None:
    content = mpint(value)[4:]
    with pytest.raises(KeyExchangeError, match="server's Diffie-Hellman value f") as caught:
        agreement("diffie-hellman-group1-sha1").client_secret(content)
    assert (caught.value.phase, caught.value.reason) == ("key exchange", 3)
    with pytest.raises(KeyExchangeError, match="client's Diffie-Hellman value e"):
        agreement("diffie-hellman-group1-sha1").server_reply(content)


@pytest.mark.parametrize("content", [b"\0", b"\0\x12" + bytes(20), b"\xff\xff" + bytes(20), b"\0\0\x80"])
def test_mpints_with_wrong_padding_are_refused(content: bytes) -> None:
    with pytest.raises(WireError):
        agreement("diffie-hellman-group1-sha1").client_secret(content)


# --- groups that the server names -------------------------------------------------------------------------------------


def check_group(group: Group, minimum: int, maximum: int) -> None:
    """All that a client checks, in its order."""
    check_form(group, minimum, maximum)
    if not is_published(group) and not is_safe_prime(group.p):
        raise unsafe_group()


def safe_prime(bits: int, source: random.Random) -> int:
    while True:
        q = source.getrandbits(bits - 1) | 1 << bits - 2 | 1
        if all(pow(2, n - 1, n) == 1 for n in (q, 2 * q + 1)) and all(pow(3, n - 1, n) == 1 for n in (q, 2 * q + 1)):
            return 2 * q + 1


@pytest.fixture(scope="module")
def safe() -> int:
    return safe_prime(200, random.Random(1))


def test_a_group_of_a_safe_prime_is_taken(safe: int) -> None:
    for g in (2, 3, 5, safe - 2):
        check_group(Group(safe, g), 200, 200)
    # How large the secret is shows in nothing that is sent.
    assert DiffieHellman(Group(safe, 2), os.urandom)._exponent.bit_length() == 198
    for bits in (1024, 2048, 8192):
        check_group(named_group(bits), 1024, 8192)


def test_a_group_of_the_wrong_size_is_refused(safe: int) -> None:
    for limits in ((201, 300), (100, 199)):
        with pytest.raises(KeyExchangeError, match="wrong size") as caught:
            check_group(Group(safe, 2), *limits)
        assert (caught.value.expected, caught.value.received) == (f"{limits[0]} to {limits[1]} bits", "200 bits")


def test_a_generator_out_of_range_is_refused(safe: int) -> None:
    for g in (-2, 0, 1, safe - 1, safe, safe + 2):
        with pytest.raises(KeyExchangeError, match="generator"):
            check_group(Group(safe, g), 200, 200)


def primes(bits: int, source: random.Random) -> int:
    while True:
        number = source.getrandbits(bits) | 1 << bits - 1 | 1
        if pow(2, number - 1, number) == 1 and pow(3, number - 1, number) == 1:
            return number


@pytest.fixture(scope="module")
def unsafe_moduli(safe: int) -> dict[str, int]:
    source = random.Random(2)
    prime = primes(200, source)
    while prime % 4 != 3 or pow(2, (prime >> 1) - 1, prime >> 1) == 1:
        prime = primes(200, source)
    composite = primes(100, source) * primes(100, source)
    while composite % 4 != 3 or composite.bit_length() != 200:
        composite = primes(100, source) * primes(100, source)
    smooth = 2
    while smooth.bit_length() < 190:
        smooth *= primes(12, source)
    while pow(2, smooth, smooth + 1) != 1 or smooth.bit_length() != 200:
        smooth = smooth // 2 * 2 * source.randrange(3, 2048) if smooth.bit_length() < 190 else 2
        while smooth.bit_length() < 191:
            smooth *= primes(10, source)
    return {
        "even": safe - 1,
        "prime but not safe": prime,
        "two large factors": composite,
        "a small factor": safe_prime(190, source) * 1019,
        "smooth order": smooth + 1,
        "a power": 3**126,
    }


def test_moduli_that_are_not_safe_primes_are_refused(unsafe_moduli: dict[str, int]) -> None:
    for what, modulus in unsafe_moduli.items():
        bits = modulus.bit_length()
        for g in (2, 3, 5):
            with pytest.raises(KeyExchangeError, match="not a safe prime"):
                check_group(Group(modulus, g), bits, bits)
        assert what


def test_large_moduli_are_tested_once_only(
    monkeypatch: pytest.MonkeyPatch, safe: int, unsafe_moduli: dict[str, int]
) -> None:
    """Above the limit (p - 1) / 2 goes untested, but for small factors: a bound on time, not on safety of p itself."""
    # As if 200 bits were above the limit; what was found out with another one is forgotten, before and after.
    monkeypatch.setattr(dh_groups, "_LARGEST_FULLY_TESTED", 100)
    forget = is_safe_prime.cache_clear
    forget()
    check_group(Group(safe, 2), 200, 200)
    for what in ("two large factors", "a small factor", "smooth order", "even"):
        modulus = unsafe_moduli[what]
        with pytest.raises(KeyExchangeError):
            check_group(Group(modulus, 2), modulus.bit_length(), modulus.bit_length())
    forget()


def test_a_prime_is_tested_once_whatever_the_generator(safe: int) -> None:
    is_safe_prime.cache_clear()
    for g in (2, 3, 5, 7, 11):
        check_group(Group(safe, g), 200, 200)
    assert (is_safe_prime.cache_info().misses, is_safe_prime.cache_info().hits) == (1, 4)


def test_a_composite_number_rarely_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """(4a + 1)(6a + 1) can lack small factors and passes one round in twelve, far more often than most numbers."""
    monkeypatch.setattr(dh_groups, "_LARGEST_FULLY_TESTED", 100)  # as if they were large: (p - 1) / 2 is not looked at
    source = random.Random(3)
    small = prod(odd_primes(1 << 12))
    while True:
        a = source.getrandbits(100) | 1 << 99 | 1
        if gcd(a * (4 * a + 1) * (6 * a + 1) * (12 * a + 5), small) == 1 and all(
            seems_prime(factor, 20) for factor in (4 * a + 1, 6 * a + 1)
        ):
            break
    passed, times = 0, 2000
    for _ in range(times):
        is_safe_prime.cache_clear()
        passed += is_safe_prime((4 * a + 1) * (6 * a + 1))
    is_safe_prime.cache_clear()
    assert passed * 40 < times


def test_few_verdicts_are_kept(safe: int) -> None:
    for number in range(2 * dh_groups.KNOWN_PRIMES):
        assert not is_safe_prime(safe * 3 + number * 6)
    assert is_safe_prime.cache_info().currsize == dh_groups.KNOWN_PRIMES


def test_other_threads_run_while_a_prime_is_tested() -> None:
    """The interpreter's lock is given away all the time, not only between two powers of a tenth of a second each."""
    is_safe_prime.cache_clear()
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    try:
        with ThreadPoolExecutor(1) as pool:
            verdict = pool.submit(is_safe_prime, named_group(4096).p)
            turns = 0
            while not verdict.done():
                time.sleep(0)
                turns += 1
    finally:
        sys.setswitchinterval(before)
    assert verdict.result()
    assert turns > 50


def test_a_refusal_says_what_to_do(safe: int) -> None:
    with pytest.raises(KeyExchangeError, match="KexAlgorithms=-diffie-hellman-group-exchange"):
        check_group(Group(safe - 1, 2), 1, 300)


# --- groups that we name ----------------------------------------------------------------------------------------------

MODULI = """\
# Time Type Tests Tries Size Generator Modulus
20220714110357 2 6 100 {size} 2 {safe:X}
20220714110357 2 6 100 {size} 5 {safe:x}

20220714110357 4 6 100 {size} 3 {safe:X}
20220714110357 2 7 100 {size} 3 {safe:X}
20220714110357 2 0 0 {size} 3 {safe:X}
20220714110357 2 6 100 {size} 3
20220714110357 2 6 100 {size} 3 nothex
half a line
"""


def test_a_moduli_file_is_read(safe: int) -> None:
    assert parse_moduli(MODULI.format(size=199, safe=safe)) == [Group(safe, 2), Group(safe, 5)]
    assert parse_moduli("") == []


def test_the_group_that_fits_best_is_chosen() -> None:
    groups = [Group((1 << bits) - 1, g) for bits in (2048, 3072, 4096, 8192) for g in (2, 5)]

    def chosen(*limits: int, draw: int = 0) -> tuple[int, int] | None:
        group = choose_group(groups, *limits, draw)
        return None if group is None else (group.bits, group.g)

    assert chosen(2048, 3072, 8192) == (3072, 2)
    assert chosen(2048, 3072, 8192, draw=7) == (3072, 5)
    assert chosen(2048, 3000, 8192) == (3072, 2)
    assert chosen(2048, 6000, 7000) == (4096, 2)
    assert chosen(1024, 1024, 8192) == (2048, 2)
    assert chosen(8192, 8192, 8192) == (8192, 2)
    assert chosen(5000, 6000, 7000) is None


def test_the_moduli_of_this_machine_are_fit() -> None:
    try:
        with open("/etc/ssh/moduli", encoding="ascii") as file:
            groups = parse_moduli(file.read())
    except OSError:
        pytest.skip("there is no moduli file")
    assert {group.bits for group in groups} >= {2048, 3072, 4096, 8192}
    check_group(next(group for group in groups if group.bits == 2048), 2048, 2048)


def test_hashes_are_those_of_the_names() -> None:
    for name in METHODS:
        assert name.endswith(f"-{EXCHANGES[name].hash_name}")
        hashlib.new(EXCHANGES[name].hash_name)
