"""All targets, in the order in which a run takes them."""

from __future__ import annotations

from tests.fuzz import agents, answers, conversations, decoders, page_frames, streams, whole_server
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *streams.TARGETS,
        *conversations.TARGETS,
        *whole_server.TARGETS,
        *decoders.TARGETS,
        *agents.TARGETS,
        *answers.TARGETS,
        *page_frames.TARGETS,
    )
}
