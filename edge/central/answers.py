"""Answers to edges: those that are due the same are given the same bytes, made once."""

import asyncio
from collections import OrderedDict
from typing import Final

from edge.central.changes import Central
from edge.central.feed import Feed, Moved, Question, is_news
from edge.central.places import Place, Places
from edge.central.watch import Threads

MAX_SHARED: Final = 32
MAX_SHARED_BYTES: Final = 1024 * 1024  # of one; a longer one is made anew for whoever asks later

_Key = tuple[str, str, int, int]  # community, epoch, from, to


class Answers:
    """Makes them in threads. `places` tells where an edge stands."""

    def __init__(self, central: Central, threads: Threads, feed: Feed) -> None:
        self._central = central
        self._threads = threads
        self._feed = feed
        self.places = Places(central, threads)
        self._shared: OrderedDict[_Key, asyncio.Future[bytes | None]] = OrderedDict()

    async def to(self, place: Place, asked: Question) -> bytes | None:
        """The answer for an edge that is at *place*; None where nothing is new. Raises PlaceGone, StoreError."""
        if not is_news(place, asked):
            return None
        if asked.since and place.whole and place.entered <= asked.since:
            try:
                return await asyncio.shield(self._the_same(place, asked))
            except Moved:
                pass  # the next change came between: to this edge something of its own may have been entered
        return await self._threads.run(self._make, asked, None)

    def _the_same(self, place: Place, asked: Question) -> "asyncio.Future[bytes | None]":
        key = place.community, place.epoch, asked.since, place.rev
        if key not in self._shared:
            self._shared[key] = asyncio.ensure_future(self._share(key, asked, place.rev))
            while len(self._shared) > MAX_SHARED:
                self._shared.popitem(last=False)
        return self._shared[key]

    async def _share(self, key: _Key, asked: Question, rev: int) -> bytes | None:
        kept = False
        try:
            body = await self._threads.run(self._make, asked, rev)
            kept = body is not None and len(body) <= MAX_SHARED_BYTES
            return body
        finally:
            if not kept:
                self._shared.pop(key, None)

    def _make(self, asked: Question, only_at: int | None) -> bytes | None:
        with self._central.store.read() as connection:
            return self._feed.answer(connection, asked, only_at=only_at)
