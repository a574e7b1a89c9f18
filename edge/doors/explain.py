"""`edge door explain`: the same rules, nothing opened, counted, consumed or logged (decisions 12 and 38)."""

from collections.abc import Callable, Mapping
from typing import Final

from edge.core.access import DoorState, Judgement, decide, relays_for
from edge.core.answers import decision_payload
from edge.core.lockout import LockKey
from edge.core.reasons import CAUSES, WORDS, Words
from edge.core.restrictions import interlocked_by
from edge.core.schedule import inside, render_hours
from edge.core.snapshot import Snapshot
from edge.core.tags import Tagger
from edge.doors.notices import apartment_label
from models.access import Attempt, Cause, Credential, Reason
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
        **({} if decision.cause is None else {"cause": decision.cause.value}),
        "meaning": _words(judgement).meaning,
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
    words = _words(judgement).change
    detail = _DETAILS.get(judgement.decision.reason)
    added = detail(judgement, attempt, snapshot, state) if detail else ""
    return f"{words} {added}" if added else words


def _words(judgement: Judgement) -> Words:
    cause = judgement.decision.cause
    return WORDS[judgement.decision.reason] if cause is None else CAUSES[cause]


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


def _week(judgement: Judgement, attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    """The first schedule that says no, and whose it is."""
    credential, device = _credential(judgement, snapshot), judgement.device
    relays = relays_for(device, attempt.method) if device else ()
    asked = [
        ("", credential.schedule if credential else None),
        (" of the door", device.schedule if device else None),
        *((f" of relay {relay.label}", relay.schedule) for relay in relays),
    ]
    zone = snapshot.community.time_zone
    for whose, identity in asked:
        schedule = snapshot.schedules.get(identity) if identity else None
        if schedule is not None and not inside(schedule, zone, attempt.at_ms, snapshot.holidays):
            week = render_hours(schedule) or "never"
            return f"The schedule {schedule.name}{whose} is: {week} ({zone})."
    return ""


def _cause(judgement: Judgement, _attempt: Attempt, snapshot: Snapshot, state: DoorState) -> str:
    device, cause = judgement.device, judgement.decision.cause
    if device is None:
        return ""
    if cause is Cause.INTERLOCK:
        other = interlocked_by(snapshot, device, state.passages, state.now_s)
        return f"It is {snapshot.devices[other].name}." if other else ""
    if cause is Cause.PASSBACK and device.area is not None:
        return f"The area is {snapshot.areas[device.area].name}."
    return ""


def _listed(judgement: Judgement, attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    if judgement.device is None:
        return ""
    if relays_for(judgement.device, attempt.method):
        return f"The PIN mode is {snapshot.community.pin_mode.value}."
    enabled = ", ".join(relay.label for relay in judgement.device.relays if relay.enabled) or "none"
    return f"Enabled relays: {enabled}."


def _not_served(judgement: Judgement, _attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    """Whose it is, and whether the door or the credential says no."""
    credential = _credential(judgement, snapshot)
    if credential is None:
        return ""
    home = apartment_label(snapshot, credential.apartment)
    if credential.doors and judgement.device is not None and judgement.device.id not in credential.doors:
        known = [snapshot.devices[door].name for door in credential.doors if door in snapshot.devices]
        return f"It is of {home}, narrowed to {', '.join(sorted(known)) or 'no door'}."
    return f"It is of {home}."


def _whose(judgement: Judgement, _attempt: Attempt, snapshot: Snapshot, _state: DoorState) -> str:
    label = apartment_label(snapshot, judgement.decision.apartment)
    return f"The apartment is {label}." if label else ""


_DETAILS: Final[Mapping[Reason, Detail]] = {
    Reason.DOOR_NOT_SERVED: _not_served,
    Reason.SERVICE_BLOCKED: _whose,
    Reason.SERVICE_OFF: _whose,
    Reason.LOCKED_OUT: _lock_left,
    Reason.NOT_YET_VALID: _begins,
    Reason.EXPIRED: _ended,
    Reason.OUTSIDE_SCHEDULE: _week,
    Reason.METHOD_NOT_ON_RELAY: _listed,
    Reason.NOT_ALLOWED: _cause,
}
