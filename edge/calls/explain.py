"""A plan for people: `edge call plan` (decision 40)."""

from collections.abc import Sequence

from edge.core.call_events import ContactRef, Reach
from models.call import CallPlan, PlannedLeg

Json = dict[str, object]


def plan_json(plan: CallPlan, reach: Reach | None = None) -> Json:
    """*plan* with every leg in or out and why. *reach* adds where a leg could be rung at this moment.

    ``in`` is what the plan says; a leg that is in and not reachable is passed over when it comes to ringing.
    """
    return {
        "allowed": plan.allowed,
        "reason": plan.refusal.value if plan.refusal else None,
        "status": plan.status or None,
        "stages": [{"ring_s": stage.ring_s, "legs": [_leg(leg, reach) for leg in stage.legs]} for stage in plan.stages],
    }


def _leg(leg: PlannedLeg, reach: Reach | None) -> Json:
    shown: Json = {"kind": leg.target.kind.value, "target": leg.target.name, "in": leg.included, "why": leg.why}
    if reach is not None:
        contacts = reach(leg.target) if leg.included else ()
        shown["reachable"] = bool(contacts)
        if leg.included:
            shown["why"] = f"{leg.why}; {_where(contacts)}"
    return shown


def _where(contacts: Sequence[ContactRef]) -> str:
    if not contacts:
        return "not reachable now, would be passed over"
    return "reachable: " + ", ".join(contact.description or contact.key for contact in contacts)
