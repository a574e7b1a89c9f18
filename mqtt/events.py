"""The events link's messages: acknowledged to the broker only after the desk has committed them."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from models.device_events import DeviceEvent
from models.ids import Mac
from mqtt.backoff import Backoff
from mqtt.client import Received
from mqtt.devices import Devices
from mqtt.lanes import Lanes
from mqtt.payloads import Problem, Refused, parse_event, parse_state
from mqtt.topics import Up

log = logging.getLogger(__name__)

_RETAINED: Final = Refused(Problem.RETAINED, "retained, which would be heard again at every start")


class EventIngest:
    """Hands events to the desk, in order for each device. What fails stays at the broker and comes again."""

    def __init__(
        self,
        devices: Devices,
        lanes: Lanes,
        clear: Callable[[Mac, str], None],
        ack: Callable[[Received], None],
        again: Callable[[float], None],
    ) -> None:
        """*ack* confirms a message to the broker; *again* asks it, in so many seconds, for what has no ack."""
        self._devices = devices
        self._lanes = lanes
        self._clear = clear
        self._ack = ack
        self._again = again
        self._backoff = Backoff(0.5, 30.0)
        self._session = 0
        self._caught_up = False
        self._stuck: set[Mac] = set()  # lanes that failed in this session: no event may overtake the one that did

    def connected(self, session: int) -> None:
        """A new connection: what comes before our marker may have waited. A kept session's messages come before we
        are told of it, so each message says so too."""
        if session != self._session:
            self._session = session
            self._caught_up = False
            self._stuck.clear()

    def caught_up(self) -> None:
        """Our marker came back: what comes now is fresh."""
        self._caught_up = True

    def receive(self, device: Mac, kind: Up, message: Received) -> None:
        """An event, or a state: on this link it says in order with the events when a device came back."""
        self.connected(message.session)
        if kind is Up.STATE:
            if parse_state(message.payload) is True:
                self._devices.clocks.connected(device, self._devices.clock.monotonic())
            self._ack(message)
        elif kind is Up.EVENT:
            self._event(device, message)
        else:
            self._ack(message)

    def _event(self, device: Mac, message: Received) -> None:
        devices = self._devices
        event = _RETAINED if message.retain else parse_event(device, message.payload)
        if isinstance(event, Refused):
            devices.refuse(device, Up.EVENT, event)
            if message.retain and message.payload:
                self._clear(device, message.topic)
            self._ack(message)
            return
        waited = message.dup or not self._caught_up
        if not waited:
            devices.presence.heard(device, devices.clock.monotonic())
        if devices.too_late(device, event.at_ms, may_have_waited=waited):
            event = replace(event, too_late=True)
        judged = event
        if not self._lanes.offer(device, lambda: self._hand(judged, message)):
            devices.counts["events_deferred"] += 1
            self._stuck.add(device)
            self._again(self._backoff.next_s())

    async def _hand(self, event: DeviceEvent, message: Received) -> None:
        if message.session != self._session or event.device in self._stuck:
            return  # it has no ack, so it comes again
        try:
            await self._devices.desk.event(event)
        except Exception:  # a message's entry point: the broker keeps what we could not store
            self._devices.counts["desk_failures"] += 1
            if message.session == self._session:
                self._stuck.add(event.device)
            wait_s = self._backoff.next_s()
            log.exception("event %s of %s is not stored; again in %.1f s", event.id, event.device, wait_s)
            self._again(wait_s)
        else:
            self._backoff.reset()
            self._ack(message)
