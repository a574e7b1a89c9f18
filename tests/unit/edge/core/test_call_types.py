"""Each call type to its last stage, whatever the legs before it do; then the machine under random events."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.call import CallMachine, CallState
from edge.core.call_events import (
    AskConfirm,
    Bridge,
    CallerCancelled,
    CallerConfirmed,
    CallerHungUp,
    CancelLeg,
    Command,
    ContactRef,
    Digit,
    DigitCarrier,
    Event,
    Finished,
    ForceEnd,
    HangUpCaller,
    HangUpLeg,
    LegAnswered,
    LegFailed,
    LegHungUp,
    LegRinging,
    Record,
    Refuse,
    RequestOpen,
    RingLeg,
    ServiceChanged,
    Start,
    Tick,
)
from edge.core.settings import CallSettings
from models.call import CallOutcome, CallPlan, CallType, DigitSource, LegKind, LegState
from models.ids import CallId
from tests.unit.edge.core.call_house import A101, DOOR_A, HOUSE
from tests.unit.edge.core.call_house import plan as house_plan
from tests.unit.edge.core.call_script import (
    ANN,
    GUARD,
    KITCHEN,
    LANDLINE,
    LANDLINE_2,
    MONITOR,
    machine,
)
from tests.unit.edge.core.call_script import plan as script_plan

M, A, L = LegKind.MONITOR, LegKind.APP, LegKind.LANDLINE
CHAIN = {0: [{A, M}], 1: [{L, M}], 2: [{A, M}, {L}], 3: [{M}, {A}], 4: [{M}, {L}], 5: [{M}, {A}, {L}]}
RING_S = 20.0


class Street:
    """Drives a machine: every leg rung before the last stage behaves as told, the last stage's first leg answers."""

    def __init__(self, call_type: int, behaviour: str) -> None:
        home = replace(A101, call_type=CallType(call_type))
        house = replace(
            HOUSE, apartments={**HOUSE.apartments, home.id: home}, by_number={**HOUSE.by_number, "101": (home,)}
        )
        self.plan = house_plan(DOOR_A, "101", house)
        self.behaviour = behaviour
        self.now = 0.0
        self.commands: list[Command] = []
        self.machine = CallMachine(CallId("c-1"), self.plan, "Entrance", "101", 0, self.reach, CallSettings())

    def reach(self, target):
        last = target.kind in CHAIN[self.plan_type][-1]
        return () if self.behaviour == "unregistered" and not last else (ContactRef(target.address),)

    @property
    def plan_type(self) -> int:
        kinds = [{leg.target.kind for leg in stage.legs if leg.included} for stage in self.plan.stages]
        return next(code for code, chain in CHAIN.items() if chain == kinds)

    def feed(self, event: Event) -> list[Command]:
        made = self.machine.feed(event, self.now)
        self.commands += made
        return made

    def ringing(self, kinds) -> list[int]:
        return [
            number
            for number, leg in enumerate(self.machine.record.legs)
            if leg.state is LegState.RINGING and leg.kind in kinds
        ]

    def play_stage(self, kinds) -> None:
        """All legs of a stage behave as told until none of it rings."""
        status = {"busy": 486, "declining": 603}.get(self.behaviour)
        while legs := self.ringing(kinds):
            if status is None:
                due = self.machine.next_due()
                assert due is not None
                self.now = due
                self.feed(Tick())
            else:
                self.feed(LegFailed(legs[0], status))


@pytest.mark.parametrize("behaviour", ["unregistered", "busy", "silent"])
@pytest.mark.parametrize("call_type", CHAIN)
def test_the_last_stage_is_reached_and_answers(call_type, behaviour):
    street = Street(call_type, behaviour)
    street.feed(Start())
    for kinds in CHAIN[call_type][:-1]:
        street.play_stage(kinds)
    last = CHAIN[call_type][-1]
    answering = street.ringing(last)[0]
    assert any(isinstance(c, Bridge) for c in street.feed(LegAnswered(answering)))
    row = street.machine.record
    assert row.answered_by == answering
    assert answering in row.stages[-1]
    assert len(row.stages) == len(CHAIN[call_type])
    waited = {"unregistered": 0.0, "busy": 0.0, "silent": RING_S * (len(CHAIN[call_type]) - 1)}[behaviour]
    assert street.now == waited


@pytest.mark.parametrize("call_type", CHAIN)
def test_nobody_answers_in_any_stage(call_type):
    street = Street(call_type, "silent")
    street.feed(Start())
    for kinds in CHAIN[call_type]:
        street.play_stage(kinds)
    assert street.machine.record.outcome is CallOutcome.NO_ANSWER
    landlines_in_turn = sum(len([leg for leg in s.legs if leg.target.kind is L]) for s in street.plan.stages)
    stages_without_phones = sum(L not in kinds for kinds in CHAIN[call_type])
    assert street.now == RING_S * (stages_without_phones + landlines_in_turn)


@pytest.mark.parametrize("call_type", CHAIN)
def test_all_busy_in_every_stage(call_type):
    street = Street(call_type, "busy")
    street.feed(Start())
    for kinds in CHAIN[call_type]:
        street.play_stage(kinds)
    assert (street.machine.record.status, street.now) == (486, 0.0)


@pytest.mark.parametrize("call_type", CHAIN)
def test_a_decline_at_home_ends_it_in_the_first_stage(call_type):
    street = Street(call_type, "declining")
    street.feed(Start())
    street.feed(LegFailed(street.ringing({M})[0], 603))
    row = street.machine.record
    assert (row.outcome, row.status, len(row.stages)) == (CallOutcome.DECLINED, 603, 1)


@pytest.mark.parametrize("call_type", [t for t, chain in CHAIN.items() if chain[-1] == {L}])
def test_a_decline_by_telephones_only_is_nobody(call_type):
    street = Street(call_type, "declining")
    street.behaviour = "silent"
    street.feed(Start())
    for kinds in CHAIN[call_type][:-1]:
        street.play_stage(kinds)
    street.behaviour = "declining"
    street.play_stage({L})
    assert street.machine.record.status == 480


# --- random events --------------------------------------------------------------------------------------------------

leg_numbers = st.integers(0, 6)
events = st.one_of(
    st.builds(LegRinging, leg_numbers, st.sampled_from([100, 180, 183]), st.booleans()),
    st.builds(LegAnswered, leg_numbers),
    st.builds(
        LegFailed,
        leg_numbers,
        st.sampled_from([302, 404, 408, 480, 486, 487, 503, 600, 603, 604]),
        st.sampled_from([(), (ANN.address,), (GUARD.address,), ("999",)]),
    ),
    st.builds(LegHungUp, leg_numbers),
    st.builds(
        Digit,
        st.none() | leg_numbers,
        st.sampled_from("123*"),
        st.sampled_from(list(DigitCarrier)),
    ),
    st.sampled_from([CallerConfirmed(), CallerCancelled(), CallerHungUp(), ServiceChanged(), ForceEnd(), Tick()]),
)
targets = st.lists(st.sampled_from([MONITOR, KITCHEN, ANN, LANDLINE, LANDLINE_2, GUARD]), max_size=4, unique=True)
plans = st.builds(
    lambda stages, in_turn, ring_s, side: script_plan(
        *stages,
        in_turn=in_turn,
        ring_s=ring_s,
        digits_from=side,
        redirect_to={t.address: t for t in (MONITOR, KITCHEN, ANN, GUARD)},
    ),
    st.lists(targets, max_size=3),
    st.booleans(),
    st.sampled_from([0.0, 5.0, 20.0]),
    st.sampled_from(list(DigitSource)),
)
steps = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 3.0, 21.0]), events), max_size=25)


class Watched:
    """Checks after every event what must hold whatever happens."""

    def __init__(self, call: CallMachine) -> None:
        self.call = call
        self.rung: set[int] = set()
        self.bridged: list[int] = []
        self.given_up: set[int] = set()
        self.failed: set[int] = set()
        self.answered: set[int] = set()
        self.finished = 0
        self.caller_told: list[Command] = []

    def feed(self, event: Event, now: float) -> None:
        if isinstance(event, LegFailed | LegHungUp):
            self.failed.add(event.leg)
        for command in self.call.feed(event, now):
            self.see(command)
        due = self.call.next_due()
        assert (due is None) == (self.call.state is CallState.OVER)

    def see(self, command: Command) -> None:
        assert not self.finished or isinstance(command, HangUpLeg)
        match command:
            case RingLeg(leg):
                assert leg not in self.rung
                self.rung.add(leg)
            case Bridge(leg):
                assert leg in self.rung - self.given_up
                self.bridged.append(leg)
            case AskConfirm(leg):
                assert leg in self.rung - self.given_up
            case CancelLeg(leg):
                assert leg in self.rung - self.given_up
                self.given_up.add(leg)
            case HangUpLeg(leg):
                assert leg in self.rung
                self.given_up.add(leg)
            case RequestOpen():
                assert self.bridged
                assert not self.finished
            case Refuse() | HangUpCaller():
                self.caller_told.append(command)
                assert isinstance(command, HangUpCaller) == bool(self.bridged)
            case Finished():
                self.finished += 1
            case Record(record):
                assert all(0 <= leg < len(record.legs) for stage in record.stages for leg in stage)


def run(call_plan: CallPlan, script: Sequence[tuple[float, Event]], confirm: bool, declines: bool) -> Watched:
    told = CallSettings(landline_confirm=confirm, decline_ends_call=declines)
    watched = Watched(machine(call_plan, {KITCHEN: 0, ANN: 2}, settings=told))
    now = 0.0
    watched.feed(Start(), now)
    for gap, event in script:
        now += gap
        watched.feed(event, now)
    while (due := watched.call.next_due()) is not None:  # nothing else happens: it must end by itself
        assert watched.finished == 0
        now = max(now, due)
        before = watched.call.next_due(), len(watched.given_up), watched.call.state
        watched.feed(Tick(), now)
        assert (watched.call.next_due(), len(watched.given_up), watched.call.state) != before, "due for ever"
    return watched


@settings(max_examples=400, deadline=None)
@given(plans, steps, st.booleans(), st.booleans())
def test_whatever_happens(call_plan, script, confirm, declines):
    watched = run(call_plan, script, confirm, declines)
    row = watched.call.record
    assert watched.finished == 1
    assert len(watched.bridged) <= 1
    assert len(watched.caller_told) <= 1
    assert row.outcome is not None
    assert row.ended_by is not None
    assert (row.outcome is CallOutcome.ANSWERED) == bool(watched.bridged)
    assert all(leg.state is not LegState.RINGING for leg in row.legs)
    left = watched.rung - watched.given_up - watched.failed
    assert not left, "a leg neither ended nor cancelled"
    assert all(leg.rang_s >= 0 for leg in row.legs)
