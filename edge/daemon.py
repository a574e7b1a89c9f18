"""What the running daemon tells of itself and does on request: the far side of the HTTP routes."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.admin.restoring import PREPARED
from edge.core.reasons import CAUSES
from edge.doors.desk import DoorDesk
from edge.doors.opener import Opening
from edge.fleet.maintenance import Maintenance
from edge.http.ports import Answer, Json, Sample
from edge.ladders import follow, name_of, users_of
from edge.runtime import Ending, LoopWatch
from edge.store.errors import StoreError
from edge.store.writer import Writer
from edge.world import ChangeWatch, LiveWorld
from models.device import Device
from models.device_events import OpenResult
from models.ids import ApartmentId, Mac
from models.times import rfc3339
from mqtt.broker.external import ExternalBroker
from mqtt.broker.supervisor import OwnBroker
from mqtt.comings import OFTEN
from mqtt.home_assistant.bridge import HomeAssistantBridge
from mqtt.plane import MqttPlane
from sip.service import SipService

_WELL_BELOW_LAG_S = 1.0
_STALE_WRITE_S = 5.0
_WORST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Parts:
    """The components that have something to tell."""

    world: LiveWorld
    watch: ChangeWatch
    writer: Writer
    plane: MqttPlane
    doors: DoorDesk
    sip: SipService
    loop: LoopWatch
    calls_in_progress: Callable[[], int]
    addresses: Callable[[], Mapping[str, object]]
    ladder: Callable[[str], Json | None]
    disk: Callable[[], str]
    broker: OwnBroker | ExternalBroker
    home: HomeAssistantBridge | None
    capture: Callable[[str], bytes | None]
    site: Path
    ending: Ending
    maintenance: Maintenance
    live_apps: Callable[[], Mapping[str, Sequence[str]]]


class DaemonFace:
    """Implements `edge.http.ports.Daemon`."""

    def __init__(self, parts: Parts, now_ms: Callable[[], int]) -> None:
        self._parts = parts
        self._now_ms = now_ms
        self._since_ms = now_ms()
        self._started = time.monotonic()

    def status(self) -> Json:
        """Decision 36."""
        snapshot = self._parts.world.snapshot
        community = snapshot.community
        return {
            "community": community.id,
            "name": community.name,
            "time_zone": community.time_zone,
            "plan": community.plan.value,
            "pin_mode": community.pin_mode.value,
            "revision": snapshot.revision,
            **self._parts.addresses(),
            "daemon": {"pid": os.getpid(), "since": rfc3339(self._since_ms)},
            "devices": len(snapshot.devices),
            "apartments": len(snapshot.apartments),
            "credentials": len(snapshot.credentials),
            "calls": self._parts.calls_in_progress(),
            "defence": self._parts.sip.defence(),
            "device_plane": self._device_plane(),
            "home_assistant": self._home_assistant(),
            "health": dict(self.health()),
        }

    def health(self) -> Mapping[str, str]:
        return {
            "store": self._store_health(),
            "disk": self._parts.disk(),
            "changes": "ok" if self._parts.watch.last_error is None else str(self._parts.watch.last_error),
            "broker": self._broker_health(),
            **({} if self._parts.home is None else {"home assistant": self._home_health(self._parts.home)}),
            "loop": self._loop_health(),
        }

    def _store_health(self) -> str:
        stats = self._parts.writer.stats()
        if stats.last_error is not None:
            return f"the store does not commit: {stats.last_error}"
        if stats.oldest_wait_s > _STALE_WRITE_S:
            return f"{stats.queued} writes wait, the oldest for {stats.oldest_wait_s:.0f} s"
        if (trouble := self._parts.doors.store_trouble) is not None:
            return f"answers since {rfc3339(trouble.since_ms)} stand in memory only; a crash would lose them"
        return "ok"

    def _broker_health(self) -> str:
        broker = self._parts.broker
        if isinstance(broker, OwnBroker) and broker.silent:
            return f"{broker.program} does not answer; if it goes on, it is ended and started again"
        return "ok" if self._parts.plane.connected else "no connection to the broker"

    def _home_health(self, home: HomeAssistantBridge) -> str:
        return "ok" if home.connected else "no connection to Home Assistant's broker"

    def _device_plane(self) -> Json:
        """What went wrong with messages and log-ins, and whose they were, the worst first; what the broker said."""
        plane, known = self._parts.plane, self._parts.world.snapshot.by_mac
        worst = sorted(plane.troublesome().items(), key=lambda item: (-item[1], item[0]))[:_WORST_SHOWN]
        restless = sorted(plane.restless().items(), key=lambda item: (item[1], item[0]))[:_WORST_SHOWN]
        broker = self._parts.broker if isinstance(self._parts.broker, OwnBroker) else None

        def named(mac: Mac) -> Json:
            return {"mac": mac, "name": known[mac].name if mac in known else mac}

        return {
            "counters": dict(plane.counters()),
            "troublesome": [{**named(mac), "messages": n} for mac, n in worst],
            "restless": [{**named(mac), "hellos": OFTEN, "within_s": round(took_s)} for mac, took_s in restless],
            "broker_restarts": broker.restarts if broker else 0,
            "broker_said": list(dict.fromkeys(broker.said)) if broker else [],
        }

    def _restarts(self) -> int:
        broker = self._parts.broker
        return broker.restarts if isinstance(broker, OwnBroker) else 0

    def _home_assistant(self) -> Json | None:
        home = self._parts.home
        return None if home is None else {"connected": home.connected, "counters": dict(home.counts)}

    def _loop_health(self) -> str:
        late_s = self._parts.loop.late_s(0.99)
        return "ok" if late_s < _WELL_BELOW_LAG_S else f"the event loop runs {late_s:.1f} s late"

    def samples(self) -> Iterable[Sample]:
        stats = self._parts.writer.stats()
        snapshot = self._parts.world.snapshot
        yield Sample("uptime_seconds", time.monotonic() - self._started, "Seconds since the daemon started.")
        yield Sample("revision", snapshot.revision, "Revision of the community in force.")
        yield Sample("loop_lag_p99_seconds", self._parts.loop.late_s(0.99), "Lateness of the event loop, last minute.")
        yield Sample("store_queued_writes", stats.queued, "Writes that wait for the disk.")
        yield Sample("store_commits_total", stats.commits, "Commits.")
        yield Sample("store_failed_writes_total", stats.failed, "Writes that failed.")
        yield Sample("store_slowest_commit_seconds", stats.slowest_commit_s, "The slowest commit so far.")
        yield Sample("calls_in_progress", self._parts.calls_in_progress(), "Calls that ring or talk.")
        yield Sample("broker_up", float(self._parts.plane.connected), "Whether the broker is connected.")
        yield Sample("broker_restarts_total", self._restarts(), "How often our own broker had to be started again.")
        yield Sample("sip_bindings", len(self._parts.sip.registrar.table), "Contact bindings.")
        banned = self._parts.sip.endpoint.gate.banned_count(time.monotonic())
        yield Sample("sip_banned_sources", banned, "Sources that are not heard now: they guessed passwords or scanned.")
        yield from _counted("sip", "What the SIP endpoint counted.", self._parts.sip.endpoint.counters)
        yield from _counted("mqtt", "What the device plane counted.", self._parts.plane.counters())
        if (home := self._parts.home) is not None:
            yield Sample("home_assistant_up", float(home.connected), "Whether Home Assistant's broker is connected.")
            yield from _counted("home_assistant", "What the bridge to Home Assistant counted.", home.counts)
        for device in snapshot.devices.values():
            online = float(self._parts.plane.online(device.mac))
            yield Sample("device_online", online, "Whether a device is connected by MQTT.", {"mac": device.mac})

    def live_apps(self) -> Mapping[str, Sequence[str]]:
        return self._parts.live_apps()

    def live_devices(self) -> Mapping[str, Json]:
        now_ms = self._now_ms()
        return {device.mac: self._live(device, now_ms) for device in self._parts.world.snapshot.devices.values()}

    def _live(self, device: Device, now_ms: int) -> Json:
        bindings = self._parts.sip.registrar.live(device.sip_user, now_ms)
        best = bindings[0] if bindings else None
        return {
            "sip": {
                "online": best is not None,
                "contact": best.contact if best else None,
                "transport": best.flow.transport.lower() if best else None,
                "expires_at": rfc3339(best.expires_at_ms) if best else None,
            },
            "mqtt": {"online": self._parts.plane.online(device.mac)},
        }

    def ladder(self, call_id: str) -> Json | None:
        return self._parts.ladder(call_id)

    def capture(self, call_id: str) -> bytes | None:
        return self._parts.capture(call_id)

    def follow_sip(self, apartment: str | None, mac: str | None) -> AsyncIterator[Json] | None:
        snapshot = self._parts.world.snapshot
        users: frozenset[str] | None = None
        if apartment is not None:
            if apartment not in snapshot.apartments:
                return None
            users = users_of(snapshot, ApartmentId(apartment))
        if mac is not None:
            device = snapshot.by_mac.get(Mac(mac))
            if device is None:
                return None
            users = (users or frozenset()) | {device.sip_user}
        trace = self._parts.sip.endpoint.trace
        return follow(trace, users, lambda user: name_of(self._parts.world.snapshot, user))

    async def order(self, mac: str, verb: str, lines: Sequence[str], actor: str) -> Answer:
        try:
            outcome = await self._parts.maintenance.order(Mac(mac), verb, tuple(lines), actor)
        except LookupError:
            return Answer(1, {"ok": False, "error": f"there is no device {mac}"})
        except StoreError as error:
            return Answer(1, {"ok": False, "error": f"the order was given, but not logged: {error}"})
        result = None if outcome.result is None else outcome.result.value
        body = {"ok": outcome.done, "result": "done" if outcome.done else result}
        if outcome.done:
            return Answer(0, body)
        return Answer(3 if outcome.result is None else 1, {**body, "error": outcome.why})

    def restore(self, prepared: str) -> Answer:
        folder = self._parts.site / prepared
        if PREPARED.fullmatch(prepared) is None or not folder.is_dir():
            return Answer(1, {"ok": False, "error": f"{prepared} is no prepared restore"})
        self._parts.ending.begin_anew_from(folder)
        return Answer(0, {"ok": True})

    async def open_door(self, mac: str, relay: int | None, actor: str) -> Answer:
        snapshot = self._parts.world.snapshot
        device = snapshot.by_mac.get(Mac(mac))
        if device is None:
            return Answer(1, {"ok": False, "error": f"there is no device {mac}"})
        opening = await self._parts.doors.open_remote(device.id, None if relay is None else str(relay), actor)
        return _opening_answer(opening)


def _opening_answer(opening: Opening) -> Answer:
    """Decision 38: refused 3, not carried out 1."""
    reason = opening.decision.reason.value
    if opening.result is None:
        cause = opening.decision.cause
        if cause is None:
            return Answer(3, {"ok": False, "reason": reason, "error": f"refused: {reason}"})
        why = f"refused: {CAUSES[cause].meaning}"
        return Answer(3, {"ok": False, "reason": reason, "cause": cause.value, "error": why})
    body: dict[str, object] = {
        "reason": reason,
        "relays": list(opening.decision.relays),
        "result": opening.result.value,
    }
    words = _NOT_DONE.get(opening.result)
    return Answer(0, {"ok": True, **body}) if words is None else Answer(1, {"ok": False, **body, "error": words})


_NOT_DONE: Final[Mapping[OpenResult, str]] = {
    OpenResult.REFUSED: "the door refused",
    OpenResult.OFFLINE: "the door is offline",
    OpenResult.NO_ACK: "the door did not answer within 3 s; it may have opened all the same",
}


def _counted(prefix: str, words: str, counters: Mapping[str, int]) -> Iterable[Sample]:
    for what, count in sorted(counters.items()):
        yield Sample(f"{prefix}_events_total", count, words, {"what": what})
