"""The live link's messages: attempts, acks, hellos and states. None of them waited for us at the broker."""

import logging
from collections.abc import Callable
from dataclasses import replace

from models.access import Attempt
from models.device_events import Hello
from models.ids import Mac
from mqtt.client import Received
from mqtt.commands import Waiting
from mqtt.devices import Devices
from mqtt.lanes import Lanes
from mqtt.payloads import Ack, Problem, Refused, parse_ack, parse_attempt, parse_hello, parse_state
from mqtt.topics import Up

log = logging.getLogger(__name__)

_RETAINED = Refused(Problem.RETAINED, "retained, which would be heard again at every start")


class LiveIngest:
    """Takes a message apart at once and hands it to the desk, in order for each device."""

    def __init__(self, devices: Devices, waiting: Waiting, lanes: Lanes, clear: Callable[[Mac, str], None]) -> None:
        """*clear* removes a retained message of a topic, later."""
        self._devices = devices
        self._waiting = waiting
        self._lanes = lanes
        self._clear = clear
        self.unasked: Callable[[Mac, Ack], None] = _nobody
        """Hears acks that no command waits for: of retained configurations."""
        self._told: dict[Mac, bool] = {}
        self._to_tell: set[Mac] = set()
        self._take: dict[Up, Callable[[Mac, Received], None]] = {
            Up.STATE: self._state,
            Up.HELLO: self._hello,
            Up.ATTEMPT: self._attempt,
            Up.ACK: self._ack,
        }

    def receive(self, device: Mac, kind: Up, message: Received) -> None:
        """A message of *kind*; other kinds than this link's are ignored."""
        take = self._take.get(kind)
        if take is None:
            return
        if message.retain and kind in (Up.ATTEMPT, Up.ACK):
            self._devices.refuse(device, kind, _RETAINED)
            self._clear(device, message.topic)
            return
        if device not in self._devices.known and kind in (Up.STATE, Up.HELLO):
            if message.payload:  # what a removed device left behind, or its will
                self._clear(device, message.topic)
            return
        take(device, message)

    def settle(self) -> None:
        """Everything retained has arrived: who did not say, or not repeat, that it is online is not.

        The desk hears of every device once, since it may remember some as online from before our start.
        """
        unheard = self._devices.known - self._told.keys()
        for device in self._devices.presence.settle() | unheard:
            self._tell_presence(device)

    def forget(self, device: Mac) -> None:
        """The device was removed."""
        self._told.pop(device, None)

    # --- one kind each ----------------------------------------------------------------------------------------------

    def _attempt(self, device: Mac, message: Received) -> None:
        devices = self._devices
        attempt = parse_attempt(device, message.payload)
        if isinstance(attempt, Refused):
            devices.refuse(device, Up.ATTEMPT, attempt)
            return
        devices.presence.heard(device, devices.clock.monotonic())
        if devices.too_late(device, attempt.at_ms, may_have_waited=message.dup):
            attempt = replace(attempt, too_late=True)
        judged = attempt
        if not self._lanes.offer(device, lambda: self._hand_attempt(judged)):
            devices.counts["attempts_dropped"] += 1  # the device asks again; a queue would answer too late anyway
            devices.refusals.surplus(device, Up.ATTEMPT, devices.clock.monotonic())

    async def _hand_attempt(self, attempt: Attempt) -> None:
        try:
            await self._devices.desk.attempt(attempt)
        except Exception:  # a message's entry point: one that fails must not end the plane for all others
            self._devices.counts["desk_failures"] += 1
            log.exception("attempt %s of %s failed; the device may ask again", attempt.id, attempt.device)

    def _hello(self, device: Mac, message: Received) -> None:
        if not message.payload:
            return
        devices = self._devices
        live = not message.retain and not message.dup
        hello = parse_hello(device, message.payload, live=live)
        if isinstance(hello, Refused):
            devices.refuse(device, Up.HELLO, hello)
            return
        if live:
            now_s = devices.clock.monotonic()
            devices.presence.heard(device, now_s)
            devices.comings.hello(device, now_s)
            devices.clocks.connected(device, now_s)
            if hello.at_ms is not None:
                devices.hello_at(device, hello.at_ms)
        told = hello
        if not self._lanes.offer(device, lambda: self._hand_hello(told)):
            devices.counts["hellos_dropped"] += 1
            devices.refusals.surplus(device, Up.HELLO, devices.clock.monotonic())

    async def _hand_hello(self, hello: Hello) -> None:
        try:
            await self._devices.desk.hello(hello)
        except Exception:  # see _hand_attempt
            self._devices.counts["desk_failures"] += 1
            log.exception("hello of %s failed", hello.device)

    def _ack(self, device: Mac, message: Received) -> None:
        devices = self._devices
        ack = parse_ack(message.payload)
        if isinstance(ack, Refused):
            devices.refuse(device, Up.ACK, ack)
            return
        devices.presence.heard(device, devices.clock.monotonic())
        sent = self._waiting.answer(device, ack)
        if sent is None:
            self.unasked(device, ack)
        elif ack.at_ms is not None and not message.dup:
            devices.ack_at(device, ack.at_ms, sent.sent_s)

    def _state(self, device: Mac, message: Received) -> None:
        if not message.payload:
            return
        online = parse_state(message.payload)
        if isinstance(online, Refused):
            self._devices.refuse(device, Up.STATE, online)
            return
        if online:
            self._devices.clocks.connected(device, self._devices.clock.monotonic())
        self._devices.presence.state(device, online)
        self._tell_presence(device)

    def _tell_presence(self, device: Mac) -> None:
        """One job however often it changes; it tells how things stand when its turn comes."""
        if device not in self._to_tell:
            self._to_tell.add(device)
            self._lanes.offer(device, lambda: self._hand_presence(device), always=True)

    async def _hand_presence(self, device: Mac) -> None:
        self._to_tell.discard(device)
        online = self._devices.presence.online(device)
        if self._told.get(device) is online:
            return
        self._told[device] = online
        try:
            await self._devices.desk.presence(device, online)
        except Exception:  # see _hand_attempt
            del self._told[device]
            self._devices.counts["desk_failures"] += 1
            log.exception("presence of %s failed", device)


def _nobody(_device: Mac, _ack: Ack) -> None:
    """Nobody waits for it."""
