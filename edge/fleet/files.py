"""Files that devices fetch: whose login is right, where a file is, a line in the journal for each fetch."""

import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from edge.core.ports import Clock, World
from edge.http.settings import HttpSettings
from models.ids import Mac, new_id
from models.log import LogEntry, LogKind

_ELSEWHERE: Final = ("192.0.2.1", 9)  # RFC 5737; nothing is sent there


@dataclass(frozen=True, slots=True)
class Where:
    """Where devices find us. *files*: an URL with a slash at its end."""

    sip_host: str
    sip_port: int
    files: str
    sip_tls_port: int = 0  # 0 = SIP over TLS is not served
    ntp_server: str = ""  # "" = devices keep their own
    syslog_server: str = ""  # host or host:port; "" = they send none

    @property
    def hooks(self) -> str:
        """Below which devices report; a slash at its end."""
        return f"{self.files.removesuffix('provision/')}hooks/"


class Passwords(Protocol):
    def device_password(self, mac: Mac) -> str | None: ...


class FleetFiles:
    """Implements `edge.http.provision.DeviceFiles`. *folder*: the firmware library; *keep* commits a journal row."""

    def __init__(
        self,
        folder: Path,
        world: World,
        clock: Clock,
        passwords: Passwords,
        keep: Callable[[LogEntry], Awaitable[object]],
    ) -> None:
        self._folder, self._world, self._clock = folder, world, clock
        self._passwords, self._keep = passwords, keep

    def password(self, mac: str) -> str | None:
        device = self._world.snapshot.by_mac.get(Mac(mac))
        return None if device is None else self._passwords.device_password(device.mac)

    def firmware(self, name: str) -> Path | None:
        path = self._folder / name
        return path if path.is_file() else None

    async def fetched(self, mac: str, name: str) -> None:
        device = self._world.snapshot.by_mac.get(Mac(mac))
        detail: dict[str, object] = {"type": "fetch", "file": f"firmware/{name}"}
        row = LogEntry(
            LogKind.DEVICE, self._clock.now_ms(), new_id("o"), device=device.id if device else None, detail=detail
        )
        await self._keep(row)


def base_url(settings: HttpSettings, port: int) -> str:
    """Where devices reach our HTTP server: as configured, or by the first address it listens on."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = reachable(settings.listen[0])
    scheme = "https" if settings.tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def reachable(host: str) -> str:
    """*host*, or where it means *any address* the one that this box uses towards its network; loopback without one."""
    try:
        if not ipaddress.ip_address(host).is_unspecified:
            return host
    except ValueError:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
