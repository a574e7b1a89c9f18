"""The device plane: what devices say goes to the desk, what the desk decides goes to the devices.

Two links. The *live* one has a clean session: attempts, acks, hellos and states never wait for us at the broker. The
*events* one has a persistent session and acknowledges an event only after its row is committed, so that the broker
keeps what we could not store and delivers it again.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Final

from edge.core.ports import Clock, DeviceDesk
from models.access import AccessDecision
from models.device_events import OpenResult
from models.ids import Mac
from mqtt.accounts import MqttAccounts, Role
from mqtt.brokers import EVENTS, LIVE, Broker
from mqtt.client import Link, LinkDown, Received, Will
from mqtt.commands import Waiting
from mqtt.devices import ClockOffsets, Devices
from mqtt.events import EventIngest
from mqtt.lanes import Lanes
from mqtt.live import LiveIngest
from mqtt.payloads import Ack, render, render_command, render_open
from mqtt.shelf import ConfigShelf
from mqtt.topics import DECISION, OPEN, VERBS, Topics, Up

log = logging.getLogger(__name__)

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
MAX_JOBS_PER_DEVICE: Final = 32
MAX_JOBS: Final = 10_000  # 2,000 devices that are back at once, each with its state, its hello and its attempts
MAX_CLEARED: Final = 10_000
MAX_EVENTS_IN_WORK: Final = 1000  # more than a broker sends without an ack


class MqttPlane:
    """A `Component` and the `DevicePlane`. Start it after its broker."""

    name = "mqtt plane"

    def __init__(
        self,
        topics: Topics,
        broker: Broker,
        accounts: MqttAccounts,
        clock: Clock,
        offsets: ClockOffsets,
    ) -> None:
        """The desk, which needs the plane itself, follows by `attach`."""
        self._topics = topics
        self._broker = broker
        self._accounts = accounts
        self._clock = clock
        self._devices = Devices(topics, clock, offsets)
        self._devices.known = self._with_account()
        self._waiting = Waiting()
        self._lanes = Lanes(max_jobs_per_lane=MAX_JOBS_PER_DEVICE, max_jobs=MAX_JOBS)
        self._event_lanes = Lanes(max_jobs_per_lane=MAX_EVENTS_IN_WORK, max_jobs=MAX_EVENTS_IN_WORK)
        self._unswept: set[Mac] = set()  # removed devices whose retained topics may still be there
        self._cleared: set[str] = set()  # topics whose retained message we took away
        # What to do when a marker comes back, by its token; each link begins anew with each connection.
        self._echoes: dict[str, dict[bytes, Callable[[], None]]] = {LIVE: {}, EVENTS: {}}
        self._live = Link(
            LIVE,
            lambda: broker.dial(LIVE),
            receive=self._on_live,
            prepare=self._prepare_live,
            clean_session=True,
            will=Will(topics.edge_state, OFFLINE),
        )
        self._events = Link(
            EVENTS,
            lambda: broker.dial(EVENTS),
            receive=self._on_event,
            prepare=self._prepare_events,
            clean_session=False,
            manual_acks=True,
        )
        self.configs = ConfigShelf(topics, self._live, self._clear_later)
        self._live_ingest = LiveIngest(self._devices, self._waiting, self._lanes, self._clear_later)
        self._event_ingest = EventIngest(
            self._devices, self._event_lanes, self._clear_later, self._events.ack, self._events.recycle
        )

    def attach(self, desk: DeviceDesk, unasked: Callable[[Mac, Ack], None] | None = None) -> None:
        """Who hears what devices say, and acks that no command waits for. Once, before `start`."""
        self._devices.desk = desk
        if unasked is not None:
            self._live_ingest.unasked = unasked

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect. A broker that is not there is no reason to stop the house: `run` goes on trying."""
        _ = self._devices.desk  # raises here rather than at the first message
        for link in (self._live, self._events):
            try:
                await link.connect()
            except LinkDown as error:
                log.warning("mqtt link %s: %s; trying again until it works", link.name, error)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (self._live, self._events, self._lanes, self._event_lanes):
                group.create_task(part.run())

    async def stop(self) -> None:
        if self._live.connected:
            try:
                await self._live.publish(self._topics.edge_state, OFFLINE, retain=True)
            except LinkDown as error:
                log.info("mqtt link %s went before we could say goodbye: %s", LIVE, error)
        await self._live.close()
        await self._events.close()

    # --- DevicePlane ------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether devices can be heard and told anything now."""
        return self._live.connected and self._events.connected

    def counters(self) -> Mapping[str, int]:
        """What went wrong since the start, by name: bad messages `refused_<kind>_<problem>`, overload, failures."""
        refused = self._devices.refusals.counts.items()
        return {**self._devices.counts, **{f"refused_{kind}_{problem}": n for (kind, problem), n in refused}}

    def troublesome(self) -> Mapping[Mac, int]:
        """Devices that sent bad messages, or more than can be dealt with, and how many since the start."""
        return dict(self._devices.refusals.by_device)

    def restless(self) -> Mapping[Mac, float]:
        """Devices that log in again and again, and in how many seconds they last did so `OFTEN` times."""
        return self._devices.comings.restless(self._clock.monotonic())

    def online(self, device: Mac) -> bool:
        return self._live.connected and self._devices.presence.online(device)

    async def decision(self, device: Mac, answer: bytes) -> None:
        """An answer that cannot be sent is dropped and counted: it is stored, and the device asks again."""
        try:
            await self._live.publish(self._topics.down(device, DECISION), answer)
        except LinkDown as error:
            self._devices.counts["decisions_lost"] += 1
            log.warning("decision for %s not sent: %s", device, error)

    async def open(self, device: Mac, decision: AccessDecision, ack_within_s: float = 3.0) -> OpenResult:
        if not decision.granted:
            raise ValueError(f"a denial ({decision.reason.value}) cannot be sent as an opening")
        return await self._command(
            device, OPEN, lambda identity, until_ms: render_open(decision, identity, until_ms), ack_within_s
        )

    async def command(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> OpenResult:
        if verb not in VERBS:
            raise ValueError(f"{verb!r} is no command: {', '.join(sorted(VERBS))}")
        return await self._command(
            device, verb, lambda identity, until_ms: render_command(identity, until_ms, fields), ack_within_s
        )

    async def publish_event(self, event: Mapping[str, object]) -> None:
        """Dropped and counted while the broker is away: integrators are told what happens, not what happened."""
        try:
            await self._live.publish(self._topics.edge_event, render(event))
        except LinkDown:
            self._devices.counts["integrator_events_lost"] += 1

    async def ask(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> Ack | OpenResult:
        """As `command`, with the ack itself where there is one."""
        return await self._ask(
            device, verb, lambda identity, until_ms: render_command(identity, until_ms, fields), ack_within_s
        )

    async def _command(
        self, device: Mac, verb: str, body: Callable[[str, int], bytes], ack_within_s: float
    ) -> OpenResult:
        ack = await self._ask(device, verb, body, ack_within_s)
        if isinstance(ack, OpenResult):
            return ack
        return OpenResult.OPENED if ack.ok else OpenResult.REFUSED

    async def _ask(
        self, device: Mac, verb: str, body: Callable[[str, int], bytes], ack_within_s: float
    ) -> Ack | OpenResult:
        now_s = self._clock.monotonic()
        if not self._live.connected or not self._devices.presence.reachable(device, now_s):
            return OpenResult.OFFLINE
        if self._waiting.full:
            self._devices.counts["commands_dropped"] += 1
            return OpenResult.OFFLINE
        identity, sent = self._waiting.add(device, now_s)
        # The device judges by its own clock (decision 4).
        until_ms = self._clock.now_ms() + self._devices.clocks.offset_ms(device) + round(1000 * ack_within_s)
        try:
            async with asyncio.timeout(ack_within_s):
                await self._live.publish(self._topics.down(device, verb), body(identity, until_ms))
                return await sent.answer
        except (TimeoutError, LinkDown):
            return OpenResult.NO_ACK
        finally:
            self._waiting.drop(identity)

    # --- accounts ---------------------------------------------------------------------------------------------------

    async def accounts_changed(self) -> None:
        """Devices or logins were added, removed or got another password: in force at the broker when this returns.

        A removed device loses its login, its link and its retained topics.
        """
        now = self._with_account()
        removed = self._devices.known - now
        self._devices.known = now
        await self._broker.refresh()
        for device in removed:
            self._devices.forget(device)
            self._live_ingest.forget(device)
            self.configs.forget(device)
        self._unswept |= removed
        self._unswept -= now
        await self._sweep()

    def _with_account(self) -> frozenset[Mac]:
        return frozenset(Mac(a.user) for a in self._accounts.mqtt_accounts() if a.role is Role.DEVICE)

    async def _sweep(self) -> None:
        """Read what removed devices left retained; `_on_live` clears it as it comes. After an outage: again."""
        for device in list(self._unswept):
            everything = self._topics.all_of(device)
            try:
                await self._live.subscribe([(everything, 0)])
                await self._round_trip()
                await self._live.unsubscribe(everything)
            except LinkDown as error:
                log.info("retained topics of %s are cleared when the broker is back: %s", device, error)
                return
            self._unswept.discard(device)

    async def _round_trip(self) -> None:
        """Wait until the broker has told us all it had before now. Raises LinkDown."""
        there_and_back = asyncio.Event()
        await self._send_marker(self._live, there_and_back.set)
        try:
            async with asyncio.timeout(5.0):
                await there_and_back.wait()
        except TimeoutError:
            raise LinkDown("our own marker does not come back") from None

    # --- links ------------------------------------------------------------------------------------------------------

    async def _prepare_live(self) -> None:
        self._devices.presence.doubt()
        self.configs.doubt()
        self._echoes[LIVE].clear()
        wanted = [(self._topics.every(kind), 1) for kind in (Up.STATE, Up.HELLO, Up.ATTEMPT, Up.ACK)]
        await self._live.subscribe([*wanted, (self._topics.every_config, 0), (self._topics.marker(LIVE), 1)])
        await self._live.publish(self._topics.edge_state, ONLINE, retain=True)
        await self._send_marker(self._live, self._all_told)
        await self._sweep()

    def _all_told(self) -> None:
        self._live_ingest.settle()
        self.configs.settle()

    async def _prepare_events(self) -> None:
        self._echoes[EVENTS].clear()
        self._event_ingest.connected(self._events.session)
        # States at QoS 0: fresh ones only, and never behind the events that follow them.
        wanted = [(self._topics.every(Up.EVENT), 1), (self._topics.every(Up.STATE), 0)]
        await self._events.subscribe([*wanted, (self._topics.marker(EVENTS), 1)])
        await self._send_marker(self._events, self._event_ingest.caught_up)

    async def _send_marker(self, link: Link, returned: Callable[[], None]) -> None:
        token = secrets.token_hex(8).encode()
        self._echoes[link.name][token] = returned
        await link.publish(self._topics.marker(link.name), token)

    def _on_live(self, message: Received) -> None:
        self._dispatch(self._live, message, self._live_ingest.receive)

    def _on_event(self, message: Received) -> None:
        self._dispatch(self._events, message, self._event_ingest.receive)

    def _dispatch(self, link: Link, message: Received, receive: Callable[[Mac, Up, Received], None]) -> None:
        try:
            sender = self._topics.from_device(message.topic)
            if not message.payload and message.topic in self._cleared:
                link.ack(message)  # our own clearing comes back
            elif sender is not None:
                receive(*sender, message)
            elif message.topic == self._topics.marker(link.name):
                link.ack(message)
                returned = self._echoes[link.name].pop(message.payload, None)
                if returned is not None:
                    returned()
            elif (device := self._topics.config_for(message.topic)) is not None and device not in self._unswept:
                self.configs.heard(device, message, device in self._devices.known)
            elif message.retain and message.payload:
                self._clear_foreign(message.topic)
        except Exception:  # a message's entry point: our own mistake about one message must not cost the link
            self._devices.counts["plane_failures"] += 1
            log.exception("a message on %s could not be dealt with", message.topic)

    def _clear_foreign(self, topic: str) -> None:
        """A retained message that `_sweep` brought up."""
        device = Mac(topic.removeprefix(f"{self._topics.root}/").partition("/")[0])
        if device in self._unswept:
            self._clear_later(device, topic)

    def _clear_later(self, device: Mac, topic: str) -> None:
        self._lanes.offer(device, lambda: self._clear(topic), always=True)

    async def _clear(self, topic: str) -> None:
        if len(self._cleared) < MAX_CLEARED:
            self._cleared.add(topic)
        try:
            await self._live.publish(topic, b"", retain=True)
        except LinkDown as error:
            log.info("%s stays retained until the broker is back: %s", topic, error)
