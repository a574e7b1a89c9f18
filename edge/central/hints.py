"""Hints to edges that the central store reaches: ask now. They carry nothing; an edge that gets none asks by itself."""

import asyncio
import logging
import ssl
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.cloud import tokens
from edge.cloud.enrol import is_safe
from edge.core.ports import Clock

WITHIN_S: Final = 5.0
AT_ONCE: Final = 20
_PATH: Final = "/sync/v1/hint"

log = logging.getLogger(__name__)


def unsafe(urls: Mapping[str, str]) -> list[str]:
    """Edges whose URL is none that a token may go to: https, or plain http to a loopback address, and nothing else."""
    return sorted(edge for edge, url in urls.items() if not is_safe(url) or urlsplit(url).path.strip("/"))


class Hints:
    """A `Component`. *urls*: where each edge that can be reached is. Others are left to their own questions."""

    name = "central hints"

    def __init__(
        self, urls: Mapping[str, str], key: Ed25519PrivateKey, clock: Clock, tls: ssl.SSLContext | None = None
    ) -> None:
        """*tls*: by what edges' certificates are checked; None = the system."""
        self._urls = {edge: url.rstrip("/") + _PATH for edge, url in urls.items()}
        self._key = key
        self._clock = clock
        self._tls = tls
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self._away: set[str] = set()

    def due(self, edges: Collection[str]) -> None:
        """These edges have something to fetch and no question open."""
        self._due |= self._urls.keys() & set(edges)
        if self._due:
            self._woken.set()

    async def start(self) -> None:
        return

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
        verify = self._tls or ssl.create_default_context()
        timeout = httpx.Timeout(WITHIN_S, pool=None)
        async with httpx.AsyncClient(verify=verify, timeout=timeout, limits=limits, trust_env=False) as http:
            while True:
                await self._woken.wait()
                self._woken.clear()
                due, self._due = self._due, set()
                async with asyncio.TaskGroup() as group:
                    for edge in due:
                        group.create_task(self._hint(http, edge))

    async def stop(self) -> None:
        return

    async def _hint(self, http: httpx.AsyncClient, edge: str) -> None:
        now_s = self._clock.now_ms() / 1000
        token = tokens.issue(self._key, issuer="central", audience=edge, now_s=now_s)
        try:
            answer = await http.post(self._urls[edge], headers={"Authorization": f"Bearer {token}"})
            trouble = "" if answer.is_success else f"HTTP {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            trouble = type(error).__name__
        if trouble and edge not in self._away:  # once when it goes away, once when it is back
            log.warning("edge %s takes no hint: %s", edge, trouble)
            self._away.add(edge)
        elif not trouble and edge in self._away:
            log.warning("edge %s takes hints again", edge)
            self._away.discard(edge)
