"""What panels that do not speak MQTT say: merged, turned into events and attempts of ours, and handed to the door desk.

None of what is made here opens a door by being told late or twice: what a panel did alone is logged, and only a card
that it just refused is asked of the rules. A value that was typed or held up ends here: it is looked up and dropped.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from edge.core.ports import Clock, DeviceDesk, World
from edge.core.tags import KIND_OF_METHOD, Tagger, normalised
from edge.fleet.events_merge import HOOK, Happening, Merger
from edge.store.errors import StoreError
from models.access import Attempt, UnlockMethod
from models.device_events import DeviceEvent, DeviceEventType
from models.ids import Mac, new_id
from models.service import PinMode
from models.times import rfc3339
from provisioning.api import Sight, Sighting

OLD_AFTER_MS: Final = 10_000

_PRESENTED: Final[Mapping[Sight, tuple[UnlockMethod, bool]]] = {
    Sight.CODE_OPENED: (UnlockMethod.PIN, True),
    Sight.CODE_REFUSED: (UnlockMethod.PIN, False),
    Sight.CARD_OPENED: (UnlockMethod.RF_CARD, True),
    Sight.CARD_REFUSED: (UnlockMethod.RF_CARD, False),
    Sight.FACE_OPENED: (UnlockMethod.FACE, True),
    Sight.FACE_REFUSED: (UnlockMethod.FACE, False),
    Sight.EXIT_BUTTON: (UnlockMethod.EXIT_BUTTON, True),  # the panel opened already
}
_REPORTED: Final[Mapping[Sight, DeviceEventType]] = {
    Sight.RELAY: DeviceEventType.RELAY,
    Sight.DOOR_OPENED: DeviceEventType.DOOR_OPENED,
    Sight.DOOR_CLOSED: DeviceEventType.DOOR_CLOSED,
    Sight.FORCED: DeviceEventType.FORCED,
    Sight.HELD_OPEN: DeviceEventType.HELD_OPEN,
    Sight.TAMPER: DeviceEventType.TAMPER,
    Sight.ALARM: DeviceEventType.ALARM,
}

log = logging.getLogger(__name__)


class Inbox:
    """A `Component`. *nudge*: have the own log of a panel read now, for it may say more."""

    name = "reports of panels"

    def __init__(
        self,
        world: World,
        clock: Clock,
        desk: DeviceDesk,
        tagger: Tagger,
        nudge: Callable[[Mac], None] = lambda mac: None,
        merger: Merger | None = None,
    ) -> None:
        self._world, self._clock, self._desk, self._tagger = world, clock, desk, tagger
        self.nudge = nudge
        self._merger = merger or Merger()
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Nothing is remembered from before: a device's own log is read on from where it was."""

    async def run(self) -> None:
        while True:
            self._wake.clear()
            for happening in self._merger.due(self._clock.monotonic()):
                try:
                    await self._hand_on(happening, live=True)
                except Exception:  # one report must not cost the others
                    log.exception("a report of %s is not in the log", happening.mac)
            due_s = self._merger.next_due_s()
            try:
                async with asyncio.timeout(None if due_s is None else max(0.0, due_s - self._clock.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """What waits for more is told as it is."""
        for happening in self._merger.due(float("inf")):
            try:
                await self._hand_on(happening, live=True)
            except StoreError as error:
                log.error("a report of %s is not in the log: %s", happening.mac, error)

    async def report(self, mac: Mac, sighting: Sighting, road: str, *, live: bool = True) -> None:
        """*mac* says something by *road*. Returns when it is in the log, or waits for more. *live*: it happens now.

        Raises StoreError.
        """
        happening = self._merger.add(mac, sighting, road, self._clock.monotonic(), live=live)
        if happening is not None:
            await self._hand_on(happening, live=live)
        if road == HOOK:
            self.nudge(mac)
        self._wake.set()

    async def _hand_on(self, happening: Happening, *, live: bool) -> None:
        """Raises StoreError."""
        sighting, mac, now_ms = happening.sighting, happening.mac, self._clock.now_ms()
        if live and sighting.what is Sight.CARD_REFUSED and sighting.value and HOOK in happening.roads:
            # The panel does not know the card; the edge may. By syslog, which anybody can send, it is not asked.
            attempt = Attempt(new_id("a"), mac, UnlockMethod.RF_CARD, sighting.value, now_ms)
            await self._desk.attempt(attempt)
            return
        await self._desk.event(self._event(mac, sighting, now_ms, live=live))

    def _event(self, mac: Mac, sighting: Sighting, now_ms: int, *, live: bool) -> DeviceEvent:
        identity = new_id("e") if sighting.number is None else f"log-{sighting.number}-{sighting.at_ms or 0}"
        at_ms = now_ms if sighting.at_ms is None else sighting.at_ms
        reported = _REPORTED.get(sighting.what)
        if reported is not None:
            fields: dict[str, object] = {}
            if sighting.what is Sight.RELAY:
                fields = {"n": sighting.relay, "state": "triggered"}
            return DeviceEvent(identity, mac, reported, at_ms, fields)
        method, opened = _PRESENTED[sighting.what]
        if method is UnlockMethod.PIN and self._world.snapshot.community.pin_mode is PinMode.APT_PIN:
            method = UnlockMethod.APT_PIN
        fields = {"method": method.value}
        if opened and (credential := self._credential(method, sighting.value)) is not None:
            fields["credential"] = credential
        if not live:
            fields["queued_since"] = rfc3339(at_ms)
        kind = DeviceEventType.PANEL_OPENED if opened else DeviceEventType.PANEL_REFUSED
        return DeviceEvent(identity, mac, kind, at_ms, fields)

    def _credential(self, method: UnlockMethod, value: str) -> str | None:
        """Whose it is, where that is certain."""
        kind = KIND_OF_METHOD.get(method)
        spelled = normalised(kind, value) if kind is not None and value else None
        if kind is None or spelled is None:
            return None
        snapshot = self._world.snapshot
        found = {i for tag in self._tagger.tags(kind, spelled) for i in snapshot.tagged(kind, tag)}
        return str(next(iter(found))) if len(found) == 1 else None
