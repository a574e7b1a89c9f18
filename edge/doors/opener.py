"""Openings without a credential: exit button, fire, calls, apps, operators."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.access import DoorState, Judgement
from edge.core.openings import OpenRequest, decide_request
from edge.core.passage import Passages, released_for_s
from edge.core.ports import Clock, DevicePlane, World
from edge.core.snapshot import Snapshot
from edge.doors import notices, rows
from edge.doors.background import Background, Notices
from edge.doors.commits import Commits
from edge.doors.web_relay import WebRelay
from edge.doors.work import Told, Work
from models.access import AccessDecision, UnlockMethod
from models.device import Device
from models.device_events import DeviceEvent, DeviceEventType, OpenResult
from models.ids import CallId, DeviceId, new_id
from models.log import LogEntry


@dataclass(frozen=True, slots=True)
class Opening:
    """What became of a request. *result* is None where it was refused, and so nothing was sent."""

    decision: AccessDecision
    result: OpenResult | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A device and what was decided about it."""

    request: OpenRequest
    judgement: Judgement

    def row(self, now_ms: int, identity: str, device_at_ms: int | None = None) -> LogEntry:
        device = self.judgement.device
        method = self.request.method
        return rows.opening_row(
            self.judgement.decision, now_ms, identity, method, device.id if device else None, device_at_ms
        )


def judge_event(event: DeviceEvent, device: Device, snapshot: Snapshot, now_ms: int) -> tuple[Judged, ...]:
    """What an exit button or a fire signal opens (decision 13); nothing for other events."""
    if event.type is DeviceEventType.EXIT_BUTTON:
        method, doors = UnlockMethod.EXIT_BUTTON, [device]
    elif event.type is DeviceEventType.FIRE and event.fields.get("active") is not False:
        method, doors = UnlockMethod.FIRE, [device, *_fire_group(device, snapshot)]
    else:
        return ()
    requests = [OpenRequest(door.id, method, too_late=event.too_late) for door in doors]
    return tuple(Judged(request, decide_request(request, snapshot, now_ms)) for request in requests)


def _fire_group(device: Device, snapshot: Snapshot) -> Iterable[Device]:
    if not device.fire_group:
        return ()
    same = (d for d in snapshot.devices.values() if d.fire_group == device.fire_group and d.id != device.id)
    return (d for d in same if any(relay.enabled for relay in d.relays))


class Opener:
    """Logs an opening, sends it, and logs when it did not come back as done."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        plane: DevicePlane,
        commits: Commits,
        passages: Passages,
        background: Background,
        notices: Notices,
        web_relay: WebRelay | None,
    ) -> None:
        self._world = world
        self._passages = passages
        self._clock = clock
        self._plane = plane
        self._commits = commits
        self._background = background
        self._notices = notices
        self._web_relay = web_relay

    def open_in_call(self, call: CallId, request: OpenRequest) -> bool:
        """Judge *request* of a call, log it and send it in the background.

        True where it was granted and its door is there to hear it. Returns at once.
        """
        return self.open_by_app(call, request)[1]

    def open_by_app(self, identity: str, request: OpenRequest) -> tuple[AccessDecision, bool]:
        """As `open_in_call`, for a press in an app; *identity* names it in the log. The decision, and whether it was
        granted and its door is there to hear it."""
        judged = self._judge(request)
        begun = self._background.spawn("an opening in a call", self._carry_out(judged, identity))
        device, decision = judged.judgement.device, judged.judgement.decision
        return decision, begun and decision.granted and device is not None and self._plane.online(device.mac)

    async def open_remote(self, door: DeviceId, relay: str | None, by: str) -> Opening:
        """Open *door* for an operator; *relay* is a label, None = every one that lists *remote*. Audited as *by*."""
        judged = self._judge(OpenRequest(door, UnlockMethod.REMOTE, relay))
        identity = new_id("o")
        opening = await self._carry_out(judged, identity)
        device = judged.judgement.device
        came_of_it = opening.result.value if opening.result else opening.decision.reason.value
        audit = rows.audit_row(
            by, "door open", self._clock.now_ms(), identity, device.id if device else None, {"result": came_of_it}
        )
        await self._commits.in_time(Work(audit.at_ms, Told((audit,))))
        return opening

    def send_all(self, judged: Iterable[Judged], identity: str) -> None:
        """Send what was granted and is logged already, in the background."""
        for one in judged:
            self._release(one, self._clock.monotonic())
            device = one.judgement.device
            if device is not None:
                self._notices.add(self._notice(one.request, device, one.judgement.decision))
                if one.judgement.decision.granted:
                    self._background.spawn("an opening", self._send(device, one.judgement.decision, identity))

    def _judge(self, request: OpenRequest) -> Judged:
        now_s = self._clock.monotonic()
        state = DoorState(now_s=now_s, passages=self._passages)
        judged = Judged(request, decide_request(request, self._world.snapshot, self._clock.now_ms(), state))
        self._release(judged, now_s)
        return judged

    def _release(self, judged: Judged, now_s: float) -> None:
        """The door beside a released one must not open in the same moment."""
        device, decision = judged.judgement.device, judged.judgement.decision
        if device is not None and decision.granted:
            self._passages.released(device.id, released_for_s(device, decision), now_s)

    async def _carry_out(self, judged: Judged, identity: str) -> Opening:
        row = judged.row(self._clock.now_ms(), identity)
        await self._commits.in_time(Work(row.at_ms, Told((row,))))
        device, decision = judged.judgement.device, judged.judgement.decision
        if device is None:
            return Opening(decision)
        self._notices.add(self._notice(judged.request, device, decision))
        if self._web_relay is not None:
            self._web_relay.trigger(decision, device, identity)
        return Opening(decision, await self._send(device, decision, identity) if decision.granted else None)

    async def _send(self, device: Device, decision: AccessDecision, identity: str) -> OpenResult:
        result = await self._plane.open(device.mac, decision)
        if result is not OpenResult.OPENED:
            row = rows.not_opened_row(result, identity, device.id, self._clock.now_ms())
            await self._commits.in_time(Work(row.at_ms, Told((row,))))
        return result

    def _notice(self, request: OpenRequest, device: Device, decision: AccessDecision) -> notices.Notice:
        return notices.access_notice(self._world.snapshot, device, request.method, decision, self._clock.now_ms())
