"""The whole byte stream of a session, from the identification string on, fed to either role.

The first byte of an input chooses the recording whose settings the role has, and how the stream is cut into pieces.
All randomness is seeded and the host key always the same, so a recorded stream plays to its end again: what is changed
in it meets the state it was made for.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jupyter_ssh.ssh.keys import KEY_TYPES, PrivateKey
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Algorithms, Settings
from tests.fuzz.target import Target
from tests.pair.pairing import FAST_KEX, GROUP_EXCHANGE, SMALL_GROUP, Pair, allow_small_groups, seeded, suite
from tests.pair.scenario import Story, told_end
from tests.pair.soundness import assert_sound, finish

SUITES: tuple[Algorithms, ...] = (
    suite("gcm", FAST_KEX),
    suite("chacha", GROUP_EXCHANGE),
    replace(suite("ctr-etm", FAST_KEX), compression=("zlib",)),
    replace(suite("ctr-eam", FAST_KEX), compression=("zlib@openssh.com",)),
)
"""What is negotiated, by the remainder of an input's first byte."""
PIECES = (1 << 20, 700, 64, 5)
"""Bytes that are fed at once, by the quotient of an input's first byte."""
SEED = 51


@functools.cache
def host_key() -> PrivateKey:
    """The same key in every process, and no secret: else an old stream's keys would be wrong in the next one."""
    row = KEY_TYPES["ssh-ed25519"]
    seed = hashlib.sha256(b"the host key of the fuzzed server").digest()
    key = row.from_cryptography(row, Ed25519PrivateKey.from_private_bytes(seed))
    assert key is not None
    return key


def settings(role: Role, algorithms: Algorithms) -> Settings:
    """The settings of a role, with bytes that are always the same."""
    made = Settings(algorithms, random=seeded(SEED + (role is Role.SERVER)))
    if role is Role.CLIENT:
        return made
    return replace(made, host_keys=(host_key(),), groups=lambda: [SMALL_GROUP], banner="welcome")


@functools.cache
def recorded(algorithms_index: int) -> dict[Role, bytes]:
    """What each role received in a session that uses everything."""
    algorithms = SUITES[algorithms_index]
    with pytest.MonkeyPatch.context() as patch:
        allow_small_groups(patch)
        pair = Pair(*(settings(role, algorithms) for role in Role), host_keys=(host_key(),))
        pair.server.known_requests = {"pty-req", "exec"}
        for end in pair.ends:
            Story(end)
        pair.run()
    return {role: b"".join(pair.carried[role]) for role in Role}


def feed(role: Role, data: bytes) -> None:
    """The bytes go to a session that does all that a session does."""
    if not data:
        return
    choice, stream = data[0], memoryview(data)[1:]
    algorithms = SUITES[choice % len(SUITES)]
    piece = PIECES[choice // len(SUITES) % len(PIECES)]
    with pytest.MonkeyPatch.context() as patch:
        allow_small_groups(patch)
        end, _ = told_end(role, settings(role, algorithms))
        for start in range(0, len(stream), piece):
            end.session.feed(stream[start : start + piece])
            while end.session.data_to_send():
                assert_sound(end)
            if end.session.failure is not None:
                break
        finish(end)


def seeds(role: Role) -> Iterator[bytes]:
    """Recorded streams, and where they are cut."""
    for index in range(len(SUITES)):
        for quotient in range(len(PIECES)):
            yield bytes([index + quotient * len(SUITES)]) + recorded(index)[role]
    for start in (b"SSH-2.0-x\r\n", b"SSH-1.99-x\n", b"hello\r\nSSH-2.0-x y\r\n"):
        yield b"\0" + start


WORDS = (
    b"SSH-2.0-",
    b"SSH-1.99-",
    b"\r\n",
    b"ssh-userauth",
    b"ssh-connection",
    b"curve25519-sha256",
    b"ssh-ed25519",
    b"aes128-gcm@openssh.com",
    b"kex-strict-c-v00@openssh.com",
    b"kex-strict-s-v00@openssh.com",
    b"ext-info-c",
    b"none",
)

TARGETS = [
    Target(
        f"{role.value}-stream",
        functools.partial(feed, role),
        functools.partial(seeds, role),
        longest=6000,
        words=WORDS,
    )
    for role in Role
]
