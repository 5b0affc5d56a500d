"""The agent protocol, either side: what clients ask our keyring for, and what an agent answers us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_ssh.ssh.agent import conversation as c
from jupyter_ssh.ssh.agent import keyring
from jupyter_ssh.ssh.agent.constraints import Constraints
from jupyter_ssh.ssh.agent.destinations import Destination, Hop, HopKey
from jupyter_ssh.ssh.agent.frames import frame
from jupyter_ssh.ssh.agent.keyring import Confirm, Keyring, Later
from jupyter_ssh.ssh.agent.session import AgentSession
from jupyter_ssh.ssh.errors import SSHError
from tests.fuzz.target import Target
from tests.support.made_keys import key_of

MOST_STEPS = 20
"""Delays and questions that an answer may need."""
READERS = (c.read_identities, c.read_signature, lambda answer: c.read_success(answer, "x"), c.read_extensions)


def requests(data: bytes) -> None:
    """Requests, each behind two bytes of length, to a keyring with a key in it; every one has an answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyring, "LOCK_ROUNDS", 1)
        _requests(data)


def _requests(data: bytes) -> None:
    now = 1000.0
    held = Keyring(lambda: now, lambda: 1_700_000_000.0)
    held.add(key_of("ssh-ed25519"))
    session = AgentSession(held)
    position = 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        outcome = session.handle(data[position + 2 : position + 2 + size])
        position += 2 + size
        for step in range(MOST_STEPS):
            if isinstance(outcome, bytes):
                break
            assert isinstance(outcome, (Later, Confirm))
            if isinstance(outcome, Later):
                now += outcome.seconds
                outcome = outcome.then()
            else:
                outcome = outcome.then(step % 2 == 0)
        assert isinstance(outcome, bytes)
        assert outcome
        assert len(held.held()) < 1000


def request(message: bytes) -> bytes:
    """As `requests` wants it."""
    return len(message).to_bytes(2, "big") + message


def request_seeds() -> Iterator[bytes]:
    """Every kind of request."""
    key = key_of("ecdsa-sha2-nistp256")
    own = key_of("ssh-ed25519").public.blob
    here = Hop("host.example", "alice", (HopKey(key.public),))
    for constraints in (
        Constraints(),
        Constraints(lifetime=10, confirm=True),
        Constraints(destinations=(Destination(Hop(), here), Destination(here, here))),
    ):
        yield request(c.add_identity(key, "comment", constraints)) + request(c.sign_request(key.public.blob, b"data"))
    yield request(c.request_identities()) + request(c.sign_request(own, b"data")) + request(c.remove_identity(own))
    bound = c.session_bind(key.public.blob, b"i" * 32, key.sign(b"i" * 32), forwarded=True)
    yield request(bound) + request(c.request_identities()) + request(c.extension("query")) + request(bound)
    yield request(c.lock("x")) + request(c.sign_request(own, b"d")) + request(c.unlock("y")) + request(c.unlock("x"))
    yield request(c.remove_all_identities()) + request(c.request_identities())


def answers(data: bytes) -> None:
    """What comes back from an agent: its frames, and the answer read in each of the ways."""
    talk = c.Conversation()
    talk.ask(c.request_identities())
    for read in READERS if data else ():  # no frame is empty
        try:
            read(data)
        except SSHError:
            pass
    try:
        for start in range(0, len(data), 7):
            answer = talk.feed(data[start : start + 7])
            if answer is not None:
                c.read_identities(answer)
    except SSHError:
        pass


def answer_seeds() -> Iterator[bytes]:
    """Answers of our own agent, in frames and without."""
    held = Keyring(lambda: 0.0, lambda: 0.0)
    held.add(key_of("ssh-ed25519"), "one")
    held.add(key_of("ecdsa-sha2-nistp256"), "two")
    session = AgentSession(held)
    blob = key_of("ssh-ed25519").public.blob
    for message in (c.request_identities(), c.sign_request(blob, b"x"), c.extension("query"), b"\0"):
        answer = session.handle(message)
        assert isinstance(answer, bytes)
        yield answer
        yield frame(answer)


WORDS = (b"session-bind@openssh.com", b"restrict-destination-v00@openssh.com", b"ssh-ed25519", b"query")

TARGETS = [
    Target("agent-requests", requests, request_seeds, words=WORDS),
    Target("agent-answers", answers, answer_seeds, longest=2000, words=WORDS),
]
