"""Reports that devices make by asking an address of ours: whose they are, and who is a stranger.

A stranger's report is not believed. It leaves a line in the journal now and then, so that a panel that nobody added, or
one that was moved, is seen (`edge device unknown`).
"""

import ipaddress
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from edge.core.ports import Clock, World
from edge.fleet.events_inbox import Inbox
from edge.fleet.events_merge import HOOK
from edge.fleet.events_token import is_hook_token, mac_of
from edge.fleet.limits import Allowance
from edge.fleet.push_panels import Panels, Passwords
from models.device import Device
from models.ids import Mac, new_id
from models.log import LogEntry, LogKind
from provisioning.api import HearsHooks
from provisioning.registry import DRIVERS

MAX_REPORTS_A_MINUTE: Final = 240  # of one device
MAX_STRANGERS_A_MINUTE: Final = 30  # lines in the journal
STRANGER_AGAIN_AFTER_MINUTES: Final = 10

log = logging.getLogger(__name__)


class Hooks:
    """Implements `edge.http.hooks.Reports`. *keep* commits a row of the journal."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        passwords: Passwords,
        panels: Panels,
        inbox: Inbox,
        keep: Callable[[LogEntry], Awaitable[object]],
    ) -> None:
        self._world, self._clock, self._passwords = world, clock, passwords
        self._panels, self._inbox, self._keep = panels, inbox, keep
        self._reports = Allowance(MAX_REPORTS_A_MINUTE)
        self._lines = Allowance(MAX_STRANGERS_A_MINUTE)
        self._told = Allowance(1, minutes=STRANGER_AGAIN_AFTER_MINUTES)

    async def report(self, vendor: str, token: str, query: Mapping[str, str], body: bytes, address: str) -> int:
        """The HTTP status of the answer. *query* has nothing secret any more. Raises StoreError: not kept, again."""
        mac = mac_of(token)
        device = None if mac is None else self._world.snapshot.by_mac.get(mac)
        own = None if device is None else self._passwords.device_password(device.mac)
        right = is_hook_token(token, mac or Mac(""), own)
        if device is None or not right or not device.enabled:
            claimed = mac or Mac(query.get("mac", "").lower().replace(":", "")[:12])
            await self.stranger(address, claimed, "its address has not the token of a device")
            return 401
        if not self._is_at_home(device, address):
            await self.stranger(address, device.mac, "the token is that of a device at another address")
            return 401
        if not self._reports.take(device.id, self._clock.now_ms()):
            return 429
        api: object = DRIVERS[vendor].api if vendor in DRIVERS else None
        if not isinstance(api, HearsHooks):
            return 404
        try:
            sightings = api.heard(query, body)
        except ValueError:
            return 400
        for sighting in sightings:
            await self._inbox.report(device.mac, sighting, HOOK)
        return 200

    def _is_at_home(self, device: Device, address: str) -> bool:
        """From where it is spoken to. One whose address is not known may report from anywhere."""
        panel = self._panels.of(device.mac)
        host = None if panel is None else urlsplit(panel.wire.base).hostname
        return host is None or _same(host, address)

    async def stranger(self, address: str, mac: str, why: str) -> None:
        """Somebody at *address* says that it is *mac*. A line now and then."""
        now_ms = self._clock.now_ms()
        if not self._told.take(f"{address} {mac}", now_ms) or not self._lines.take("", now_ms):
            return
        log.warning("%s reported as %s and was not believed: %s", address, mac or "nobody", why)
        known = self._world.snapshot.by_mac.get(Mac(mac))
        detail: dict[str, object] = {"type": "unknown_panel", "address": address, "why": why, "mac": mac}
        identity = known.id if known else None
        await self._keep(LogEntry(LogKind.DEVICE, now_ms, new_id("o"), device=identity, detail=detail))


def _same(host: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(address.removeprefix("::ffff:"))
    except ValueError:
        return False  # a name: whose address it is would have to be asked
