"""All targets, in the order in which a run takes them."""

from __future__ import annotations

from . import agents, conversations, decoders, streams
from .target import Target

TARGETS: dict[str, Target] = {
    target.name: target for target in (*streams.TARGETS, *conversations.TARGETS, *decoders.TARGETS, *agents.TARGETS)
}
