"""Asks the source of the weather now and then. What is too old is told to nobody."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx

from edge.core.ports import Clock
from edge.fleet.weather import MAX_BYTES, Weather, read
from provisioning.settings import WeatherSettings

_WITHIN_S: Final = 10.0

log = logging.getLogger(__name__)


class WeatherWatch:
    """A `Component`. *changed* is called when monitors should be told anew; *folder*: the site's."""

    name = "weather"

    def __init__(self, settings: WeatherSettings, folder: Path, clock: Clock, changed: Callable[[], None]) -> None:
        self._settings, self._folder, self._clock, self._changed = settings, folder, clock, changed
        self._last: Weather | None = None
        self._told: Mapping[str, object] | None = None
        self._trouble = ""

    def fields(self) -> Mapping[str, object] | None:
        """What monitors are told now; None = nothing."""
        return self._told

    async def start(self) -> None:
        """The source is asked later: a daemon never waits for the weather."""

    async def run(self) -> None:
        while True:
            await self._ask()
            self._tell()
            await asyncio.sleep(self._settings.every_min * 60)

    async def stop(self) -> None:
        return

    async def _ask(self) -> None:
        try:
            body = await (self._fetched() if self._settings.url else asyncio.to_thread(self._read))
            self._last, trouble = read(body, self._clock.now_ms()), ""
        except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            trouble = f"{type(error).__name__}: {error}" if isinstance(error, ValueError) else type(error).__name__
        if trouble and trouble != self._trouble:
            log.warning("the weather is not known: %s", trouble)
        self._trouble = trouble

    def _tell(self) -> None:
        last, oldest_ms = self._last, self._clock.now_ms() - self._settings.max_age_min * 60_000
        told = None if last is None or last.at_ms < oldest_ms else last.fields()
        if told != self._told:
            self._told = told
            self._changed()

    def _read(self) -> bytes:
        with (self._folder / self._settings.file).open("rb") as file:
            return file.read(MAX_BYTES + 1)

    async def _fetched(self) -> bytes:
        body = bytearray()
        async with (
            asyncio.timeout(_WITHIN_S),
            httpx.AsyncClient(trust_env=False, follow_redirects=False) as client,
            client.stream("GET", self._settings.url) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    break
        return bytes(body)
