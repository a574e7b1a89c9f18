"""The door desk's peppers follow those of the site, while it runs."""

import asyncio
import logging

from edge.core.tags import Tagger
from edge.store.engine import Store
from edge.store.errors import StoreError
from edge.store.keys import present_pepper
from edge.store.secrets import SecretsError, SiteSecrets
from edge.world import Change

log = logging.getLogger(__name__)


class PepperFollower:
    """A `Component`. Until it has read the new ones, what was tagged before opens as ever."""

    name = "peppers"

    def __init__(self, secrets: SiteSecrets, store: Store, tagger: Tagger) -> None:
        self._secrets = secrets
        self._store = store
        self._tagger = tagger
        self._changed = asyncio.Event()

    def changed(self, change: Change) -> None:
        """A world listener."""
        if change.accounts_too:
            self._changed.set()

    async def start(self) -> None:
        self._take(await asyncio.to_thread(self._read))

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                self._take(await asyncio.to_thread(self._read))
            except (SecretsError, StoreError) as error:
                log.error("peppers cannot be read, the known ones stay: %s", error)

    async def stop(self) -> None:
        return

    def _read(self) -> tuple[bytes, ...]:
        with self._store.read() as connection:
            return self._secrets.reloaded().peppers(present_pepper(connection))

    def _take(self, peppers: tuple[bytes, ...]) -> None:
        self._tagger.renew(peppers[0], peppers[1:])
