"""Frames and answers of agents, from any bytes."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from jupyter_ssh.ssh.agent import AgentKey, Conversation, conversation
from jupyter_ssh.ssh.agent import numbers as n
from jupyter_ssh.ssh.agent.frames import FrameReader, frame
from jupyter_ssh.ssh.errors import AgentError, AgentRefused, KeyFormatError
from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.wire.types import string, uint32


@hypothesis.given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.integers(1, 40))
def test_frames_come_out_as_they_went_in(messages: list[bytes], step: int) -> None:
    stream = b"".join(map(frame, messages))
    reader, found = FrameReader(), []
    for start in range(0, len(stream), step):
        found += reader.feed(stream[start : start + step])
    assert found == messages
    assert not reader.partial


@pytest.mark.parametrize("size", [0, n.MAX_MESSAGE + 1, 0xFFFFFFFF])
def test_a_length_that_cannot_be_is_refused_before_the_message_comes(size: int) -> None:
    with pytest.raises(AgentError, match="length"):
        FrameReader().feed(size.to_bytes(4, "big"))


def test_what_is_too_long_is_not_sent() -> None:
    with pytest.raises(AgentError, match="length"):
        Conversation().ask(bytes(n.MAX_MESSAGE + 1))


@hypothesis.given(st.binary(min_size=1, max_size=200))
def test_any_answer_is_read_or_an_error_of_the_agent(answer: bytes) -> None:
    readers = (conversation.read_identities, conversation.read_signature, conversation.read_extensions)
    for number in (answer[0], 6, 12, 14, 29):
        for read in readers:
            try:
                read(bytes((number,)) + answer[1:])
            except AgentError:
                pass


def test_one_thing_after_another() -> None:
    talk = Conversation()
    with pytest.raises(AgentError, match="without a request"):
        talk.feed(frame(b"\x06"))
    talk = Conversation()
    talk.ask(b"\x0b")
    with pytest.raises(AgentError, match="not answered"):
        talk.ask(b"\x0b")
    assert talk.feed(frame(b"\x06")[:3]) is None
    assert "part of one" in str(talk.ended())
    assert talk.feed(frame(b"\x06")[3:]) == b"\x06"


def test_a_refusal_is_told_from_nonsense() -> None:
    for refusal in (b"\x05", b"\x1c", b"\x1e", b"\x66"):
        with pytest.raises(AgentRefused):
            conversation.read_signature(refusal)
    with pytest.raises(AgentError) as caught:
        conversation.read_signature(b"\x06")
    assert not isinstance(caught.value, AgentRefused)


def test_a_key_of_an_agent_has_no_private_half_here() -> None:
    key = generate("ed25519")
    asked: list[tuple[bytes, bytes, int]] = []

    def ask(blob: bytes, data: bytes, flags: int) -> bytes:
        asked.append((blob, data, flags))
        return key.sign(data)

    of_agent = AgentKey(key.public, ask, "comment")
    key.public.verify(of_agent.sign(b"data"), b"data")
    assert asked == [(key.public.blob, b"data", 0)]
    with pytest.raises(KeyFormatError):
        of_agent.private_fields()


def test_a_comment_that_would_steer_a_terminal_or_make_a_line_of_its_own() -> None:
    key = generate("ed25519").public
    comment = "mine\x1b]0;x\x07\nssh-ed25519 AAAA of somebody else"
    answer = bytes((n.SSH_AGENT_IDENTITIES_ANSWER,)) + uint32(1) + string(key.blob) + string(comment)
    [item] = conversation.read_identities(answer)
    assert item.comment.isprintable()
    assert item.comment.startswith("mine")
