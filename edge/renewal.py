"""The house's own certificate is made anew before it ends: nobody remembers it after two years."""

import asyncio
import datetime
import logging
from collections.abc import Callable

from edge.admin.certificates import renew_if_due
from edge.admin.site import Site, SiteError
from edge.store.secrets import SecretsError

log = logging.getLogger(__name__)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Renewal:
    """*renew* is to be called now and then. The daemon takes new files by itself."""

    def __init__(self, site: Site, now: Callable[[], datetime.datetime] = _now) -> None:
        self._site, self._now = site, now

    async def renew(self) -> None:
        """Does nothing until it is due. A failure is told, and tried again the next time."""
        try:
            made = await asyncio.to_thread(renew_if_due, self._site, self._now())
        except (SiteError, SecretsError, OSError) as error:
            log.error("the house's certificate is not renewed: %s", error)
            return
        if made is not None:
            log.info("the house's certificate is renewed until %s", made.until.date().isoformat())
