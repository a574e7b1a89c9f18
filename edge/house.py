"""Building the daemon: who is made of what, and in which order it starts (the order is the dependency order)."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.accounts import Accounts
from edge.admin.certificates import CA_FILE
from edge.admin.edit import Admin
from edge.admin.firmware import FOLDER as FIRMWARE_FOLDER
from edge.admin.site import Site
from edge.announcements import load_recordings
from edge.bindings import StoredBindings
from edge.calls.desk import CallDesk, DeskPorts
from edge.calls.store import WriterCallStore
from edge.certificates import CertificateWatch, TlsContexts, load_contexts
from edge.clock import SystemClock
from edge.cloud.wiring import Syncing, make_sync
from edge.component import Component
from edge.config import DEFAULT_TRUNK, FILE_NAME, Config
from edge.core.call_events import Reach
from edge.core.ports import DevicePlane
from edge.core.tags import Tagger
from edge.daemon import DaemonFace, Parts
from edge.doors.desk import DoorDesk
from edge.doors.ledger import StoreLedger
from edge.doors.web_relay import WebRelaySettings
from edge.fan import EventFan
from edge.fleet.autop import AutoP
from edge.fleet.autop_wiring import announcers
from edge.fleet.files import FleetFiles, Where, base_url, reachable
from edge.fleet.maintenance import Maintenance
from edge.fleet.push_plane import BothPresences
from edge.fleet.push_wiring import PanelParts, Roads, make_panels, make_roads
from edge.fleet.tunnel import Tunnels
from edge.fleet.upgrades import UpgradeRunner
from edge.fleet.weather_watch import WeatherWatch
from edge.followers import CallsFollower, LoginsFollower, SipFollower
from edge.home_assistant import ACTOR, HomeAssistant
from edge.housekeeping import Chore, Housekeeping
from edge.http.api import make_app
from edge.http.server import HttpServer
from edge.ladders import ladder_json, ladder_pcap
from edge.logs import configure
from edge.panels.wiring import Keepers, attach_keepers
from edge.peppers import PepperFollower
from edge.reach import SipReach
from edge.reload import Reload
from edge.renewal import Renewal
from edge.retention import LongKept, Retention
from edge.runtime import Ending, LoopWatch
from edge.store import journal
from edge.store.engine import Store, open_store, site_url
from edge.store.lazy import LazyWriter
from edge.store.secrets import SiteSecrets
from edge.store.service import StoreService
from edge.store.writer import Writer
from edge.store_watch import StoreWatch
from edge.world import ChangeWatch, LiveWorld, load_world
from models.device import Device
from models.device_events import OpenResult
from models.ids import CallId, CommunityId, DeviceId
from models.log import LogEntry
from mqtt.broker.choose import make_broker
from mqtt.broker.external import ExternalBroker
from mqtt.broker.listeners import TlsFiles
from mqtt.broker.privacy import is_private
from mqtt.broker.supervisor import OwnBroker
from mqtt.home_assistant.bridge import HomeAssistantBridge
from mqtt.plane import MqttPlane
from mqtt.topics import Topics
from sip.b2bua import B2bua
from sip.b2bua_srtp import Srtp
from sip.media.choose import make_engine
from sip.media.relay import RtpRelay
from sip.media.rtpengine import Rtpengine
from sip.names import Names
from sip.service import SipService
from sip.settings import TrunkSettings
from sip.trunk import Trunk
from sip.trunks import Trunks

FLUSH_EVERY_S = 0.5  # no registration older than a second is lost by a kill (issue: bad input)
RETENTION_EVERY_S = RENEWAL_EVERY_S = 3600.0

if TYPE_CHECKING:
    from edge.portal.portal import Portal


@dataclass(frozen=True, slots=True)
class Base:
    """What everything else is built on."""

    site: Path
    config: Config
    clock: SystemClock
    secrets: SiteSecrets
    store: Store
    writer: Writer
    world: LiveWorld
    later: LazyWriter
    tls: TlsContexts


@dataclass(frozen=True, slots=True)
class House:
    """A daemon that is built and not yet started."""

    community: CommunityId
    store: Store
    components: Sequence[Component]
    sip: SipService
    plane: MqttPlane
    broker: OwnBroker | ExternalBroker
    http: HttpServer | None
    config: Config
    certificates: CertificateWatch
    settings: Reload

    def addresses(self) -> dict[str, object]:
        """Where people and devices reach the daemon, once it has started (decision 36)."""
        listening = self.sip.listening
        settings = self.config.http
        http = {} if self.http is None else {"host": settings.listen[0], "port": self.http.port, "tls": settings.tls}
        return {
            "sip": {"udp": list(listening.udp), "tcp": list(listening.tcp), "tls": list(listening.tls)},
            "mqtt": mqtt_address(self.broker),
            "http": http,
        }

    def where(self) -> Where:
        """Where devices reach us, as they are told in their files. A box that listens to any address tells its own."""
        host, _, port = self.sip.listening.udp[0].rpartition(":")
        url = base_url(self.config.http, self.http.port if self.http is not None else 0)
        tls = int(self.sip.listening.tls[0].rpartition(":")[2]) if self.sip.listening.tls else 0
        syslog_port = self.config.devices.syslog_port
        syslog = f"{reachable(self.config.http.listen[0])}:{syslog_port}" if syslog_port else ""
        ntp = self.config.devices.ntp_server
        return Where(reachable(host.strip("[]")), int(port), f"{url}/provision/", tls, ntp, syslog)

    def reload(self) -> None:
        """SIGHUP."""
        self.settings.reload()
        self.certificates.reload()


def mqtt_address(broker: OwnBroker | ExternalBroker) -> dict[str, object]:
    """Host and port for devices."""
    endpoint, _ = broker.dial("live")
    tls_port = broker.listeners.tls_port if isinstance(broker, OwnBroker) else None
    return {"host": endpoint.host, "port": endpoint.port, "tls": endpoint.tls is not None, "tls_port": tls_port}


def build(site: Path, config: Config, ending: Ending) -> House:
    """Everything made and joined; nothing started, no address taken. Blocks while the store is opened and read.

    Raises StoreError, SecretsError, OSError and ValueError where something configured cannot be used.
    """
    base = _base(site, config)
    accounts = Accounts(base.world, base.store, base.secrets.vault, base.later)
    sip = _sip(base, accounts)
    home = _home_assistant(base)
    broker, plane = _device_plane(base, accounts, home)
    fan = EventFan(plane.publish_event)
    tagger = Tagger(base.secrets.pepper, base.world.snapshot.community.id)
    peppers = PepperFollower(base.secrets, base.store, tagger)
    roads = make_roads(base.world, base.clock, accounts, base.store, base.writer, base.secrets.vault, mqtt=plane)
    doors = _doors(base, roads.plane, fan, tagger)
    keepers = attach_keepers(
        plane, BothPresences(doors, roads.panels), base.world, base.clock, base.store, base.writer, base.later,
        base.secrets.vault, private=is_private(broker), speaker=roads.plane,
    )  # fmt: skip
    portal = _portal(base, roads.plane, doors)
    phones = _telephony(base, sip, doors, fan, portal)
    watch = ChangeWatch(base.world, base.store, base.secrets.vault)
    base.world.listeners.append(lambda change: doors.world_changed(change.before, change.after))
    loop_watch = LoopWatch()
    certificates = CertificateWatch(config.tls, site, base.tls)
    store_watch = StoreWatch(base.store, base.writer, base.clock)
    logins = LoginsFollower(plane.accounts_changed)
    base.world.listeners += [
        peppers.changed,
        SipFollower(sip).changed,
        logins.changed,
        CallsFollower(phones.desk, phones.calls).changed,
    ]
    bridge = _bridge(base, home, broker, plane, doors, fan) if home is not None else None
    parts = Parts(
        base.world,
        watch,
        base.writer,
        plane,
        doors,
        sip,
        loop_watch,
        calls_in_progress=lambda: len(phones.desk.in_progress()),
        addresses=lambda: house.addresses(),
        ladder=lambda call: ladder_json(phones.calls.ladder(CallId(call)), phones.calls.course(CallId(call))),
        disk=store_watch.health,
        broker=broker,
        home=bridge,
        capture=lambda call: ladder_pcap(phones.calls.ladder(CallId(call))),
        site=site,
        ending=ending,
        maintenance=Maintenance(base.world, base.clock, roads.plane, partial(_keep, base)),
        live_apps=lambda: portal.live() if portal is not None else {},
    )
    if portal is not None:
        portal.attach_devices(parts.maintenance.order)
        fan.add(portal.hear)
    sync = make_sync(base.site, config.central, base.store, base.secrets, base.writer, base.clock)
    base.world.listeners.append(lambda _: sync.component.changed())
    keep = partial(_keep, base)
    files = FleetFiles(site / FIRMWARE_FOLDER, base.world, base.clock, accounts, keep)
    autop = AutoP(
        base.world, base.clock, base.store, base.writer, base.secrets.vault, accounts, lambda: house.where(),
        partial(_keep_fetch, base, roads),
    )  # fmt: skip
    panels = make_panels(
        roads, config.devices, config.http.listen, base.world, base.clock, accounts, base.store, base.secrets.vault,
        tagger, keepers.desk, keepers.configs.acked, lambda: house.where(), keep,
    )  # fmt: skip
    tunnels = _tunnels(base, sip, keep)
    http, local = _http(base, DaemonFace(parts, base.clock.now_ms), sync, files, autop, portal, panels, tunnels)
    retention, long_kept = Retention(config.retention, base.writer, base.clock), _long_kept(base)
    upgrades = UpgradeRunner(
        base.world,
        base.clock,
        base.store,
        base.writer,
        roads.plane,
        phones.desk.in_call,
        lambda name: f"{house.where().files}firmware/{name}",
    )
    components: list[Component] = [
        StoreService(base.writer, base.later),
        store_watch,
        peppers,
        loop_watch,
        broker,
        doors,
        plane,
        logins,
        *keepers.components,
        phones.media,
        phones.desk,
        sip,
        certificates,
        *phones.trunks,
        phones.calls,
        *([portal] if portal is not None else []),
        *([http] if http is not None else []),
        *panels.components,
        *announcers(config.autop, base.world, autop, lambda: house.where()),
        local,
        watch,
        sync.component,
        upgrades,
        tunnels,
        *_weather(base, keepers),
        _housekeeping(base, retention, long_kept),
        *([bridge] if bridge is not None else []),
    ]
    community = base.world.snapshot.community.id
    settings = Reload(site / FILE_NAME, config, partial(_take_settings, sip, phones, retention, long_kept))
    house = House(community, base.store, components, sip, plane, broker, http, config, certificates, settings)
    return house


def _keep(base: Base, row: LogEntry) -> Awaitable[int]:
    """Commit a row of the journal."""
    return base.writer.write(partial(journal.append, entry=row, community=base.world.snapshot.community.id))


async def _keep_fetch(base: Base, roads: Roads, row: LogEntry) -> int:
    """Commit a row of a fetch. Who fetched proved itself by a token or its login, so it is known where it is."""
    address, device = row.detail.get("address"), base.world.snapshot.devices.get(row.device or DeviceId(""))
    if device is not None and row.detail.get("type") == "fetch" and isinstance(address, str) and address:
        await roads.panels.seen_at(device, address)
    return await _keep(base, row)


def _sip(base: Base, accounts: Accounts) -> SipService:
    return SipService(
        base.config.sip,
        base.world.snapshot.community.id,
        accounts,
        StoredBindings(base.store, base.later),
        base.clock,
        tls=base.tls.server,
        client_tls=base.tls.client,
    )


def _doors(base: Base, plane: DevicePlane, fan: EventFan, tagger: Tagger) -> DoorDesk:
    community = base.world.snapshot.community.id
    return DoorDesk(
        base.world,
        base.clock,
        plane,
        StoreLedger(base.store, base.writer, community),
        tagger,
        tell=fan.tell,
        web_relay=_web_relay(base),
        commit_within_s=base.config.access.commit_ms / 1000,
    )


def _web_relay(base: Base) -> WebRelaySettings | None:
    """Raises ValueError for a login that is none."""
    url = base.config.access.web_relay_url
    if not url:
        return None
    login = base.secrets.text("web_relay_login")
    if login is not None and ":" not in login:
        raise ValueError("secrets/web_relay_login must hold user:password")
    return WebRelaySettings(url, login)


@dataclass(frozen=True, slots=True)
class Telephony:
    """What carries calls above the SIP endpoint."""

    desk: CallDesk
    media: RtpRelay | Rtpengine
    trunks: Sequence[Trunk]
    calls: B2bua


def _portal(base: Base, plane: DevicePlane, doors: DoorDesk) -> "Portal | None":
    """None where the app is off: then nothing of WebRTC is loaded. Raises ValueError."""
    if not base.config.app.public_url:
        return None
    from edge.portal.wiring import make_portal

    return make_portal(
        base.site, base.config, base.world, base.clock, base.store, base.secrets, plane.online, doors.open_by_app
    )


def _telephony(base: Base, sip: SipService, doors: DoorDesk, fan: EventFan, portal: "Portal | None") -> Telephony:
    config = base.config
    trunks = [_trunk(base, sip, name, settings) for name, settings in config.trunks.items()]
    by_number = Trunks(trunks)
    reach: Reach = SipReach(sip.registrar, base.clock, by_number.reachable)
    if portal is not None:
        reach = portal.reach(reach)
    ports = DeskPorts(base.world, base.clock, reach, WriterCallStore(base.writer), doors.open_in_call, fan.tell)
    desk = CallDesk(ports, config.calls, trunk=bool(trunks))
    media = make_engine(config.media)
    realm = base.world.snapshot.community.id
    recordings = load_recordings(config, base.world.snapshot.community.country, base.site)
    calls = B2bua(
        sip.endpoint,
        sip.registrar,
        desk,
        media,
        config.calls,
        realm=realm,
        trunks=by_number,
        recordings=recordings,
        end_on_silence=config.media.on_silence == "end",
        srtp=Srtp(config.media.srtp),
        apps=portal,
    )
    if portal is not None:
        portal.attach(calls, desk)
        base.world.listeners.append(lambda change: portal.world_changed(accounts_too=change.accounts_too))
    return Telephony(desk, media, trunks, calls)


def _trunk(base: Base, sip: SipService, name: str, settings: TrunkSettings) -> Trunk:
    """Raises ValueError where a trunk with an account has no password."""
    secret = "trunk_password" if name == DEFAULT_TRUNK else f"trunk_{name}_password"
    password = base.secrets.text(secret)
    if settings.user and not password:
        raise ValueError(f"{name}: user is set, but there is no secrets/{secret}")
    resolver = Names(base.config.sip.dns_servers)
    return Trunk(settings, password or "", sip.endpoint, name=name, resolver=resolver)


def _base(site: Path, config: Config) -> Base:
    site_secrets = SiteSecrets.load(site)
    tls = load_contexts(config.tls, site)
    store = open_store(site_url(config.store.url, site))
    writer = Writer(store, max_queued=config.store.max_queued_writes)
    world = load_world(store, site_secrets.vault)
    return Base(site, config, SystemClock(), site_secrets, store, writer, world, LazyWriter(writer), tls)


def _device_plane(
    base: Base, accounts: Accounts, home: HomeAssistant | None
) -> tuple[OwnBroker | ExternalBroker, MqttPlane]:
    config, site = base.config, base.site
    topics = _topics(base)
    tls = TlsFiles(site / config.tls.certificate, site / config.tls.key) if config.tls.certificate else None
    broker = make_broker(
        config.mqtt,
        topics,
        accounts if home is None else home.logins(accounts),
        folder=site / "run" / "broker",
        login_file=site / "secrets" / "mqtt_password",
        tls=tls,
        ca_file=site / config.tls.ca if config.tls.ca else None,
    )
    return broker, MqttPlane(topics, broker, accounts, base.clock, accounts)


def _topics(base: Base) -> Topics:
    return Topics(base.config.mqtt.prefix, base.world.snapshot.community.id)


def _home_assistant(base: Base) -> HomeAssistant | None:
    settings = base.config.home_assistant
    return HomeAssistant(settings, _topics(base), base.site, base.secrets) if settings.discovery else None


def _bridge(
    base: Base,
    home: HomeAssistant,
    broker: OwnBroker | ExternalBroker,
    plane: MqttPlane,
    doors: DoorDesk,
    fan: EventFan,
) -> HomeAssistantBridge:
    async def open_door(door: DeviceId, relay: str) -> OpenResult | None:
        return (await doors.open_remote(door, relay, ACTOR)).result

    bridge = home.bridge(broker, base.world, base.clock, plane.online, open_door)
    fan.add(bridge.hear)
    base.world.listeners.append(lambda change: bridge.world_changed(change.before, change.after))
    return bridge


def _weather(base: Base, keepers: Keepers) -> list[Component]:
    """For monitors, where a source is named."""
    settings = base.config.weather
    if not (settings.file or settings.url):
        return []
    watch = WeatherWatch(settings, base.site, base.clock, keepers.configs.weather_changed)
    keepers.configs.weather = watch.fields
    return [watch]


def _tunnels(
    base: Base,
    sip: SipService,
    keep: Callable[[LogEntry], Awaitable[object]],
) -> Tunnels:
    """Devices' web pages; none of them is one of our own addresses."""

    def registered(device: Device) -> str:
        bindings = sip.registrar.live(device.sip_user, base.clock.now_ms())
        return bindings[0].flow.remote.host if bindings else ""

    def ours() -> list[str]:
        config = base.config
        return [*config.sip.listen, *config.http.listen, *config.mqtt.listen]

    return Tunnels(base.world, base.clock, base.config.device_web, registered, ours, keep)


def _http(
    base: Base,
    face: DaemonFace,
    sync: Syncing,
    files: FleetFiles,
    autop: AutoP,
    portal: "Portal | None",
    panels: PanelParts,
    web: Tunnels,
) -> tuple[HttpServer | None, HttpServer]:
    """The TCP server, if it is wanted, and the one on the local socket."""
    local = HttpServer(
        make_app(face, None, sync.door, push=panels.desk, web=web),
        name="local api",
        uds=base.site / "run" / "edge.sock",
    )
    settings = base.config.http
    if not settings.enabled:
        return None, local
    token = base.secrets.text("api_token")
    if token is None:
        token = secrets.token_urlsafe(32)
        base.secrets.write_text("api_token", token)
    authority = base.site / CA_FILE
    app = make_app(
        face, token, sync.door, files, autop, portal, panels.desk, panels.hooks, web=web, authority=authority
    )
    tls = base.tls.server if settings.tls else None
    return HttpServer(app, name="http", listen=settings.listen, port=settings.port, tls=tls), local


def _long_kept(base: Base) -> LongKept:
    admin = Admin(base.store, base.secrets, "retention", base.clock.now_ms)
    return LongKept(base.config.retention, admin, base.site / "pictures", base.clock)


def _take_settings(
    sip: SipService, phones: Telephony, retention: Retention, long_kept: LongKept, config: Config
) -> None:
    """What `edge.reload.LIVE` promises."""
    configure(config.log)
    phones.desk.settings = phones.calls.settings = config.calls
    retention.settings = long_kept.settings = config.retention
    limits = config.sip
    sip.endpoint.gate.limit(limits.source_rate_per_s, limits.source_burst, limits.trusted_sources)


def _housekeeping(base: Base, retention: Retention, long_kept: LongKept) -> Housekeeping:
    renewal = Renewal(Site(base.site, base.config, base.store, base.secrets))
    return Housekeeping(
        [
            Chore("saving facts about devices", FLUSH_EVERY_S, base.later.flush),
            Chore("erasing what has had its time", RETENTION_EVERY_S, retention.erase),
            Chore("erasing what slept or was seen too long", RETENTION_EVERY_S, long_kept.erase),
            Chore("renewing the house's certificate", RENEWAL_EVERY_S, renewal.renew),
        ]
    )
