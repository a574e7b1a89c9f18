"""What the device plane needs of a broker, whichever it is."""

from typing import Final, Protocol

from mqtt.client import Endpoint, Login

LIVE: Final = "live"
EVENTS: Final = "events"
"""The plane's two links; with `SERVICE_PREFIX` before them they are logins at our own broker."""


class Broker(Protocol):
    """A broker, ours or somebody else's. Also a `Component`: start it before the plane."""

    def dial(self, link: str) -> tuple[Endpoint, Login]:
        """Where to connect and as whom; *link* tells the daemon's own connections apart."""
        ...

    async def refresh(self) -> None:
        """The accounts changed: let the new ones in, throw the removed ones out."""
        ...
