"""What tells devices on the network where their files are, as it is configured: nothing unless an address is named."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from edge.component import Component
from edge.core.ports import World
from edge.fleet.autop import AutoP
from edge.fleet.files import Where
from models.ids import Mac
from provisioning.settings import AutopSettings

RETRY_AFTER_S: Final = 60.0

log = logging.getLogger(__name__)


class Patient:
    """A `Component` that the house opens doors without: it starts when the house runs, and where its address is not
    ours (a lease that ended, a cable that is out) it tries again every minute."""

    def __init__(self, inner: Component) -> None:
        self.name = inner.name
        self._inner = inner

    async def start(self) -> None:
        """Nobody waits for it."""

    async def run(self) -> None:
        while True:
            try:
                await self._inner.start()
                break
            except OSError as error:
                log.error("%s does not work, and is tried again every minute: %s", self.name, error)
                await self._inner.stop()
            await asyncio.sleep(RETRY_AFTER_S)
        await self._inner.run()

    async def stop(self) -> None:
        await self._inner.stop()


def announcers(settings: AutopSettings, world: World, autop: AutoP, where: Callable[[], Where]) -> list[Component]:
    """To be started after the HTTP server. Their libraries are loaded only where they are wanted."""
    made: list[Component] = []
    if settings.pnp_address:
        from edge.fleet.pnp_socket import PnpResponder

        def is_ours(mac: Mac) -> bool:
            device = world.snapshot.by_mac.get(mac)
            return device is not None and device.enabled

        made.append(Patient(PnpResponder(settings.pnp_address, is_ours, lambda: where().files, autop.refused)))
    if settings.mdns_address:
        from edge.fleet.autop_mdns import Advertisement

        advertised = Advertisement(settings.mdns_address, lambda: world.snapshot.community.name, lambda: where().files)
        made.append(Patient(advertised))
    return made
