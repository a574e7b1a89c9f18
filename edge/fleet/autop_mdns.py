"""mDNS: the HTTP server is advertised on one network, so that devices and installers find it by its name."""

import logging
import re
import socket
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from zeroconf import Error, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

TYPES: Final = {"http": "_http._tcp.local.", "https": "_https._tcp.local."}
_HOST: Final = "intercom-edge.local."
_NAME_CHARS: Final = 40

log = logging.getLogger(__name__)


def service(community: str, files: str, address: str) -> ServiceInfo:
    """The advertisement of *files*, our provisioning URL, at *address*. There is nothing secret in it."""
    url = urlsplit(files)
    kind = TYPES[url.scheme]
    name = re.sub(r"[^\w -]", " ", community)[:_NAME_CHARS].strip() or "edge"
    port = url.port or (443 if url.scheme == "https" else 80)
    return ServiceInfo(
        kind,
        f"intercom-edge {name}.{kind}",
        port=port,
        addresses=[socket.inet_aton(address)],
        properties={"path": url.path, "provision": files},
        server=_HOST,
    )


class Advertisement:
    """While the daemon runs. *files*: our provisioning URL, known once the HTTP server has started."""

    name = "mDNS"

    def __init__(self, address: str, community: Callable[[], str], files: Callable[[], str]) -> None:
        self._address, self._community, self._files = address, community, files
        self._zeroconf: AsyncZeroconf | None = None

    async def start(self) -> None:
        """Returns after the second in which others may object to its name. Raises OSError where it can't be."""
        info = service(self._community(), self._files(), self._address)
        self._zeroconf = AsyncZeroconf(interfaces=[self._address], ip_version=IPVersion.V4Only)
        # Another edge of this name gets a number behind it.
        try:
            await self._zeroconf.async_register_service(info, allow_name_change=True)
        except Error as error:
            raise OSError(f"not advertised: {type(error).__name__}") from error
        log.info("advertised by mDNS at %s: %s", self._address, info.name)

    async def run(self) -> None:
        """Answered by zeroconf's own tasks."""

    async def stop(self) -> None:
        if self._zeroconf is not None:
            await self._zeroconf.async_close()
            self._zeroconf = None
