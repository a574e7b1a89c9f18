"""The call desk: what the SIP side asks about calls, and what becomes of their rows and events."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge.calls.events import Event, call_entry, call_event, call_state, ring_entry, ring_event
from edge.calls.explain import Json, plan_json
from edge.calls.rights import open_request
from edge.calls.rows import CallRows
from edge.calls.store import CallStore
from edge.core import checks
from edge.core.admission import admit
from edge.core.call_events import ContactRef, Reach, RequestOpen, ServiceChanged
from edge.core.checks import RuleBroken
from edge.core.openings import OpenRequest
from edge.core.plan import Calling, busy, make_plan, party_of, to_apartment
from edge.core.plan_legs import Circumstances
from edge.core.ports import Clock, World
from edge.core.settings import CallSettings
from models.call import Caller, CallPlan, CallRecord, LegState, Refusal, Target
from models.community import Apartment, Resident
from models.device import Device
from models.ids import CallId, ResidentId, SipUser
from models.log import LogEntry

MAX_UNSENT_EVENTS: Final = 1000  # beyond it the oldest is dropped: integrators are told what happens now

_log = logging.getLogger(__name__)

OpenDoor = Callable[[CallId, OpenRequest], bool]
"""`DoorDesk.open_in_call`: judge, log, and where granted send it to the door. Returns at once."""

PublishEvent = Callable[[Mapping[str, object]], Awaitable[None]]
"""`DevicePlane.publish_event`: never raises for a broker that is away."""


@dataclass(frozen=True, slots=True)
class DeskPorts:
    """What the desk needs from the rest of the house."""

    world: World
    clock: Clock
    reach: Reach
    store: CallStore
    open_door: OpenDoor
    publish: PublishEvent


class CallDesk:
    """Implements `edge.core.ports.CallDesk`, and is a `Component`: `run` saves rows and sends events."""

    name = "calls"

    def __init__(self, ports: DeskPorts, settings: CallSettings, *, trunk: bool) -> None:
        self._ports = ports
        self.settings = settings  # of calls to come; may be replaced
        self._trunk = trunk
        self._live: dict[CallId, CallRecord] = {}
        self._talking: dict[CallId, Target] = {}
        self._rows = CallRows(ports.store)
        self._events: deque[Event] = deque(maxlen=MAX_UNSENT_EVENTS)
        self._event_waits = asyncio.Event()

    # --- CallDesk ---------------------------------------------------------------------------------------------------

    def identify(self, sip_user: str) -> Caller | None:
        match self._ports.world.snapshot.by_sip_user.get(SipUser(sip_user)):
            case Device() as device if device.enabled:
                return Caller(device.sip_user, device=device.id)
            case Resident() as resident:
                return Caller(resident.sip_user, resident=resident.id)
            case _:
                return None

    def identify_outside(self, number: str) -> Caller:
        """The number in E.164 where it can be read so, by the community's country."""
        country = self._ports.world.snapshot.community.country
        with contextlib.suppress(RuleBroken):
            number = checks.phone("number", number, country=country)
        return Caller(None, trunk_number=number)

    def caller_name(self, caller: Caller) -> str:
        """What a person reads in the row of the call."""
        match party_of(self._ports.world.snapshot, caller):
            case Device() | Resident() as known:
                return known.name
            case _:
                return caller.trunk_number or caller.sip_user or ""

    def plan(self, caller: Caller, dialled: str) -> CallPlan:
        """As the port says; a door that is in a call already gets a plan that answers 486 (decision 25)."""
        plan = make_plan(self._circumstances(), caller, dialled)
        return busy(plan) if self._is_door(caller) and self.busy(caller) else plan

    def reach(self, target: Target) -> Sequence[ContactRef]:
        return self._ports.reach(target)

    def busy(self, caller: Caller) -> bool:
        """Whether this device has another call of its own in progress. Apps and outside callers may have several."""
        return caller.device is not None and any(r.caller_device == caller.device for r in self._live.values())

    def changed(self, record: CallRecord) -> None:
        before = self._live.get(record.id)
        ended = record.ended_by is not None
        if ended:
            self._live.pop(record.id, None)
        else:
            self._live[record.id] = record
        self._rows.changed(record, self._entries(before, record))
        self._tell(before, record)

    def request_open(self, call: CallId, plan: CallPlan, party: Target | Caller, request: RequestOpen) -> bool:
        asked = open_request(plan, party, request, self._ports.world.snapshot)
        return asked is not None and self._ports.open_door(call, asked)

    def talking(self, call: CallId, answered_by: Target) -> None:
        self._talking[call] = answered_by

    def ended(self, call: CallId) -> None:
        self._talking.pop(call, None)
        self._live.pop(call, None)

    # --- for others -------------------------------------------------------------------------------------------------

    def in_call(self, device: Device) -> bool:
        """Whether *device* calls, rings or talks now."""
        live = (LegState.RINGING, LegState.ANSWERED)
        return any(
            record.caller_device == device.id
            or any(leg.target == device.name and leg.state in live for leg in record.legs)
            for record in self._live.values()
        )

    def in_progress(self) -> tuple[CallRecord, ...]:
        """Calls that ring or talk now, oldest first."""
        return tuple(self._live.values())

    def answered_by(self, call: CallId) -> Target | None:
        """Who talks in *call*."""
        return self._talking.get(call)

    def talks_to_door(self, resident: ResidentId) -> CallRecord | None:
        """The call in which *resident*'s app has answered a door: its talking page may open that door."""
        for call, target in self._talking.items():
            if target.resident == resident and call in self._live:
                return self._live[call]
        return None

    def no_longer_allowed(self) -> tuple[tuple[CallId, ServiceChanged], ...]:
        """Calls that ring an apartment which may not be called any more, and what to feed them (decision 32).

        To be asked after each new snapshot.
        """
        snapshot = self._ports.world.snapshot
        found: list[tuple[CallId, ServiceChanged]] = []
        for record in self._live.values():
            if record.apartment is None or record.answered_by is not None:
                continue
            apartment = snapshot.apartments.get(record.apartment)
            refusal = self._refusal(apartment) if apartment is not None else Refusal.UNKNOWN
            if refusal is not None:
                found.append((record.id, ServiceChanged(refusal)))
        return tuple(found)

    def explain(self, apartment: Apartment, door: Device | None = None, *, with_reach: bool = True) -> Json:
        """The plan of a visitor who dials *apartment* at *door* (None: at some door that serves it)."""
        calling = Calling(self._circumstances(), door)
        if door is not None and not (door.enabled and door.serves(apartment.id, apartment.building)):
            plan = calling.refuse(Refusal.UNKNOWN)
        else:
            plan = to_apartment(calling, apartment)
        return plan_json(plan, self._ports.reach if with_reach else None)

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """No call outlives the daemon that carried it: what a crash left open is ended in the log."""
        left = await self._ports.store.close_open()
        if left:
            _log.warning("%d calls were cut off when the daemon last ended", left)

    async def run(self) -> None:
        """Save rows and send events until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rows.run())
            group.create_task(self._send_events())

    async def stop(self) -> None:
        """Save what waits, once; the store is still open."""
        if not await self._rows.save_now():
            _log.error("%d rows of calls could not be stored before the end", self._rows.unsaved)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _circumstances(self) -> Circumstances:
        return Circumstances(self._ports.world.snapshot, self.settings, self._trunk, self._ports.clock.now_ms())

    def _is_door(self, caller: Caller) -> bool:
        device = self._ports.world.snapshot.devices.get(caller.device) if caller.device is not None else None
        return device is not None and device.type.is_door

    def _refusal(self, apartment: Apartment) -> Refusal | None:
        return admit(apartment, has_monitor=bool(self._ports.world.snapshot.monitors_of(apartment.id)))

    def _entries(self, before: CallRecord | None, record: CallRecord) -> list[LogEntry]:
        entries = [ring_entry(record)] if before is None and record.ring_event else []
        if record.ended_by is not None:
            entries.append(call_entry(record, self._ports.clock.now_ms()))
        return entries

    def _tell(self, before: CallRecord | None, record: CallRecord) -> None:
        """A ring once; a call when it begins to ring, to talk, and when it has ended."""
        snapshot = self._ports.world.snapshot
        if before is None and record.ring_event:
            self._events.append(ring_event(record, snapshot))
        if before is None or call_state(before) != call_state(record):
            self._events.append(call_event(record, snapshot, self._ports.clock.now_ms()))
        self._event_waits.set()

    async def _send_events(self) -> None:
        while True:
            await self._event_waits.wait()
            await asyncio.sleep(0)  # as in `CallRows`: the telephones first
            self._event_waits.clear()
            while self._events:
                await self._ports.publish(self._events.popleft())
