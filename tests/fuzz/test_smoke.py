"""Each target of `make fuzz` for a moment and without a fuzzer: its seeds are sound, and some hundred changed ones
do no harm.  What fuzzing has found is kept by tests beside its subject.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import ConnectionClosed, DisconnectedByPeer, SSHError
from jupyter_ssh.ssh.protocol.roles import Role
from tests.fuzz import conversations, streams
from tests.fuzz.catalogue import TARGETS
from tests.fuzz.mutation import mutations
from tests.fuzz.target import Target

COUNT = 250
SEED = 1


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_is_near_them(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert seeds
    assert max(map(len, seeds)) <= target.longest
    for data in (b"", *seeds, *mutations(seeds, target.words, target.longest, COUNT, SEED)):
        _run(target, data)


def _run(target: Target, data: bytes) -> None:
    try:
        target.run(data)
    except Exception:
        print(f"from tests.fuzz.catalogue import TARGETS; TARGETS[{target.name!r}].run({data!r})")
        raise


@pytest.fixture
def endings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SSHError | None]]:
    """Why the sessions ended before their stream did."""
    seen: list[SSHError | None] = []
    for module in (streams, conversations):
        monkeypatch.setattr(module, "finish", lambda end: seen.append(end.session.failure))
    return seen


@pytest.mark.parametrize(("role", "ending"), [(Role.CLIENT, ConnectionClosed), (Role.SERVER, DisconnectedByPeer)])
def test_recorded_streams_play_to_their_end(role: Role, ending: type[SSHError], endings: list[SSHError | None]) -> None:
    recorded = list(streams.seeds(role))[: len(streams.SUITES) * len(streams.PIECES)]
    for seed in recorded:
        streams.feed(role, seed)
    assert [type(error) for error in endings] == [ending] * len(recorded)


@pytest.mark.parametrize("role", Role)
def test_conversations_get_to_open_channels(role: Role, endings: list[SSHError | None]) -> None:
    for seed in conversations.answered(role):
        conversations.converse(role, seed)
    assert "bye" in [error.received[-5:].strip("'") for error in endings if isinstance(error, DisconnectedByPeer)]
    assert None in endings


def test_the_command_that_plays_an_input_again(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_bytes(b"any bytes")
    command = [sys.executable, "-m", "tests.fuzz.reproduce", "known-hosts", str(file)]
    answer = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=60
    )
    assert "nothing but typed errors" in answer.stdout
