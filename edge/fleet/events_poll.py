"""Devices whose log is subscribed to: pulled for as long as they are there, on from the last event that was taken."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from edge.core.ports import Clock
from edge.fleet.events_inbox import OLD_AFTER_MS, Inbox
from edge.fleet.events_merge import LOG
from edge.fleet.push_http import WITHIN_S, Away, ShutOut
from edge.fleet.push_panels import Panel, Panels
from edge.store.errors import StoreError
from models.ids import DeviceId
from mqtt.backoff import Backoff
from provisioning.api import LongPoll, Sighting

LOOKED_EVERY_S: Final = 1.0
RETRY_FIRST_S: Final = 1.0
RETRY_MOST_S: Final = 60.0
MAX_AT_ONCE: Final = 200

log = logging.getLogger(__name__)


class LongPolls:
    """A `Component`. A pull is in flight beside other requests: the device answers it only when something happens."""

    name = "logs of panels"

    def __init__(self, clock: Clock, panels: Panels, inbox: Inbox) -> None:
        self._clock, self._panels, self._inbox = clock, panels, inbox
        self._following: dict[DeviceId, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Nothing is remembered from before: the store has how far each log was taken."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                there = {p.device: p for p in self._panels.all() if p.online and isinstance(p.api.log, LongPoll)}
                for device, panel in there.items():
                    task = self._following.get(device)
                    if (task is None or task.done()) and len(self._following) < MAX_AT_ONCE:
                        self._following[device] = group.create_task(self._follow(panel))
                self._following = {device: task for device, task in self._following.items() if not task.done()}
                await asyncio.sleep(LOOKED_EVERY_S)

    async def stop(self) -> None:
        return

    async def _follow(self, panel: Panel) -> None:
        """Until the panel is away, or another is in its place."""
        poll, backoff = panel.api.log, Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        assert isinstance(poll, LongPoll)  # noqa: S101  # by who calls
        while panel.online and self._panels.of(panel.mac) is panel:
            try:
                reach = self._panels.reach(panel.device)
                # What happened before it was ours is not our business; what was missed since then is.
                call = poll.subscribe(reach is not None and reach.log_number is not None)
                channel = poll.channel(await panel.wire.send(call))
                while panel.online:
                    body = await panel.wire.send(poll.pull(channel), poll.wait_s + WITHIN_S, beside=True)
                    await self._take(panel, poll.read(body))
                    backoff.reset()
            except (Away, ShutOut, ValueError, StoreError) as error:  # a Refusal too: the channel is over
                log.info("the log of panel %s is asked for again: %s", panel.mac, error)
                await asyncio.sleep(backoff.next_s())
            except Exception:  # where a device's replies come in: none of them may end the daemon
                log.exception("the log of panel %s is asked for again", panel.mac)
                await asyncio.sleep(backoff.next_s())

    async def _take(self, panel: Panel, events: Sequence[Sighting]) -> None:
        """Raises StoreError."""
        reach = self._panels.reach(panel.device)
        if reach is None:
            return
        after = -1 if reach.log_number is None else reach.log_number
        for event in sorted(events, key=lambda each: each.number or 0):
            if event.number is not None and event.number > after:
                live = event.at_ms is None or self._clock.now_ms() - event.at_ms < OLD_AFTER_MS
                await self._inbox.report(panel.mac, event, LOG, live=live)
                await self._panels.log_taken(panel, event.number)
