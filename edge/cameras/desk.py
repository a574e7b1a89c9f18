"""Who looks at which camera: a reader runs while somebody does, and a look ends when the right to it does."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from edge.cameras.reading import Reading
from edge.cameras.stored import Camera
from edge.http.whep import Refusal
from edge.store.errors import StoreError
from edge.store.secrets import SecretsError
from models.ids import DeviceId
from sip.media.webrtc import NotUsable
from sip.media.webrtc_hub import NoPorts
from sip.media.webrtc_pool import RemoteHub

RUNNING_MAX: Final = 8  # cameras that are read at a time
LOOKS_OF_A_SESSION_MAX: Final = 4
LINGER_S: Final = 5.0  # a page that is loaded anew finds the picture still there
LOOK_EVERY_S: Final = 0.5

log = logging.getLogger(__name__)

MaySee = Callable[[str, DeviceId], bool]
"""Whether the app of a session may see what is beside this door, now."""

MakeHub = Callable[[bytes, Callable[[], None], Callable[[str], None]], RemoteHub]
"""As of `sip.media.webrtc_pool.HubPool.hub`."""


@dataclass
class _Running:
    """A camera that is read, and who looks at it: sessions by look."""

    camera: Camera
    reading: Reading
    hub: RemoteHub
    looks: dict[str, str] = field(default_factory=dict)
    idle_since: float | None = None


class CameraDesk:
    """A `Component`; implements `edge.http.whep.Looks`."""

    name = "cameras"

    def __init__(
        self,
        load: Callable[[], Mapping[str, Camera]],
        make_hub: MakeHub,
        may_see: MaySee,
        read: Callable[[Camera], Reading] = Reading,
    ) -> None:
        """*load* reads the store, in a thread."""
        self._load, self._make_hub, self._may_see, self._read = load, make_hub, may_see, read
        self._cameras: Mapping[str, Camera] = {}
        self._running: dict[str, _Running] = {}
        self._stale = True
        self._failing = False

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self._reload()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._stale:
                await self._reload()
            await self._tidy()

    async def stop(self) -> None:
        for running in list(self._running.values()):
            await self._end(running)

    def world_changed(self) -> None:
        """Something in the store is another."""
        self._stale = True

    # --- looking ----------------------------------------------------------------------------------------------------

    def listed(self, session: str) -> list[dict[str, str]]:
        """The cameras that *session* may see now, with the MAC of their door. No address, no login."""
        seen = [camera for camera in self._cameras.values() if self._may_see(session, camera.door)]
        return [{"id": camera.id, "name": camera.name, "door": camera.mac} for camera in seen]

    async def look(self, session: str, camera: str, offer: str) -> tuple[str, str]:
        """A new look's id, and the answer to *offer*. Raises Refusal."""
        known = self._cameras.get(camera)
        if known is None or not self._may_see(session, known.door):
            raise Refusal(404, "there is no such camera")  # the same for one that is others'
        if sum(who == session for each in self._running.values() for who in each.looks.values()) >= (
            LOOKS_OF_A_SESSION_MAX
        ):
            raise Refusal(429, "too many looks at a time")
        running = self._running.get(camera) or self._begin(known)
        look = secrets.token_urlsafe(16)
        running.looks[look], running.idle_since = session, None
        try:
            return look, await running.hub.connect(look, offer)
        except NotUsable as error:
            running.looks.pop(look, None)
            raise Refusal(400, "the offer cannot be used") from error

    async def leave(self, session: str, look: str) -> bool:
        """Whether there was such a look of *session*; it is over now."""
        for running in self._running.values():
            if running.looks.get(look) == session:
                del running.looks[look]
                await running.hub.disconnect(look)
                return True
        return False

    # --- inside -----------------------------------------------------------------------------------------------------

    def _begin(self, camera: Camera) -> _Running:
        if len(self._running) >= RUNNING_MAX:
            raise Refusal(503, "too many cameras are looked at")
        reading = self._read(camera)
        try:
            hub = self._make_hub(reading.offer, lambda: None, lambda look: self._gone(camera.id, look))
        except (NoPorts, OSError) as error:
            raise Refusal(503, "no ports are free") from error
        hub.stop_tone()
        reading.begin(hub.picture_port)
        running = self._running[camera.id] = _Running(camera, reading, hub)
        return running

    def _gone(self, camera: str, look: str) -> None:
        """Its connection broke."""
        running = self._running.get(camera)
        if running is not None:
            running.looks.pop(look, None)

    async def _reload(self) -> None:
        self._stale = False
        try:
            self._cameras = await asyncio.to_thread(self._load)
        except (StoreError, SecretsError) as error:
            self._stale = True
            if not self._failing:
                log.warning("cameras cannot be read, the last known ones hold: %s", error)
            self._failing = True
        else:
            self._failing = False

    async def _tidy(self) -> None:
        """End looks that are no longer allowed, and readers that nobody needs."""
        now = asyncio.get_running_loop().time()
        for running in list(self._running.values()):
            if self._cameras.get(running.camera.id) != running.camera:
                await self._end(running)
                continue
            for look, session in list(running.looks.items()):
                if not self._may_see(session, running.camera.door):
                    await self.leave(session, look)
            if running.looks:
                running.idle_since = None
            elif running.idle_since is None:
                running.idle_since = now
            elif now - running.idle_since >= LINGER_S:
                await self._end(running)

    async def _end(self, running: _Running) -> None:
        self._running.pop(running.camera.id, None)
        await running.reading.stop()
        await running.hub.close()
