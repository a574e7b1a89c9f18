"""`edge door explain`: the same rules, nothing opened, counted, consumed or logged (decisions 12 and 38)."""

from collections.abc import Callable, Mapping
from typing import Final

from edge.core.access import DoorState, Judgement, decide, relays_for
from edge.core.answers import decision_payload
from edge.core.lockout import LockKey
from edge.core.reasons import WORDS
from edge.core.schedule import render_week
from edge.core.snapshot import Snapshot
from edge.core.tags import Tagger
from edge.doors.notices import apartment_label
from models.access import Attempt, Credential, Reason
from models.times import rfc3339


def explain(attempt: Attempt, snapshot: Snapshot, state: DoorState, now_ms: int, tagger: Tagger) -> dict[str, object]:
    """What would be decided at *now_ms* (Unix milliseconds): the answer's keys with the true reason, who holds the
    credential, what the device would be told, and in a person's words what would change it.
    """
    judgement = decide(attempt, snapshot, state, now_ms, tagger)
    decision = judgement.decision
    holder = snapshot.residents.get(decision.resident) if decision.resident is not None else None
    return {
        **decision_payload(decision, attempt.id, attempt.at_ms),
        "reason": decision.reason.value,
        "told": decision.told.value,
        "apartment": apartment_label(snapshot, decision.apartment),
        "resident": holder.name if holder else None,
        "credential": decision.credential,
        "meaning": WORDS[decision.reason].meaning,
        "change": _change(judgement, attempt, snapshot, state),
    }


def parse_apt_pin(text: str) -> tuple[str | None, str, str]:
    """Building if named, apartment and PIN of ``101+1234`` or ``A*101+1234``. Raises ValueError for anything else."""
    place, plus, pin = text.rpartition("+")
    building, star, apartment = place.rpartition("*")
    if not plus or not pin or not apartment:
        raise ValueError("an apartment and its PIN look like 101+1234, or A*101+1234 with the building")
    return (building if star else None), apartment, pin


Detail = Callable[[Judgement, Attempt, Snapshot, DoorState], str]


def _change(judgement: Judgement, attempt: Attempt, snapshot: Snapshot, state: DoorState) -> str:
    words = WORDS[judgement.decision.reason].change
    detail = _DETAILS.get(judgement.decision.reason)
    added = detail(judgement, attempt, snapshot, state) if detail else ""
    return f"{words} {added}" if added else words


def _credential(judgement: Judgement, snapshot: Snapshot) -> Credential | None:
    identity = judgement.decision.credential
    return snapshot.credentials.get(identity) if identity is not None else None


def _lock_left(judgement: Judgement, attempt: Attempt, snapshot: Snapshot, state: DoorState) -> str:
    if judgement.device is None:
        return ""
    named = snapshot.by_number.get(attempt.apartment, ()) if attempt.apartment is not None else ()
    keys = [LockKey(judgement.device.id), *(LockKey(judgement.device.id, apartment.id) for apartment in named)]
    longest_s = max(state.lockout.remaining_s(key, state.now_s) for key in keys)
    return f"It ends in {longest_s:.0f} seconds."


def _begins(judgement: Judgement, _attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    credential = _credential(judgement, snapshot)
    begins = credential.valid_from_ms if credential else None
    return "" if begins is None else f"It begins at {rfc3339(begins)}."


def _ended(judgement: Judgement, _attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    credential = _credential(judgement, snapshot)
    ended = credential.valid_until_ms if credential else None
    return "" if ended is None else f"It ended at {rfc3339(ended)}."


def _week(judgement: Judgement, _attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    credential = _credential(judgement, snapshot)
    schedule = snapshot.schedules.get(credential.schedule) if credential and credential.schedule else None
    if schedule is None:
        return ""
    week = render_week(schedule.rows) or "never"
    return f"The schedule {schedule.name} is: {week} ({snapshot.community.time_zone})."


def _listed(judgement: Judgement, attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    if judgement.device is None:
        return ""
    if relays_for(judgement.device, attempt.method):
        return f"The PIN mode is {snapshot.community.pin_mode.value}."
    enabled = ", ".join(relay.label for relay in judgement.device.relays if relay.enabled) or "none"
    return f"Enabled relays: {enabled}."


_DETAILS: Final[Mapping[Reason, Detail]] = {
    Reason.LOCKED_OUT: _lock_left,
    Reason.NOT_YET_VALID: _begins,
    Reason.EXPIRED: _ended,
    Reason.OUTSIDE_SCHEDULE: _week,
    Reason.METHOD_NOT_ON_RELAY: _listed,
}
