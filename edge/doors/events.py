"""What devices report: each event is a row exactly once, and an exit button or a fire signal opens once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from edge.core.passage import Passages
from edge.core.ports import Clock, World
from edge.core.snapshot import Snapshot
from edge.doors import notices, rows
from edge.doors.background import Notices
from edge.doors.commits import Commits
from edge.doors.memory import First, FirstAnswers
from edge.doors.opener import Judged, Opener, judge_event
from edge.doors.work import Done, Heard, MessageKey, Told, Work
from edge.store.errors import StoreError
from models.access import AccessDecision, Reason, UnlockMethod
from models.device import Device
from models.device_events import DeviceEvent, DeviceEventType
from models.ids import CredentialId
from models.log import LogEntry

CONTACT: Final[Mapping[DeviceEventType, bool]] = {
    DeviceEventType.DOOR_OPENED: True,
    DeviceEventType.FORCED: True,
    DeviceEventType.HELD_OPEN: True,
    DeviceEventType.DOOR_CLOSED: False,
}
"""What tells whether a door stands open."""


class EventDesk:
    """Handles `up/event`."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        commits: Commits,
        firsts: FirstAnswers,
        passages: Passages,
        opener: Opener,
        notices: Notices,
    ) -> None:
        self._world = world
        self._passages = passages
        self._clock = clock
        self._commits = commits
        self._firsts = firsts
        self._opener = opener
        self._notices = notices

    async def event(self, event: DeviceEvent) -> None:
        """Return when the row is committed. Raises StoreError where it is not: then the broker delivers it again,
        which stores the row and opens nothing a second time. It is kept here as well: the broker may be killed before
        it has what it holds for us on disk.
        """
        key = MessageKey(event.device, Heard.EVENT, event.id)
        first = self._firsts.find(key, self._clock.now_ms())
        if first is None:
            await self._first_time(event, key)
        elif first.unstored is not None:
            await self._commits.finished(first.unstored)
            first.unstored = None

    async def _first_time(self, event: DeviceEvent, key: MessageKey) -> None:
        snapshot, now_ms = self._world.snapshot, self._clock.now_ms()
        device = snapshot.by_mac.get(event.device)
        judged = judge_event(event, device, snapshot, now_ms) if device else ()
        work = self._contact(event, device, _work(event, key, device, judged, snapshot, now_ms))
        first = First(now_ms, b"", unstored=work)
        self._firsts.add(key, first)
        begun, failure = self._begin(work)
        # Who wants out waits for the disk no longer than who wants in.
        if begun is not None and await self._commits.settled(begun) and begun.exception() is None:
            first.unstored = None
            if begun.result().repeated:  # it was dealt with before this daemon started
                return
        self._opener.send_all(judged, event.id)
        self._tell(event, device, judged, now_ms)
        if failure is None and begun is not None:
            try:
                await asyncio.shield(begun)
            except StoreError as error:
                failure = error
        if failure is not None:
            self._commits.follow(work)
            raise failure
        first.unstored = None

    def _contact(self, event: DeviceEvent, device: Device | None, work: Work) -> Work:
        """What a door's contact tells: whether it stands open, and so who went through."""
        is_open = CONTACT.get(event.type)
        if device is None or is_open is None:
            return work
        if is_open:
            passed = self._passages.opened(device.id, self._clock.monotonic())
            return replace(work, passed=passed, contact=(device.id, True))
        self._passages.closed(device.id)
        return replace(work, contact=(device.id, False))

    def _begin(self, work: Work) -> "tuple[asyncio.Future[Done] | None, StoreError | None]":
        try:
            return self._commits.begin(work), None
        except StoreError as error:
            return None, error

    def _tell(self, event: DeviceEvent, device: Device | None, judged: Sequence[Judged], now_ms: int) -> None:
        fire = event.type is DeviceEventType.FIRE and bool(judged)
        if fire or event.type is not DeviceEventType.EXIT_BUTTON:  # an exit button is told as an access
            self._notices.add(notices.event_notice(event, device, fire or event.type in rows.ALARMS, now_ms))


def _work(
    event: DeviceEvent,
    key: MessageKey,
    device: Device | None,
    judged: Sequence[Judged],
    snapshot: Snapshot,
    now_ms: int,
) -> Work:
    if event.type is DeviceEventType.PANEL_OPENED:
        credential = _credential(event, snapshot)
        row = _panel_row(event, device, credential, snapshot, now_ms)
        return Work(now_ms, Told((row,)), key, use=credential)
    if event.type is DeviceEventType.PANEL_REFUSED:
        return Work(now_ms, Told((_refused_row(event, device, now_ms),)), key)
    return Work(now_ms, Told(_rows(event, device, judged, now_ms)), key)


def _rows(event: DeviceEvent, device: Device | None, judged: Sequence[Judged], now_ms: int) -> tuple[LogEntry, ...]:
    opened = tuple(one.row(now_ms, event.id, event.at_ms) for one in judged)
    if event.type is DeviceEventType.EXIT_BUTTON:
        return opened or (_unknown_exit(event, now_ms),)
    if event.type is DeviceEventType.FIRE and judged:
        return (*opened, rows.alarm_row(rows.FIRE, now_ms, event.id, device.id if device else None, active=True))
    return (rows.event_row(event, device.id if device else None, now_ms),)


def _unknown_exit(event: DeviceEvent, now_ms: int) -> LogEntry:
    unknown = AccessDecision(Reason.DEVICE_UNKNOWN)
    detail = {"mac": event.device}
    return rows.opening_row(unknown, now_ms, event.id, UnlockMethod.EXIT_BUTTON, None, event.at_ms, detail)


def _credential(event: DeviceEvent, snapshot: Snapshot) -> CredentialId | None:
    named = event.fields.get("credential")
    identity = CredentialId(named) if isinstance(named, str) else None
    return identity if identity in snapshot.credentials else None


def _panel_row(
    event: DeviceEvent, device: Device | None, identity: CredentialId | None, snapshot: Snapshot, now_ms: int
) -> LogEntry:
    """The panel decided alone while the edge was away (domain section 12)."""
    credential = snapshot.credentials[identity] if identity is not None else None
    decision = AccessDecision(
        Reason.GRANTED,
        credential=identity,
        apartment=credential.apartment if credential else None,
        resident=credential.resident if credential else None,
        duress=credential.duress if credential else False,
    )
    return _decided_by_panel(event, device, decision, now_ms)


def _refused_row(event: DeviceEvent, device: Device | None, now_ms: int) -> LogEntry:
    """What the panel did not know. It counts for no lock-out of ours: that is the panel's own."""
    return _decided_by_panel(event, device, AccessDecision(Reason.UNKNOWN_CREDENTIAL), now_ms)


def _decided_by_panel(event: DeviceEvent, device: Device | None, decision: AccessDecision, now_ms: int) -> LogEntry:
    detail: dict[str, object] = {"decided_by": "panel"}
    if "queued_since" in event.fields:
        detail["queued_since"] = event.fields["queued_since"]
    if device is None:
        detail["mac"] = event.device
    method = UnlockMethod(event.fields["method"])
    return rows.opening_row(decision, now_ms, event.id, method, device.id if device else None, event.at_ms, detail)
