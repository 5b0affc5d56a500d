"""The fallback transport's messages: whatever is lost or comes twice, each frame arrives once and in order."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_ssh.pages.batches import (
    ACK_SECONDS,
    AGAIN_SECONDS,
    GONE_SECONDS,
    SILENT_SECONDS,
    UNACKED_BYTES,
    Batches,
)
from jupyter_ssh.pages.frames import Data, FrameError


class End:
    """One end, with what it has sent and not lost, and the frames that came out of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.frames: list[Any] = []
        self.batches = Batches("c", lambda content, buffers: self.sent.append((content, buffers)), 0.0)


def pump(one: End, other: End, now: float, chance: random.Random, loss: float) -> None:
    """Carry what ``one`` has sent to ``other``, losing and doubling some of it."""
    sent, one.sent = one.sent, []
    for content, buffers in sent:
        for _ in range(chance.choice((1, 1, 1, 2))):
            if chance.random() >= loss:
                other.frames += other.batches.receive(content, buffers, now)


@given(st.integers(0, 2**32), st.floats(0, 0.6), st.lists(st.binary(min_size=1, max_size=50), max_size=30))
@settings(max_examples=60)
def test_every_frame_arrives_once_and_in_order(seed: int, loss: float, payloads: list[bytes]) -> None:
    chance = random.Random(seed)
    ends = End(), End()
    now, expected = 0.0, {0: [], 1: []}
    for step in range(4000):
        if payloads:
            side = chance.randrange(2)
            payload = payloads.pop()
            ends[side].batches.data(1, step, payload)
            expected[1 - side].append(Data(1, step, payload))
            if chance.random() < 0.5:
                ends[side].batches.control({"type": "x", "n": step}, 20)
                expected[1 - side].append({"type": "x", "n": step})
        for side in (0, 1):
            ends[side].batches.flush(now)
            pump(ends[side], ends[1 - side], now, chance, loss)
        if not payloads and all(ends[side].frames == expected[side] for side in (0, 1)):
            break
        now += 0.3
    assert [ends[0].frames, ends[1].frames] == [expected[0], expected[1]]


def test_no_second_has_more_than_forty_messages_or_four_mebibytes() -> None:
    end = End()
    sent: list[tuple[float, int]] = []
    now = 0.0
    while now < 8:
        while end.batches.writable:
            end.batches.data(1, 0, bytes(65_536))
        end.batches.flush(now)
        sent += [(now, sum(map(len, buffers))) for _, buffers in end.sent]
        if end.sent:
            end.batches.receive({"seq": 0, "ack": end.sent[-1][0]["seq"], "frames": []}, [], now)
        end.sent = []
        now += 0.01
    assert sum(size for _, size in sent) > 16 << 20
    for start, _ in sent:
        second = [size for at, size in sent if start <= at < start + 1]
        assert len(second) <= 40
        assert sum(second) <= (4 << 20) + (64 << 10)


def test_many_small_frames_share_a_message() -> None:
    end = End()
    for number in range(1000):
        end.batches.data(1, number, b"x")
    end.batches.flush(0.0)
    assert len(end.sent) == 1
    assert end.sent[0][0]["frames"] == list(range(1000))


def test_what_is_discarded_is_not_sent_nor_sent_again() -> None:
    end = End()
    one, other = (1, b"one"), (256, b"other")
    for stream, payload in (one, other):
        end.batches.data(stream, 0, payload)
    end.batches.control({"type": "x"}, 10)
    end.batches.flush(0.0)
    end.sent.clear()
    for stream, payload in (one, other):
        end.batches.data(stream, 5, payload)
    end.batches.discard(1)
    end.batches.flush(AGAIN_SECONDS)
    other_end = End()
    frames = [
        frame for content, buffers in end.sent for frame in other_end.batches.receive(content, buffers, AGAIN_SECONDS)
    ]
    assert frames == [Data(256, 0, b"other"), {"type": "x"}, Data(256, 5, b"other")]


def test_what_is_discarded_makes_room() -> None:
    end = End()
    now = 0.0
    while end.batches.writable or now < 5:
        while end.batches.writable:
            end.batches.data(1, 0, bytes(65_536))
        end.batches.flush(now)
        now += 0.1
    end.batches.discard(1)
    assert end.batches.writable


def test_a_page_that_acknowledges_nothing_is_sent_a_bounded_amount() -> None:
    end = End()
    now, total = 0.0, 0
    for _ in range(10_000):
        while end.batches.writable:
            end.batches.data(1, 0, bytes(65_536))
        end.batches.flush(now)
        total += sum(len(buffer) for content, buffers in end.sent for buffer in buffers)
        end.sent = []
        now += 0.01
    first_time = UNACKED_BYTES + (1 << 20)
    again = SILENT_SECONDS / AGAIN_SECONDS * UNACKED_BYTES
    assert total <= first_time + again
    assert not end.batches.writable


def test_a_silent_page_is_sent_nothing_until_it_speaks() -> None:
    end = End()
    end.batches.control({"type": "x"}, 10)
    assert end.batches.flush(SILENT_SECONDS) is None
    assert end.sent == []
    assert not end.batches.gone(SILENT_SECONDS)
    end.batches.receive({"seq": 0, "ack": 0, "frames": []}, [], SILENT_SECONDS + 1)
    end.batches.flush(SILENT_SECONDS + 1)
    assert [content["frames"] for content, _ in end.sent] == [[{"type": "x"}]]
    assert end.batches.gone(SILENT_SECONDS + 1 + GONE_SECONDS)


def test_what_came_is_acknowledged_even_with_nothing_to_say() -> None:
    end = End()
    end.batches.receive({"seq": 1, "ack": 0, "frames": [{"type": "hello"}]}, [], 0.0)
    due = end.batches.flush(0.0)
    assert end.sent == []
    assert due is not None
    end.batches.flush(due)
    assert end.sent == [({"connection": "c", "seq": 0, "ack": 1, "frames": []}, [])]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"seq": 1, "ack": 0},
        {"seq": "1", "ack": 0, "frames": []},
        {"seq": True, "ack": 0, "frames": []},
        {"seq": -1, "ack": 0, "frames": []},
        {"seq": 1, "ack": 1, "frames": []},
        {"seq": 1, "ack": 0, "frames": [0]},
        {"seq": 1, "ack": 0, "frames": [-1]},
        {"seq": 1, "ack": 0, "frames": ["hello"]},
        {"seq": 1, "ack": 0, "frames": [{}]},
        {"seq": 1, "ack": 0, "frames": {}},
    ],
)
def test_a_message_that_breaks_the_rules(content: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        End().batches.receive(content, [], 0.0)


def test_a_message_that_carries_nothing_is_acknowledged_each_time_it_comes() -> None:
    page, kernel = End(), End()
    page.batches.ask()
    page.batches.flush(0.0)
    [(content, _)] = page.sent
    assert (content["seq"], content["frames"]) == (1, [])
    for now in (0.0, 1.0):  # the first answer is lost
        assert kernel.batches.receive(content, [], now) == []
        kernel.batches.flush(now)
        kernel.batches.flush(now + ACK_SECONDS)
    assert [sent["ack"] for sent, _ in kernel.sent] == [1, 1]
    page.batches.ask()
    page.batches.flush(0.1)
    assert len(page.sent) == 1, "one is under way"
