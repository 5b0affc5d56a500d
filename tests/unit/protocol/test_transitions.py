"""NEXT, walked from end to end: every phase can be reached, every trigger is of use, and GATE agrees with it."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.protocol.gate import EXCHANGE, GATE
from jupyter_ssh.ssh.protocol.roles import EXCHANGE_PHASES, REKEY_PHASES, WRONG_GUESSES, Phase, Role, Stage
from jupyter_ssh.ssh.protocol.transitions import BEGINNINGS, NEXT, OF_LAYERS, RESUME, Trigger, next_phase
from jupyter_ssh.ssh.wire import numbers as n

BEGIN = {trigger for pair in BEGINNINGS.values() for trigger in pair} | {Trigger.WRONG_GUESS}
STRICT = {strict for _, strict in BEGINNINGS.values()}
LAYERS = {Phase.SERVICE, Phase.AUTH, Phase.OPEN}
"""Where the upper layers are at work, and where a rekey may begin."""

SERVICE = {Role.CLIENT: n.SSH_MSG_SERVICE_ACCEPT, Role.SERVER: n.SSH_MSG_SERVICE_REQUEST}
LOGIN = {Role.CLIENT: n.SSH_MSG_USERAUTH_SUCCESS, Role.SERVER: n.SSH_MSG_USERAUTH_REQUEST}


def ways(role: Role, phase: Phase) -> dict[Trigger, Phase | None]:
    """The row of a phase."""
    return {trigger: following for (of, at, trigger), following in NEXT.items() if (of, at) == (role, phase)}


def followers(role: Role, phase: Phase) -> set[Phase]:
    """The phases that may follow at once; after a rekey any that it may have interrupted."""
    direct = ways(role, phase).values()
    return {one for one in direct if one is not RESUME} | (LAYERS if RESUME in direct else set())


@pytest.mark.parametrize("role", Role)
def test_every_phase_can_be_reached(role: Role) -> None:
    reached, new = set(), {Phase.VERSION}
    while new:
        reached |= new
        new = set().union(*(followers(role, phase) for phase in new)) - reached
    assert reached == set(Phase)


@pytest.mark.parametrize("role", Role)
def test_every_phase_but_the_last_can_be_left_and_ended(role: Role) -> None:
    for phase in set(Phase) - {Phase.CLOSED}:
        row = ways(role, phase)
        assert row[Trigger.END] is Phase.CLOSED
        assert len(row) > 1, phase
    assert ways(role, Phase.CLOSED) == {}


@pytest.mark.parametrize("role", Role)
def test_every_trigger_is_of_use(role: Role) -> None:
    assert {trigger for of, _, trigger in NEXT if of is role} == set(Trigger)


def test_the_end_comes_once() -> None:
    with pytest.raises(RuntimeError, match="nothing follows the phase CLOSED of a client by END"):
        next_phase(Role.CLIENT, Phase.CLOSED, Trigger.END)


def test_what_is_not_in_the_table_is_an_error() -> None:
    for role in Role:
        for phase in Phase:
            for trigger in set(Trigger) - ways(role, phase).keys():
                with pytest.raises(RuntimeError, match=f"{phase.name} of a {role.value} by {trigger.name}"):
                    next_phase(role, phase, trigger)


def brought_about(role: Role, phase: Phase) -> set[Trigger]:
    """What the messages that GATE lets through in a phase can bring about, said a second time: by their numbers."""
    allowed = GATE[role, phase].handled
    triggers: set[Trigger] = set()
    if n.SSH_MSG_KEXINIT in allowed:
        triggers |= BEGIN if phase is Phase.KEXINIT else BEGIN - STRICT
    if phase in WRONG_GUESSES:
        triggers |= BEGIN - {Trigger.WRONG_GUESS} - (STRICT if phase in REKEY_PHASES else set())
    else:
        last = EXCHANGE[role][Stage.AGREEMENT] | EXCHANGE[role][Stage.IN_GROUP]
        # In the rows of a group exchange 31 is the server's group, else the other methods' reply (RFC 4419 §5).
        asks_for_group = EXCHANGE[role][Stage.GROUP] <= allowed and "GROUP" in phase.name
        if asks_for_group:
            triggers.add(Trigger.IN_GROUP)
        elif allowed & last:
            triggers.add(Trigger.SECRET)
    if n.SSH_MSG_NEWKEYS in allowed:
        triggers.add(Trigger.NEWKEYS)
    if SERVICE[role] in allowed:
        triggers.add(Trigger.SERVICE)
    if LOGIN[role] in allowed:
        triggers.add(Trigger.LOGIN)
    return triggers


@pytest.mark.parametrize("role", Role)
def test_gate_agrees(role: Role) -> None:
    """A message that may come leads somewhere, and nothing else does: but for the version, which is no message."""
    for phase in set(Phase) - {Phase.VERSION, Phase.CLOSED}:
        assert ways(role, phase).keys() - {Trigger.END} == brought_about(role, phase), phase
    assert ways(role, Phase.VERSION).keys() == {Trigger.VERSION, Trigger.END}
    assert GATE[role, Phase.VERSION] == GATE[role, Phase.CLOSED] == (frozenset(), frozenset())


@pytest.mark.parametrize("role", Role)
def test_a_strict_exchange_stays_strict(role: Role) -> None:
    for phase in Phase:
        for trigger, following in ways(role, phase).items():
            if phase.name.endswith("_STRICT") and trigger not in (Trigger.END, Trigger.NEWKEYS):
                assert following is not None
                assert following.name.endswith("_STRICT"), (phase, trigger)


@pytest.mark.parametrize("role", Role)
def test_a_rekey_begins_between_others_only_and_comes_back(role: Role) -> None:
    for phase in Phase:
        into = followers(role, phase) & REKEY_PHASES
        assert bool(into) is (phase in LAYERS or phase in REKEY_PHASES - {Phase.REKEY_NEWKEYS}), phase
    assert [phase for phase in Phase if RESUME in ways(role, phase).values()] == [Phase.REKEY_NEWKEYS]


def test_the_upper_layers_have_ways_of_their_own() -> None:
    """So that what they reach during a rekey is found by the phase that it interrupted."""
    for _, phase, trigger in NEXT:
        if trigger in OF_LAYERS:
            assert phase in LAYERS
            assert phase not in EXCHANGE_PHASES
