"""What a resident's app shows, as the rules are now. Nothing of it is trusted back: each press is judged again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from edge.core.access import labels
from edge.core.numbering import ToDoor
from edge.core.openings import OpenRequest, decide_request
from edge.core.plan import Calling, look_in
from edge.core.plan_legs import Circumstances
from edge.core.schedule import wall_clock
from edge.core.service import feature_objection
from edge.core.settings import CallSettings
from edge.core.snapshot import Snapshot
from edge.portal.sessions import Session
from models.access import UnlockMethod
from models.community import Apartment, Resident
from models.device import Device
from models.ids import ApartmentId, Mac
from models.service import Activation, Feature, FeaturePlan

Json = dict[str, object]
_ANY_TIMES: Final = CallSettings()  # how long it would ring does not matter to whether it may


def homes(snapshot: Snapshot, resident: Resident) -> tuple[Apartment, ...]:
    """The apartments of *resident* that are there."""
    found = (snapshot.apartments.get(one) for one in resident.apartments)
    return tuple(one for one in found if one is not None)


def with_feature(snapshot: Snapshot, resident: Resident, feature: Feature, now_ms: int) -> tuple[Apartment, ...]:
    """The apartments of *resident* that have *feature* now; none while the app's activation has ended."""
    if not resident.app_works(now_ms):
        return ()
    return tuple(one for one in homes(snapshot, resident) if feature_objection(one.service, feature) is None)


def home_name(snapshot: Snapshot, home: Apartment) -> str:
    """``BUILDING/NUMBER``, as the command line takes it."""
    building = snapshot.buildings.get(home.building)
    return home.number if building is None else f"{building.name}/{home.number}"


def person(
    snapshot: Snapshot, resident: Resident, now_ms: int, online: Callable[[Mac], bool], face: Mapping[str, object]
) -> Json:
    """What depends on the resident alone: the keys of `state` but its calls and the session's own. *face*: what the
    community shows of itself."""
    calls = with_feature(snapshot, resident, Feature.CALLS, now_ms)
    history = with_feature(snapshot, resident, Feature.HISTORY, now_ms)
    expired = resident.activation is Activation.ACTIVE and not resident.app_works(now_ms)
    community = snapshot.community
    return {
        "resident": {
            "id": resident.id,
            "name": resident.name,
            "activation": Activation.EXPIRED.value if expired else resident.activation.value,
        },
        "community": {
            "name": community.name, "time_zone": community.time_zone, "calls": community.community_calls,
            **face,
        },
        "apartments": [
            {"id": one.id, "name": home_name(snapshot, one), "service": one.service.value}
            for one in homes(snapshot, resident)
        ],
        "may": {
            "talk": bool(calls),
            "history": bool(history),
            "passes": bool(calls) and community.plan is FeaturePlan.PREMIUM,
            "call_guard": bool(snapshot.guards) and resident.app_works(now_ms),
            "call_neighbours": bool(calls) and community.community_calls,
        },
        "doors": list(_doors(snapshot, resident, now_ms, online)),
    }  # fmt: skip


def relays_of(snapshot: Snapshot, door: Device, request: OpenRequest, now_ms: int) -> list[Json]:
    """The relays that *request* would open now, with their names."""
    decision = decide_request(request, snapshot, now_ms).decision
    names = {relay.label: relay.name for relay in door.relays}
    return [{"relay": label, "name": names.get(label) or door.name} for label in labels(decision)]


def _doors(snapshot: Snapshot, resident: Resident, now_ms: int, online: Callable[[Mac], bool]) -> Iterable[Json]:
    caller = Calling(Circumstances(snapshot, _ANY_TIMES, False, now_ms), resident)
    for door in sorted(snapshot.devices.values(), key=lambda device: (device.name, device.mac)):
        if not door.type.is_door or not door.enabled:
            continue
        relays, look = relays_of(snapshot, door, home_request(door, resident), now_ms), may_look(caller, door)
        if relays or look:
            yield {
                "mac": door.mac, "name": door.name, "online": online(door.mac), "look": look, "relays": relays,
            }  # fmt: skip


def may_look(caller: Calling, door: Device) -> bool:
    """Whether *caller* may call *door* now."""
    return look_in(caller, ToDoor(door)).allowed


def home_request(door: Device, resident: Resident, relay: str | None = None) -> OpenRequest:
    """The app's page of doors asks *door* to open, in the right of any of the resident's apartments."""
    return OpenRequest(door.id, UnlockMethod.APP_HOME, relay, apartments=resident.apartments, resident=resident.id)


def talk_request(door: Device, resident: Resident, home: ApartmentId | None, relay: str | None = None) -> OpenRequest:
    """The app's page of a call asks, in the right of the apartment that was called."""
    homes_of_call = (home,) if home is not None and home in resident.apartments else ()
    return OpenRequest(door.id, UnlockMethod.APP_TALK, relay, apartments=homes_of_call, resident=resident.id)


def is_quiet(session: Session, time_zone: str, now_ms: int) -> bool:
    """Whether the session's do-not-disturb hours hold; they may go over midnight."""
    begins, ends = session.quiet_from, session.quiet_until
    if not begins or not ends or begins == ends:
        return False
    now = wall_clock(now_ms, time_zone).strftime("%H:%M")
    return begins <= now < ends if begins < ends else now >= begins or now < ends
