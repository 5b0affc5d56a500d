"""Waits that end: which error they raise, and what it is."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_ssh.ssh.errors import DeadlineExceeded, SSHError
from jupyter_ssh.ssh.net.agent import open_transport
from jupyter_ssh.ssh.net.deadline import within


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_deadline_is_a_timeout_of_python_too() -> None:
    with pytest.raises(TimeoutError) as caught:
        await within(forever(), 0.01, "waiting for nothing", next_step="Wait for something.")
    error = caught.value
    assert isinstance(error, DeadlineExceeded)
    assert isinstance(error, SSHError)
    assert error.seconds == 0.01
    assert str(error) == "waiting for nothing: no answer within 0.01 s. Wait for something."


async def test_the_shorter_wait_inside_keeps_its_name() -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        await within(within(forever(), 0.01, "the inner wait"), 60, "the outer wait")
    assert caught.value.phase == "the inner wait"


async def test_what_was_printed_is_in_no_message() -> None:
    error = DeadlineExceeded.after(1, "command")
    error.stdout = error.stderr = b"secret"
    assert "secret" not in f"{error} {error!r} {error.args}"


async def test_an_agent_that_does_not_answer_is_not_one_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(address: str) -> None:
        await forever()

    monkeypatch.setattr("jupyter_ssh.ssh.net.agent._open", hang)  # a socket that takes connections and stays silent
    with pytest.raises(DeadlineExceeded):
        await open_transport("socket", 0.01)
