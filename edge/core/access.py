"""May this door open? Small rules in a fixed order; the first that objects gives the reason (decision 1).

Nothing here changes anything: a judgement says what follows from it (counters, uses), and the door desk carries it
out. The snapshot, the lock-out counters and the uses left are read, the clock is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from edge.core.lockout import LockKey, Lockout
from edge.core.passage import CODES as CODES
from edge.core.passage import FirstFactor, Passage, Passages, completes, first_half, holder_of, other_half
from edge.core.restrictions import interlocked_by, locked_down, within_hours
from edge.core.schedule import inside
from edge.core.service import service_objection
from edge.core.snapshot import Snapshot
from edge.core.tags import KIND_OF_METHOD, Tagger, hint, normalised
from models.access import (
    AccessDecision,
    Area,
    Attempt,
    Cause,
    Credential,
    CredentialKind,
    Origin,
    Passback,
    Reason,
    UnlockMethod,
)
from models.community import Apartment
from models.device import AreaSide, Device, Place, Relay
from models.ids import ApartmentId, CredentialId, ResidentId
from models.service import AccessPermission, FeaturePlan, PinMode

PREMIUM_ONLY: Final = frozenset({UnlockMethod.PIN, UnlockMethod.APT_PIN, UnlockMethod.QR, UnlockMethod.FACE})
"""Refused at the door under the basic plan (decision 7)."""

_WRONG_MODE: Final[Mapping[PinMode, UnlockMethod]] = {
    PinMode.PIN: UnlockMethod.APT_PIN,
    PinMode.APT_PIN: UnlockMethod.PIN,
}


class UsesLeft(Protocol):
    """How often a credential can still be used, reservations of decisions under way included."""

    def __call__(self, credential: Credential) -> int | None:
        """None = without limit."""
        ...


def stored_uses(credential: Credential) -> int | None:
    """The uses of the snapshot: enough where nothing is consumed."""
    return credential.uses_left


@dataclass(frozen=True, slots=True)
class DoorState:
    """What decisions depend on beside the snapshot. *now_s* is monotonic, for lock-out and passages only."""

    lockout: Lockout = field(default_factory=Lockout)
    now_s: float = 0.0
    uses_left: UsesLeft = stored_uses
    passages: Passages = field(default_factory=Passages)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision and what follows from it once it is carried out."""

    decision: AccessDecision
    device: Device | None = None
    wrong: tuple[LockKey, ...] = ()  # counters that this wrong try raises
    right: LockKey | None = None  # counter that this right code clears
    consumes: CredentialId | None = None  # credential with a use count that loses one
    goes: Passage | None = None  # who goes into an area, or out of it
    passback: bool = False  # and seems to be on that side already: a soft area lets them through, and tells
    factor: FirstFactor | None = None  # the half of card and PIN that was right, to be remembered at this reader


class Case:
    """One attempt with what the rules ask about it. What costs something is found when the first rule asks."""

    __slots__ = (
        "_matches", "attempt", "candidates", "cause", "device", "factor", "kind", "now_ms", "passback", "reader",
        "relays", "snapshot", "spelled", "state", "tagger",
    )  # fmt: skip

    def __init__(self, attempt: Attempt, snapshot: Snapshot, state: DoorState, now_ms: int, tagger: Tagger) -> None:
        self.attempt = attempt
        self.snapshot = snapshot
        self.state = state
        self.now_ms = now_ms
        self.tagger = tagger
        self.device = snapshot.by_mac.get(attempt.device)
        # For the rules after *device known*, none of which is asked about an unknown one.
        self.reader = cast(Device, self.device)
        self.candidates = _candidates(attempt, snapshot, self.device)
        self.kind = KIND_OF_METHOD.get(attempt.method)
        self.spelled: str | None = None  # the value as its kind is spelled, once it was looked at
        self._matches: tuple[Credential, ...] | None = None
        self.relays: tuple[Relay, ...] = ()  # that the method opens; rules take away those that may not open now
        self.cause: Cause | None = None
        self.passback = False
        self.factor: FirstFactor | None = None

    def locked(self, apartment: ApartmentId | None) -> bool:
        return self.state.lockout.locked(LockKey(self.reader.id, apartment), self.state.now_s)

    def open_candidates(self) -> tuple[Apartment, ...]:
        """Candidates that are not locked out: a locked one is no candidate (decision 10)."""
        return tuple(apartment for apartment in self.candidates if not self.locked(apartment.id))

    def counters(self) -> tuple[LockKey, ...]:
        """Whom a wrong try is counted for."""
        reader = self.reader.id
        return tuple(LockKey(reader, a.id) for a in self.open_candidates()) or (LockKey(reader),)

    def matches(self) -> tuple[Credential, ...]:
        """Credentials that fit the value presented, and in APT+PIN mode the apartment named."""
        if self._matches is None:
            self._matches = self._find_matches()
        return self._matches

    def credential(self) -> Credential | None:
        """The credential, if exactly one fits."""
        found = self.matches()
        return found[0] if len(found) == 1 else None

    def _find_matches(self) -> tuple[Credential, ...]:
        kind = self.kind
        self.spelled = None if kind is None else normalised(kind, self.attempt.value)
        if kind is None or self.spelled is None:
            return ()
        known = self.snapshot.credentials
        tags, tagged = self.tagger.tags(kind, self.spelled), self.snapshot.tagged
        found = tuple([known[i] for tag in tags for i in tagged(kind, tag)])
        if self.attempt.method is not UnlockMethod.APT_PIN or not found:
            return found
        candidates = {apartment.id for apartment in self.open_candidates()}
        if fitting := tuple(c for c in found if c.apartment in candidates):
            return fitting
        # The right PIN of an apartment of that number elsewhere: for the log only, the device is told nothing of it.
        elsewhere = {a.id for a in _named(self.attempt, self.snapshot)} - {a.id for a in self.candidates}
        return tuple(c for c in found if c.apartment in elsewhere)


def _named(attempt: Attempt, snapshot: Snapshot) -> tuple[Apartment, ...]:
    """Apartments that an APT+PIN try names, in the building it names, if it does."""
    if attempt.method is not UnlockMethod.APT_PIN or attempt.apartment is None:
        return ()
    found = snapshot.by_number.get(attempt.apartment, ())
    if attempt.building is None:
        return found
    return tuple(a for a in found if _building_name(snapshot, a) == attempt.building)


def _building_name(snapshot: Snapshot, apartment: Apartment) -> str | None:
    building = snapshot.buildings.get(apartment.building)
    return None if building is None else building.name


def _candidates(attempt: Attempt, snapshot: Snapshot, device: Device | None) -> tuple[Apartment, ...]:
    """Apartments named that the door serves. In PIN mode an apartment beside the PIN means nothing."""
    if device is None or snapshot.community.pin_mode is not PinMode.APT_PIN:
        return ()
    return tuple(a for a in _named(attempt, snapshot) if device.serves(a.id, a.building))


# --- rules ----------------------------------------------------------------------------------------------------------

Rule = Callable[[Case], Reason | None]
HolderRule = Callable[[Case, Credential], Reason | None]


def device_known(case: Case) -> Reason | None:
    return Reason.DEVICE_UNKNOWN if case.device is None else None


def in_time(case: Case) -> Reason | None:
    return Reason.TOO_LATE if case.attempt.too_late else None


def device_enabled(case: Case) -> Reason | None:
    return None if case.reader.enabled else Reason.DEVICE_DISABLED


def no_lock_down(case: Case) -> Reason | None:
    if not locked_down(case.snapshot, case.reader, case.now_ms):
        return None
    return _not_allowed(case, Cause.LOCK_DOWN)


def _not_allowed(case: Case, cause: Cause) -> Reason:
    """The reason of every rule about the moment at the door; the log tells which it was."""
    case.cause = cause
    return Reason.NOT_ALLOWED


def not_locked_out(case: Case) -> Reason | None:
    if case.attempt.method not in CODES:
        return None
    closed = not case.open_candidates() if case.candidates else case.locked(None)
    return Reason.LOCKED_OUT if closed else None


def method_on_an_enabled_relay(case: Case) -> Reason | None:
    method = case.attempt.method
    case.relays = relays_for(case.reader, method)
    if method is _WRONG_MODE[case.snapshot.community.pin_mode] or not case.relays:
        return Reason.METHOD_NOT_ON_RELAY
    return None


def plan_allows_method(case: Case) -> Reason | None:
    basic = case.snapshot.community.plan is FeaturePlan.BASIC
    return Reason.PLAN if basic and case.attempt.method in PREMIUM_ONLY else None


def credential_known(case: Case) -> Reason | None:
    return None if case.matches() else Reason.UNKNOWN_CREDENTIAL


def only_one_credential(case: Case) -> Reason | None:
    return Reason.AMBIGUOUS if len(case.matches()) > 1 else None


def door_serves_holder(case: Case, credential: Credential) -> Reason | None:
    apartment = case.snapshot.apartments.get(credential.apartment)
    served = apartment is not None and case.reader.serves(apartment.id, apartment.building)
    narrowed_out = bool(credential.doors) and case.reader.id not in credential.doors
    return None if served and not narrowed_out else Reason.DOOR_NOT_SERVED


def permission_allows(case: Case, credential: Credential) -> Reason | None:
    public_only = case.snapshot.community.permission is AccessPermission.PUBLIC_ONLY
    private_door = case.reader.place is Place.APARTMENT
    return Reason.PERMISSION if public_only and private_door and credential.origin is Origin.MANAGER else None


def already_valid(case: Case, credential: Credential) -> Reason | None:
    begins = credential.valid_from_ms
    return Reason.NOT_YET_VALID if begins is not None and case.now_ms < begins else None


def not_expired(case: Case, credential: Credential) -> Reason | None:
    ends = credential.valid_until_ms
    return Reason.EXPIRED if ends is not None and case.now_ms >= ends else None


def within_schedule(case: Case, credential: Credential) -> Reason | None:
    if credential.schedule is None:
        return None
    schedule = case.snapshot.schedules.get(credential.schedule)
    snapshot = case.snapshot
    open_now = schedule is not None and inside(schedule, snapshot.community.time_zone, case.now_ms, snapshot.holidays)
    return None if open_now else Reason.OUTSIDE_SCHEDULE


def within_door_hours(case: Case, _credential: Credential) -> Reason | None:
    """The hours of the door and of its relays: they say no where none of the relays is left."""
    case.relays = within_hours(case.snapshot, case.reader, case.relays, case.now_ms)
    return None if case.relays else Reason.OUTSIDE_SCHEDULE


def uses_left(case: Case, credential: Credential) -> Reason | None:
    left = case.state.uses_left(credential)
    return Reason.USES_SPENT if left is not None and left <= 0 else None


def service_allows(case: Case, credential: Credential) -> Reason | None:
    return service_objection(case.snapshot.apartments[credential.apartment].service, case.attempt.method)


def interlock_free(case: Case, _credential: Credential) -> Reason | None:
    blocker = interlocked_by(case.snapshot, case.reader, case.state.passages, case.state.now_s)
    return None if blocker is None else _not_allowed(case, Cause.INTERLOCK)


def not_passed_back(case: Case, credential: Credential) -> Reason | None:
    """Who is known to be inside does not come in again. Nobody is kept from going out."""
    area = _area(case)
    if area is None:
        return None
    going_in = case.reader.area_side is AreaSide.ENTRY
    seen = case.state.passages.inside(holder_of(credential), area, case.reader.id, case.state.now_s)
    case.passback = seen is going_in
    if case.passback and going_in and area.passback is Passback.HARD:
        return _not_allowed(case, Cause.PASSBACK)
    return None


def both_factors(case: Case, credential: Credential) -> Reason | None:
    """A relay for card and PIN opens by the second of the two; one alone opens the other relays."""
    if not any(relay.two_factor for relay in case.relays):
        return None
    if _second_of_two(case, credential):
        return None
    case.relays = tuple(relay for relay in case.relays if not relay.two_factor)
    case.factor = first_half(case.attempt, credential)
    return None if case.relays else _not_allowed(case, Cause.SECOND_FACTOR)


def _second_of_two(case: Case, credential: Credential) -> bool:
    """Whether the first half was shown here lately and is as good now as it was then."""
    first = case.state.passages.first_factor(case.reader.id, case.state.now_s)
    other = case.snapshot.credentials.get(first.credential) if first else None
    if first is None or other is None or not completes(first, other, case.attempt, credential):
        return False
    return not any(rule(case, other) for rule in _OF_THE_CREDENTIAL) and (
        service_objection(case.snapshot.apartments[other.apartment].service, first.method) is None
    )


def _area(case: Case) -> Area | None:
    identity = case.reader.area
    return None if identity is None else case.snapshot.areas.get(identity)


RULES: Final[tuple[Rule, ...]] = (
    device_known,
    in_time,
    device_enabled,
    no_lock_down,
    not_locked_out,
    method_on_an_enabled_relay,
    plan_allows_method,
    credential_known,
    only_one_credential,
)
"""Asked of every attempt, in this order. The order is the specification (decision 1)."""

HOLDER_RULES: Final[tuple[HolderRule, ...]] = (
    door_serves_holder,
    permission_allows,
    already_valid,
    not_expired,
    within_schedule,
    within_door_hours,
    uses_left,
    service_allows,
    interlock_free,
    not_passed_back,
    both_factors,
)
"""Asked after them about the one credential found; passed over while none is."""

_OF_THE_CREDENTIAL: Final = (door_serves_holder, permission_allows, already_valid, not_expired, within_schedule)

DOOR_RULES: Final = frozenset({no_lock_down, within_door_hours, interlock_free, not_passed_back, both_factors})
"""Rules that have nothing to say at a door without hours, orders, interlock, area and relays for two factors."""

_PLAIN_RULES: Final = tuple(rule for rule in RULES if rule not in DOOR_RULES)
_PLAIN_HOLDER_RULES: Final = tuple(rule for rule in HOLDER_RULES if rule not in DOOR_RULES)


def decide(attempt: Attempt, snapshot: Snapshot, state: DoorState, now_ms: int, tagger: Tagger) -> Judgement:
    """Judge *attempt* at *now_ms* (Unix milliseconds, the edge's clock). Deterministic; changes nothing."""
    case = Case(attempt, snapshot, state, now_ms, tagger)
    plain = case.device is None or case.device.id not in snapshot.restricted  # as most doors are: rules cost time
    for rule in _PLAIN_RULES if plain else RULES:
        if objection := rule(case):
            return _refused(case, objection)
    credential = case.matches()[0]
    for holder_rule in _PLAIN_HOLDER_RULES if plain else HOLDER_RULES:
        if objection := holder_rule(case, credential):
            return _refused(case, objection)
    return _granted(case, credential)


_BEFORE_CREDENTIAL: Final = frozenset(
    {
        Reason.DEVICE_UNKNOWN,
        Reason.TOO_LATE,
        Reason.DEVICE_DISABLED,
        Reason.LOCKED_OUT,
        Reason.METHOD_NOT_ON_RELAY,
        Reason.PLAN,
    }
)
"""Reasons that are given without looking at the value; the holder stays unknown, and nothing is counted."""


def _refused(case: Case, reason: Reason) -> Judgement:
    credential = None if reason in _BEFORE_CREDENTIAL else case.credential()
    decision = AccessDecision(
        reason,
        credential=credential.id if credential else None,
        apartment=credential.apartment if credential else _only(case.candidates),
        resident=credential.resident if credential else None,
        duress=credential.duress if credential else False,
        hint=_presented_hint(case),
        cause=case.cause,
        second_factor=other_half(case.factor) if case.factor else None,
    )
    counted = decision.told is Reason.UNKNOWN_CREDENTIAL and case.attempt.method in CODES
    return Judgement(decision, case.device, wrong=case.counters() if counted else (), factor=case.factor)


def _only(candidates: tuple[Apartment, ...]) -> ApartmentId | None:
    return candidates[0].id if len(candidates) == 1 else None


def _granted(case: Case, credential: Credential) -> Judgement:
    device = case.reader
    apartment = case.snapshot.apartments[credential.apartment]
    decision = grant(
        case.relays,
        apartment,
        credential=credential.id,
        resident=credential.resident,
        duress=credential.duress,
        hint=_presented_hint(case),
    )
    return Judgement(
        decision,
        device,
        right=_own_counter(case, credential) if case.attempt.method in CODES else None,
        consumes=credential.id if credential.uses_left is not None else None,
        goes=_passage(case, credential),
        passback=case.passback,
        factor=case.factor,
    )


def _passage(case: Case, credential: Credential) -> Passage | None:
    area = _area(case)
    if area is None:
        return None
    return Passage(holder_of(credential), area.id, case.reader.area_side is AreaSide.ENTRY, area.era)


def _own_counter(case: Case, credential: Credential) -> LockKey:
    return LockKey(case.reader.id, credential.apartment if case.candidates else None)


def _presented_hint(case: Case) -> str:
    """What the log may show of the value presented: the end of a long card number, nothing of a PIN."""
    if case.kind is None or case.kind is CredentialKind.PIN:
        return ""
    spelled = case.spelled or normalised(case.kind, case.attempt.value)
    return "" if spelled is None else hint(case.kind, spelled)


def relays_for(device: Device, method: UnlockMethod) -> tuple[Relay, ...]:
    """The relays that *method* opens at *device*: the enabled ones that list it. *pin* covers APT+PIN too."""
    listed = UnlockMethod.PIN if method is UnlockMethod.APT_PIN else method
    return tuple([relay for relay in device.relays if relay.enabled and listed in relay.methods])


def grant(
    relays: tuple[Relay, ...],
    apartment: Apartment | None = None,
    *,
    credential: CredentialId | None = None,
    resident: ResidentId | None = None,
    duress: bool = False,
    hint: str = "",
) -> AccessDecision:
    """A grant of *relays* in the right of *apartment* (None: nobody's): its floors, its web relay."""
    return AccessDecision(
        Reason.GRANTED,
        relays=tuple(sorted([r.number for r in relays if not r.security])),
        security_relays=tuple(sorted([r.number for r in relays if r.security])),
        holds={relay.label: relay.hold_s for relay in relays},
        floors=floors_of(apartment) if apartment else (),
        web_relay=apartment.web_relay if apartment else 0,
        credential=credential,
        apartment=apartment.id if apartment else None,
        resident=resident,
        duress=duress,
        hint=hint,
    )


def floors_of(apartment: Apartment) -> tuple[str, ...]:
    """Accessible floors plus the apartment's own, each once (decision 17)."""
    return tuple(dict.fromkeys(floor for floor in (*apartment.accessible_floors, apartment.floor) if floor))


def labels(decision: AccessDecision) -> tuple[str, ...]:
    """Relay labels of a decision: ``("1", "s1")``."""
    return (*map(str, decision.relays), *(f"s{number}" for number in decision.security_relays))
