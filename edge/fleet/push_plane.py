"""The device plane with two roads: devices that speak MQTT by it, others by their vendor's HTTP API.

A device that is connected by MQTT is always told by MQTT. What is sent to a panel over HTTP is sent once: an opening
that may have been carried out is never sent again.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from edge.core.ports import Clock, DeviceDesk, DevicePlane, World
from edge.fleet.push_holders import PanelHolders
from edge.fleet.push_http import Away, ShutOut
from edge.fleet.push_known import relays_opened
from edge.fleet.push_panels import Panel, Panels
from models.access import AccessDecision, Attempt
from models.device_events import DeviceEvent, Hello, OpenResult
from models.ids import Mac
from mqtt.payloads import Ack, parse_time_ms
from mqtt.topics import CREDENTIALS
from provisioning.api import Refusal
from provisioning.driver import ApiCall

TOLD_WITHIN_S: Final = 600.0  # a chunk of credentials, and the pages that are read for it
AGAIN_AFTER_S: Final = 0.25  # a panel that only turned a connection away
RESET: Final = "reset"
RESTARTS: Final = frozenset({"reboot", "upgrade", "autop"})

log = logging.getLogger(__name__)


class MqttRoad(DevicePlane, Protocol):
    async def ask(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> Ack | OpenResult: ...


class TwoRoads:
    """Implements `DevicePlane`, and `ask`. *acted*: told when a panel was made to start again."""

    def __init__(
        self,
        mqtt: MqttRoad,
        panels: Panels,
        holders: PanelHolders,
        world: World,
        clock: Clock,
        acted: Callable[[Panel], None] = lambda panel: None,
    ) -> None:
        self._mqtt, self._panels, self._holders = mqtt, panels, holders
        self._world, self._clock, self.acted = world, clock, acted

    def online(self, device: Mac) -> bool:
        return self._mqtt.online(device) or self._panels.online(device)

    async def publish_event(self, event: Mapping[str, object]) -> None:
        await self._mqtt.publish_event(event)

    # --- openings ---------------------------------------------------------------------------------------------------

    async def decision(self, device: Mac, answer: bytes) -> None:
        panel = self._by_http(device)
        if panel is None:
            await self._mqtt.decision(device, answer)
            return
        told = json.loads(answer)
        expires_ms = parse_time_ms(told["expires_at"])
        if told["granted"] and expires_ms is not None and self._clock.now_ms() < expires_ms:
            left_s = (expires_ms - self._clock.now_ms()) / 1000
            result = await self._trigger(panel, {int(n): s for n, s in told["holds"].items() if n.isdigit()}, left_s)
            if result is not OpenResult.OPENED:
                log.warning("%s was granted an opening, and did not carry it out: %s", device, result.value)

    async def open(self, device: Mac, decision: AccessDecision, ack_within_s: float = 3.0) -> OpenResult:
        panel = self._by_http(device)
        if panel is None:
            return await self._mqtt.open(device, decision, ack_within_s)
        if not decision.granted:
            raise ValueError(f"a denial ({decision.reason.value}) cannot be sent as an opening")
        holds = {int(label): seconds for label, seconds in decision.holds.items() if label.isdigit()}
        return await self._trigger(panel, holds, ack_within_s)

    async def _trigger(self, panel: Panel, holds: Mapping[int, int], within_s: float) -> OpenResult:
        """Each relay for its hold time. Whatever is not on its way by *within_s* is not sent at all."""
        calls = [panel.api.trigger(number, hold_s) for number, hold_s in holds.items()]
        if not calls:
            return OpenResult.REFUSED
        try:
            async with asyncio.timeout(within_s):
                for call in calls:
                    if call is None:
                        return OpenResult.REFUSED
                    await self._send_once(panel, call, within_s)
        except TimeoutError:
            return OpenResult.NO_ACK
        except (Away, ShutOut, Refusal) as error:
            return _result(error)
        return OpenResult.OPENED

    async def _send_once(self, panel: Panel, call: ApiCall, within_s: float) -> None:
        """Send *call*; one that did not get out of the house is tried again, one that may have is not."""
        while True:
            try:
                await panel.wire.send(call, within_s)
                return
            except Away as error:
                if error.sent or not panel.online:
                    raise
            await asyncio.sleep(AGAIN_AFTER_S)

    # --- everything else --------------------------------------------------------------------------------------------

    async def command(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> OpenResult:
        if self._by_http(device) is None:
            return await self._mqtt.command(device, verb, fields, ack_within_s)
        ack = await self.ask(device, verb, fields, ack_within_s)
        if isinstance(ack, OpenResult):
            return ack
        return OpenResult.OPENED if ack.ok else OpenResult.REFUSED

    async def ask(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> Ack | OpenResult:
        panel = self._by_http(device)
        if panel is None:
            return await self._mqtt.ask(device, verb, fields, ack_within_s)
        try:
            async with asyncio.timeout(TOLD_WITHIN_S if verb == CREDENTIALS else max(ack_within_s, 10.0)):
                return await self._told(panel, verb, fields)
        except TimeoutError:
            return OpenResult.NO_ACK
        except (Away, ShutOut) as error:
            # One that is only starting again comes back without being missed: whoever asks must ask again himself.
            return OpenResult.NO_ACK if panel.online and isinstance(error, Away) else _result(error)
        except ValueError as error:  # a Refusal, or a reply that can't be read
            return Ack("", ok=False, error=str(error)[:200], at_ms=None)
        except (TypeError, KeyError, AttributeError, OverflowError) as error:  # a reply of another shape than any known
            log.exception("what panel %s replied can't be read", device)
            return Ack("", ok=False, error=f"its reply can't be read: {type(error).__name__}", at_ms=None)

    async def _told(self, panel: Panel, verb: str, fields: Mapping[str, object]) -> Ack:
        if verb == CREDENTIALS:
            digest = await self._holders.tell(panel, self._with_relays(panel, fields), asyncio.to_thread)
            return Ack("", ok=True, error="", at_ms=None, digest=digest)
        calls = panel.api.order(verb, fields)
        if calls is None:
            raise Refusal(f"devices of its family can't be told to {verb} over HTTP")
        for call in calls:
            await panel.wire.send(call)
        if verb == RESET:
            await self._panels.drop(panel)
        elif verb in RESTARTS:
            panel.forget()
            self.acted(panel)
        return Ack("", ok=True, error="", at_ms=None)

    def _with_relays(self, panel: Panel, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        device = self._world.snapshot.by_mac.get(panel.mac)
        if device is None:
            return fields
        put = [{**entry, "relays": relays_opened(device, str(entry["method"]))} for entry in fields.get("put", ())]
        return {**fields, "put": put}

    def _by_http(self, device: Mac) -> Panel | None:
        return None if self._mqtt.online(device) else self._panels.of(device)


def _result(error: Exception) -> OpenResult:
    if isinstance(error, Away):
        return OpenResult.NO_ACK if error.sent else OpenResult.OFFLINE
    return OpenResult.REFUSED


class BothPresences:
    """Implements `DeviceDesk`: a panel that is there by HTTP is not away because it never came by MQTT."""

    def __init__(self, desk: DeviceDesk, panels: Panels) -> None:
        self._desk, self._panels = desk, panels

    async def attempt(self, attempt: Attempt) -> None:
        await self._desk.attempt(attempt)

    async def event(self, event: DeviceEvent) -> None:
        await self._desk.event(event)

    async def hello(self, hello: Hello) -> None:
        await self._desk.hello(hello)

    async def presence(self, device: Mac, online: bool) -> None:
        if online or not self._panels.online(device):
            await self._desk.presence(device, online)
