"""May this door open? Small rules in a fixed order; the first that objects gives the reason (decision 1).

Nothing here changes anything: a judgement says what follows from it (counters, uses), and the door desk carries it
out. The snapshot, the lock-out counters and the uses left are read, the clock is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from edge.core.lockout import LockKey, Lockout
from edge.core.schedule import inside
from edge.core.service import service_objection
from edge.core.snapshot import Snapshot
from edge.core.tags import KIND_OF_METHOD, Tagger, hint, normalised
from models.access import AccessDecision, Attempt, Credential, CredentialKind, Origin, Reason, UnlockMethod
from models.community import Apartment
from models.device import Device, Place, Relay
from models.ids import ApartmentId, CredentialId, ResidentId
from models.service import AccessPermission, FeaturePlan, PinMode

CODES: Final = frozenset({UnlockMethod.PIN, UnlockMethod.APT_PIN})
"""What a lock-out closes and what counts towards one."""

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
    """What decisions depend on beside the snapshot. *now_s* is monotonic, for the lock-out only."""

    lockout: Lockout = field(default_factory=Lockout)
    now_s: float = 0.0
    uses_left: UsesLeft = stored_uses


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision and what follows from it once it is carried out."""

    decision: AccessDecision
    device: Device | None = None
    wrong: tuple[LockKey, ...] = ()  # counters that this wrong try raises
    right: LockKey | None = None  # counter that this right code clears
    consumes: CredentialId | None = None  # credential with a use count that loses one


class Case:
    """One attempt with what the rules ask about it. What costs something is found when the first rule asks."""

    __slots__ = ("_matches", "attempt", "candidates", "device", "now_ms", "snapshot", "state", "tagger")

    def __init__(self, attempt: Attempt, snapshot: Snapshot, state: DoorState, now_ms: int, tagger: Tagger) -> None:
        self.attempt = attempt
        self.snapshot = snapshot
        self.state = state
        self.now_ms = now_ms
        self.tagger = tagger
        self.device = snapshot.by_mac.get(attempt.device)
        self.candidates = _candidates(attempt, snapshot, self.device)
        self._matches: tuple[Credential, ...] | None = None

    @property
    def reader(self) -> Device:
        """The device, for the rules after *device known*."""
        if self.device is None:
            raise LookupError("asked of an unknown device; the rule 'device known' comes first")
        return self.device

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
        kind = KIND_OF_METHOD.get(self.attempt.method)
        tag = None if kind is None else self.tagger.tag_presented(kind, self.attempt.value)
        if kind is None or tag is None:
            return ()
        known = self.snapshot.credentials
        found = tuple(known[i] for i in self.snapshot.by_tag.get((kind, tag), ()))
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


def not_locked_out(case: Case) -> Reason | None:
    if case.attempt.method not in CODES:
        return None
    closed = not case.open_candidates() if case.candidates else case.locked(None)
    return Reason.LOCKED_OUT if closed else None


def method_on_an_enabled_relay(case: Case) -> Reason | None:
    method = case.attempt.method
    if method is _WRONG_MODE[case.snapshot.community.pin_mode] or not relays_for(case.reader, method):
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
    open_now = schedule is not None and inside(schedule, case.snapshot.community.time_zone, case.now_ms)
    return None if open_now else Reason.OUTSIDE_SCHEDULE


def uses_left(case: Case, credential: Credential) -> Reason | None:
    left = case.state.uses_left(credential)
    return Reason.USES_SPENT if left is not None and left <= 0 else None


def service_allows(case: Case, credential: Credential) -> Reason | None:
    return service_objection(case.snapshot.apartments[credential.apartment].service, case.attempt.method)


RULES: Final[tuple[Rule, ...]] = (
    device_known,
    in_time,
    device_enabled,
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
    uses_left,
    service_allows,
)
"""Asked after them about the one credential found; passed over while none is."""


def decide(attempt: Attempt, snapshot: Snapshot, state: DoorState, now_ms: int, tagger: Tagger) -> Judgement:
    """Judge *attempt* at *now_ms* (Unix milliseconds, the edge's clock). Deterministic; changes nothing."""
    case = Case(attempt, snapshot, state, now_ms, tagger)
    for rule in RULES:
        if objection := rule(case):
            return _refused(case, objection)
    credential = case.matches()[0]
    for holder_rule in HOLDER_RULES:
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
        hint=presented_hint(case.attempt),
    )
    counted = decision.told is Reason.UNKNOWN_CREDENTIAL and case.attempt.method in CODES
    return Judgement(decision, case.device, wrong=case.counters() if counted else ())


def _only(candidates: tuple[Apartment, ...]) -> ApartmentId | None:
    return candidates[0].id if len(candidates) == 1 else None


def _granted(case: Case, credential: Credential) -> Judgement:
    device = case.reader
    apartment = case.snapshot.apartments[credential.apartment]
    decision = grant(
        relays_for(device, case.attempt.method),
        apartment,
        credential=credential.id,
        resident=credential.resident,
        duress=credential.duress,
        hint=presented_hint(case.attempt),
    )
    return Judgement(
        decision,
        device,
        right=_own_counter(case, credential) if case.attempt.method in CODES else None,
        consumes=credential.id if credential.uses_left is not None else None,
    )


def _own_counter(case: Case, credential: Credential) -> LockKey:
    return LockKey(case.reader.id, credential.apartment if case.candidates else None)


def presented_hint(attempt: Attempt) -> str:
    """What the log may show of the value presented: the end of a long card number, nothing of a PIN."""
    kind = KIND_OF_METHOD.get(attempt.method)
    spelled = None if kind is None or kind is CredentialKind.PIN else normalised(kind, attempt.value)
    return "" if kind is None or spelled is None else hint(kind, spelled)


def relays_for(device: Device, method: UnlockMethod) -> tuple[Relay, ...]:
    """The relays that *method* opens at *device*: the enabled ones that list it. *pin* covers APT+PIN too."""
    listed = UnlockMethod.PIN if method is UnlockMethod.APT_PIN else method
    return tuple(relay for relay in device.relays if relay.enabled and listed in relay.methods)


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
        relays=tuple(sorted(r.number for r in relays if not r.security)),
        security_relays=tuple(sorted(r.number for r in relays if r.security)),
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
