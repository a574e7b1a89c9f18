"""The keepers of what devices know and hold, as the house takes them in."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.component import Component
from edge.core.ports import Clock, DeviceDesk
from edge.panels.arrivals import WithArrivals
from edge.panels.configs import ConfigKeeper
from edge.panels.credentials import CredentialKeeper
from edge.panels.pushing import PanelPusher, Speaker
from edge.store.engine import Store
from edge.store.lazy import LazyWriter
from edge.store.secrets import Vault
from edge.store.writer import Writer
from edge.world import LiveWorld
from mqtt.plane import MqttPlane


@dataclass(frozen=True, slots=True)
class Keepers:
    """Start the components after the device plane. *desk* hears what devices say, *configs* what they confirm."""

    components: Sequence[Component]
    desk: DeviceDesk
    configs: ConfigKeeper


def attach_keepers(
    plane: MqttPlane,
    desk: DeviceDesk,
    world: LiveWorld,
    clock: Clock,
    store: Store,
    writer: Writer,
    later: LazyWriter,
    vault: Vault,
    *,
    private: bool,
    speaker: Speaker | None = None,
) -> Keepers:
    """Have the plane report to *desk* and to the keepers, and have these follow the world.

    *speaker*: who tells panels their credentials, where that is not the plane alone.
    """
    configs = ConfigKeeper(world, clock, store, writer, later, plane.configs)
    pusher = PanelPusher(world, clock, store, writer, vault, speaker or plane, private=private)
    credentials = CredentialKeeper(world, clock, store, writer, pusher)
    arrivals = WithArrivals(desk, credentials.arrived)
    plane.attach(arrivals, configs.acked)
    world.listeners += [configs.changed, credentials.changed]
    return Keepers((configs, credentials), arrivals, configs)
