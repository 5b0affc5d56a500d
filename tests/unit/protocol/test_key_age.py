"""When keys are worn out: RFC 4253 §9 and RFC 4344 §3.1, with sequence numbers that wrap."""

from __future__ import annotations

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS, REKEY_PACKETS
from jupyter_ssh.ssh.protocol.packets.key_age import REKEY_PATIENCE, KeyAge

CIPHER = "aes128-gcm@openssh.com"


def test_bytes_in_either_direction() -> None:
    age = KeyAge(1000, 1e9)
    age.renewed([CIPHER, CIPHER])
    age.received(1000)
    assert not age.sent(1000, 1)
    assert not age.worn_in(5)
    age.received(1)
    assert age.worn_in(5)
    assert age.sent(1, 1)
    age.new_receiving_keys(0)
    age.new_sending_keys(300, 2)
    assert not age.sent(300, 2)  # sealed under the old keys
    assert not age.sent(1000, 1)
    assert not age.worn_in(0)


def test_nothing_wears_out_before_the_first_keys() -> None:
    age = KeyAge(None, 1e9)
    age.received(1 << 50)
    assert not age.worn_in(10)
    age.renewed([CIPHER])
    assert age.worn_in(10)


def test_each_cipher_has_its_limit() -> None:
    age = KeyAge(None, 1e9)
    age.renewed([CIPHER])
    age.received(CIPHERS[CIPHER].rekey_bytes)
    assert not age.worn_in(0)
    age.received(1)
    assert age.worn_in(0)


def test_received_packets_are_counted_across_the_wrap_of_sequence_numbers() -> None:
    for first in (0, 17, (1 << 32) - 5, 1 << 31):
        age = KeyAge(None, 1e9)
        age.renewed([CIPHER])
        age.new_receiving_keys(first)
        assert not age.worn_in(first)
        assert not age.worn_in((first + REKEY_PACKETS - 1) % (1 << 32))
        # Packets come many at a time, so the limit is rarely met exactly.
        for past in (0, 1, 100_000):
            assert age.worn_in((first + REKEY_PACKETS + past) % (1 << 32))


def test_sent_packets_are_counted() -> None:
    age = KeyAge(None, 1e9)
    age.renewed([CIPHER])
    assert not age.sent(0, REKEY_PACKETS - 1)
    assert age.sent(0, 1)
    age.new_sending_keys(0, 3)
    assert not age.sent(0, REKEY_PACKETS + 2)
    assert age.sent(0, 1)


def test_time() -> None:
    age = KeyAge(None, 100.0)
    assert age.next_tick() is None
    assert not age.tick(50.0)
    assert age.next_tick() == 150.0
    assert not age.tick(149.9)
    assert age.tick(150.0)
    assert not age.tick(151.0)
    age.renewed([CIPHER])
    assert not age.tick(250.9)
    assert age.tick(251.0)


def test_a_rekey_that_stalls() -> None:
    age = KeyAge(None, 1e9)

    def tick(now: float, rekeying: bool) -> bool:
        age.tick(now)
        return age.stalled(rekeying)

    assert not tick(0, False)
    assert not tick(10 * REKEY_PATIENCE, True)  # it may have begun this moment
    assert age.next_tick() == 11 * REKEY_PATIENCE
    assert not tick(10.9 * REKEY_PATIENCE, True)
    age.received(1)
    assert not tick(11.5 * REKEY_PATIENCE, True)
    assert not tick(12.4 * REKEY_PATIENCE, True)
    assert tick(12.5 * REKEY_PATIENCE, True)
    assert not tick(12.6 * REKEY_PATIENCE, False)
    assert not tick(30 * REKEY_PATIENCE, True)
