"""The transaction tables against the figures of RFC 3261 and RFC 6026: what each state lets in, and how it ends."""

import pytest

from sip.invite_client import InviteClientTransaction
from sip.invite_server import InviteServerTransaction
from sip.non_invite import NonInviteClientTransaction, NonInviteServerTransaction
from sip.transaction import Input, Machine, State

MACHINES = [
    InviteClientTransaction, InviteServerTransaction, NonInviteClientTransaction, NonInviteServerTransaction,
]  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_is_reached_and_left(machine: type[Machine]):
    states = {state for state, _ in machine.TRANSITIONS} | {machine.INITIAL}
    reached = {to for to, _ in machine.TRANSITIONS.values()} | {machine.INITIAL}
    assert reached == states | {State.TERMINATED}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_timer_that_is_set_is_known_where_it_fires(machine: type[Machine]):
    for state, timers in machine.TIMERS_ON_ENTRY.items():
        for timer in timers:
            assert (state, timer) in machine.TRANSITIONS, (state, timer)
    for state, event in machine.TRANSITIONS:
        if event.name.startswith("TIMER_"):
            assert event in machine.TIMERS_ON_ENTRY[state], (state, event)


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_is_left_waiting_for_ever_but_a_call_that_rings_and_a_user_that_thinks(machine: type[Machine]):
    unlimited = {
        (InviteClientTransaction, State.PROCEEDING),
        (InviteServerTransaction, State.PROCEEDING),
        (NonInviteServerTransaction, State.TRYING),
        (NonInviteServerTransaction, State.PROCEEDING),
    }
    for state, _ in machine.TRANSITIONS:
        ends = [
            t for t in machine.TIMERS_ON_ENTRY.get(state, {}) if machine.TRANSITIONS[state, t][0] is State.TERMINATED
        ]
        assert bool(ends) is ((machine, state) not in unlimited)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("event", Input)
def test_a_terminated_transaction_does_nothing(machine: type[Machine], event: Input):
    assert (State.TERMINATED, event) not in machine.TRANSITIONS
