"""The indoor monitors of a resident's apartments: what they have told of relays and arming, and arming them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from edge.core.snapshot import Snapshot
from edge.portal import state
from edge.portal.asking import NotDone
from edge.portal.ports import PortalPorts
from edge.portal.reported import Report
from models.community import Resident
from models.device import Device, DeviceType
from models.device_events import OpenResult
from models.ids import Mac
from models.service import Feature

_ON: Final = {"on": True, "off": False}
_NOT_ARMED: Final = {OpenResult.OFFLINE: "offline", OpenResult.NO_ACK: "no_answer", OpenResult.REFUSED: "refused"}


class Ordered(Protocol):
    """What became of an order."""

    @property
    def result(self) -> OpenResult | None:
        """None: it was not even sent."""
        ...

    @property
    def why(self) -> str: ...


Order = Callable[[Mac, str, tuple[str, ...], str], Awaitable[Ordered]]
"""As `edge.fleet.maintenance.Maintenance.order`: device, verb, lines, whose order it is."""


@dataclass(slots=True)
class _Known:
    armed: bool | None = None
    relays: dict[int, bool] = field(default_factory=dict)


class Monitors:
    """Kept by what monitors report. *changed* is called where something did."""

    def __init__(self, ports: PortalPorts, changed: Callable[[], None]) -> None:
        self._ports, self._changed = ports, changed
        self._known: dict[Mac, _Known] = {}
        self.arming: frozenset[Mac] = frozenset()  # those that have the function
        self.order: Order | None = None

    def hear(self, event: Report) -> None:
        """An event of the house (`edge.fan.EventFan`)."""
        if event.get("type") == "device":
            self.heard(Mac(str(event.get("device"))), event)

    def heard(self, mac: Mac, report: Report) -> None:
        """What the device *mac* reports. What is no monitor's is not kept."""
        device = self._ports.snapshot.by_mac.get(mac)
        if device is None or device.apartment is None or not _is_monitor(device):
            return
        known = self._known.setdefault(mac, _Known())
        match report:
            case {"event": "arming", "armed": bool(armed)}:
                known.armed = armed
            case {"event": "relay", "n": int(number), "state": told}:  # at most 64 numbers (mqtt.payloads)
                on = told if isinstance(told, bool) else _ON.get(str(told).casefold())
                if on is not None:
                    known.relays[number] = on
            case _:
                return
        self._changed()

    def shown(self, resident: Resident) -> list[dict[str, object]]:
        """Those of *resident*'s apartments with service."""
        snapshot, now_ms = self._ports.snapshot, self._ports.clock.now_ms()
        return [
            self._shown(snapshot, device, state.home_name(snapshot, home))
            for home in state.with_feature(snapshot, resident, Feature.CALLS, now_ms)
            for device in snapshot.monitors_of(home.id)
            if device.enabled
        ]

    def _shown(self, snapshot: Snapshot, device: Device, home: str) -> dict[str, object]:
        known = self._known.get(device.mac, _Known())
        return {
            "mac": device.mac,
            "name": device.name,
            "apartment": home,
            "online": self._ports.online(device.mac),
            "arming": device.mac in self.arming,
            "armed": known.armed,
            "relays": [{"relay": str(number), "on": on} for number, on in sorted(known.relays.items())],
        }

    async def arm(self, resident: Resident, mac: Mac, *, armed: bool) -> Mapping[str, object]:
        """Have one of the resident's monitors arm or disarm. Raises NotDone; StoreError for the audit row."""
        mine = {one["mac"] for one in self.shown(resident)}
        if mac not in mine or mac not in self.arming or self.order is None:
            raise NotDone("not_allowed")
        outcome = await self.order(mac, "arm" if armed else "disarm", (), f"app: {resident.name}")
        if outcome.result is not OpenResult.OPENED:
            raise NotDone(_NOT_ARMED[outcome.result] if outcome.result is not None else "busy", outcome.why)
        self.heard(mac, {"event": "arming", "armed": armed})
        return {"armed": armed}


def _is_monitor(device: Device) -> bool:
    return device.type is DeviceType.INDOOR_MONITOR
