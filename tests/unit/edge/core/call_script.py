"""Ladder scripts for the call machine.

A line is ``seconds >> event << commands``. Commands are spelled by `spell`; `Record` is left out, it is read as
``machine.record``. A `Tick` line also says that the machine asked to be woken exactly then.
"""

from collections.abc import Iterable, Mapping

import edge.core.call_events as words
from edge.core.call import CallMachine
from edge.core.call_events import (
    AnswerAlone,
    CancelLeg,
    CancelReason,
    Command,
    ContactRef,
    DigitCarrier,
    Finished,
    HangUpCaller,
    Progress,
    Record,
    Refuse,
    RequestOpen,
    RingLeg,
    Tick,
)
from edge.core.settings import CallSettings
from models.call import CallPlan, DigitSource, LegKind, PlannedLeg, Refusal, Stage, Target
from models.ids import CallId

MONITOR = Target(LegKind.MONITOR, "10000001", "Living room")
KITCHEN = Target(LegKind.MONITOR, "10000002", "Kitchen")
ANN = Target(LegKind.APP, "10000011", "Ann App")
LANDLINE = Target(LegKind.LANDLINE, "+43111", "…3111")
LANDLINE_2 = Target(LegKind.LANDLINE, "+43222", "…3222")
LANDLINE_3 = Target(LegKind.LANDLINE, "+43333", "…3333")
GUARD = Target(LegKind.GUARD, "10000021", "Porter")
DOOR = Target(LegKind.DOOR, "10000031", "Gate")

_NAMES = {
    **{name: getattr(words, name) for name in dir(words) if name[0].isupper()},
    "RFC4733": DigitCarrier.RFC4733,
    "INFO": DigitCarrier.INFO,
    "OFF": Refusal.UNKNOWN,
}


def plan(*stages: Iterable[Target], ring_s: float = 20.0, in_turn: bool = True, **fields: object) -> CallPlan:
    made = tuple(Stage(tuple(PlannedLeg(t, True, "") for t in stage), ring_s, in_turn) for stage in stages)
    defaults: dict[str, object] = {"door_codes": {"1": "1", "22": "s1"}, "digits_from": DigitSource.CALLEE}
    return CallPlan(made, **{**defaults, **fields})  # type: ignore[arg-type]


def machine(
    call_plan: CallPlan,
    contacts: Mapping[Target, int] | None = None,
    *,
    settings: CallSettings | None = None,
) -> CallMachine:
    """*contacts*: how many contacts a target has now; one, where it is not named."""

    def reach(target: Target) -> list[ContactRef]:
        return [ContactRef(f"{target.address}/{n}") for n in range((contacts or {}).get(target, 1))]

    return CallMachine(CallId("c-1"), call_plan, "Gate", "101", 1_000, reach, settings or CallSettings())


def spell(command: Command) -> str:
    match command:
        case RingLeg(leg, target):
            return f"RingLeg({leg}, {target.name})"
        case CancelLeg(leg, reason):
            return f"CancelLeg({leg})" if reason is CancelReason.NONE else f"CancelLeg({leg}, {reason.name})"
        case Progress(status, leg):
            return f"Progress({status})" if leg is None else f"Progress({status}, {leg})"
        case Refuse(status, announcement):
            return f"Refuse({status}, {announcement})" if announcement else f"Refuse({status})"
        case HangUpCaller(announcement):
            return f"HangUpCaller({announcement})" if announcement else "HangUpCaller()"
        case RequestOpen(label, _, leg):
            return f"RequestOpen({label}, {leg})"
        case AnswerAlone():
            return "AnswerAlone()"
        case Finished(ended_by):
            return f"Finished({ended_by.name})"
        case _:
            return f"{type(command).__name__}({command.leg})"  # type: ignore[union-attr]


def play(call: CallMachine, script: str) -> CallMachine:
    """Feed the events of *script* and check the commands of each."""
    for line in filter(None, map(str.strip, script.splitlines())):
        moment, rest = line.split(" >> ", 1)
        event_text, _, wanted = rest.partition("<<")
        event_text = event_text.strip()
        now = float(moment)
        event = eval(event_text if event_text.endswith(")") else f"{event_text}()", dict(_NAMES))
        if isinstance(event, Tick):
            assert call.next_due() == now, f"{line}: due at {call.next_due()}"
        got = ", ".join(spell(c) for c in call.feed(event, now) if not isinstance(c, Record))
        assert got == " ".join(wanted.split()), f"at {line!r}"
    return call
