"""What tells devices on the network where their files are, as it is configured: nothing unless an address is named."""

from collections.abc import Callable

from edge.component import Component
from edge.core.ports import World
from edge.fleet.autop import AutoP
from edge.fleet.files import Where
from models.ids import Mac
from provisioning.settings import AutopSettings


def announcers(settings: AutopSettings, world: World, autop: AutoP, where: Callable[[], Where]) -> list[Component]:
    """To be started after the HTTP server. Their libraries are loaded only where they are wanted."""
    made: list[Component] = []
    if settings.pnp_address:
        from edge.fleet.pnp_socket import PnpResponder

        def is_ours(mac: Mac) -> bool:
            device = world.snapshot.by_mac.get(mac)
            return device is not None and device.enabled

        made.append(PnpResponder(settings.pnp_address, is_ours, lambda: where().files, autop.refused))
    if settings.mdns_address:
        from edge.fleet.autop_mdns import Advertisement

        made.append(Advertisement(settings.mdns_address, lambda: world.snapshot.community.name, lambda: where().files))
    return made
