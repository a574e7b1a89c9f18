"""Panels that are spoken to over HTTP, as the house takes them in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from edge.component import Component
from edge.core.ports import Clock, DeviceDesk
from edge.core.tags import Tagger
from edge.fleet.events_hooks import Hooks
from edge.fleet.events_inbox import Inbox
from edge.fleet.events_log import LogReader
from edge.fleet.events_poll import LongPolls
from edge.fleet.events_syslog import SyslogEar
from edge.fleet.files import Where
from edge.fleet.push_desk import PushDesk
from edge.fleet.push_holders import PanelHolders
from edge.fleet.push_keeper import PanelKeeper
from edge.fleet.push_known import KnownHolders
from edge.fleet.push_panels import Panels, Passwords
from edge.fleet.push_plane import MqttRoad, TwoRoads
from edge.store.engine import Store
from edge.store.secrets import Vault
from edge.store.writer import Writer
from edge.world import LiveWorld
from models.ids import Mac
from models.log import LogEntry
from mqtt.payloads import Ack
from provisioning.push_settings import DevicesSettings

Keep = Callable[[LogEntry], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Roads:
    """The two roads to devices, made before those who use them."""

    panels: Panels
    plane: TwoRoads


def make_roads(
    world: LiveWorld, clock: Clock, passwords: Passwords, store: Store, writer: Writer, vault: Vault, mqtt: MqttRoad
) -> Roads:
    panels = Panels(world, passwords, store, writer)
    known = KnownHolders(world, clock, store, vault)
    holders = PanelHolders(lambda panel: known.of(panel.mac))
    return Roads(panels, TwoRoads(mqtt, panels, holders, world, clock))


@dataclass(frozen=True, slots=True)
class PanelParts:
    """Start the components after those that hear of devices."""

    components: Sequence[Component]
    desk: PushDesk
    hooks: Hooks


def make_panels(
    roads: Roads,
    settings: DevicesSettings,
    listen: Sequence[str],
    world: LiveWorld,
    clock: Clock,
    passwords: Passwords,
    store: Store,
    vault: Vault,
    tagger: Tagger,
    desk: DeviceDesk,
    confirmed: Callable[[Mac, Ack], None],
    where: Callable[[], Where],
    keep: Keep,
) -> PanelParts:
    """*desk* hears what panels say; *listen*: addresses of our HTTP server, on which syslog is heard too."""
    inbox = Inbox(world, clock, desk, tagger)
    reader = LogReader(world, clock, roads.panels, inbox)
    keeper = PanelKeeper(
        world, clock, store, vault, roads.panels, where, desk, confirmed, reader, settings.poll_every_s
    )
    roads.plane.acted = keeper.soon

    def nudge(mac: Mac) -> None:
        panel = roads.panels.of(mac)
        if panel is not None:
            keeper.soon(panel)

    inbox.nudge = nudge
    world.listeners.append(keeper.changed)
    hooks = Hooks(world, clock, passwords, roads.panels, inbox, keep)
    components: list[Component] = [inbox, keeper, LongPolls(clock, roads.panels, inbox)]
    if settings.syslog_port:
        components.append(SyslogEar(listen, settings.syslog_port, clock, roads.panels, inbox, hooks.stranger))
    return PanelParts(components, PushDesk(world, clock, store, roads.panels, keeper, keep), hooks)
