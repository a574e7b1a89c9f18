"""What a central store that reaches this edge may do there: hint, and push what it would otherwise be asked for."""

import asyncio
from typing import Final

from edge.cloud import tokens
from edge.cloud.apply import Applier
from edge.cloud.client import Unreachable
from edge.cloud.enrolment import Enrolled
from edge.cloud.status import told
from edge.cloud.sync import CentralSync, verdict
from edge.cloud.tokens import SeenTokens, TokenError
from edge.cloud.wire import Broken, parse
from edge.core.ports import Clock
from edge.http.ports import Json, Reply
from edge.store.engine import Store
from edge.store.errors import StoreError

AUDIENCE: Final = "edge"


class PushDoor:
    """Implements `edge.http.ports.SyncDoor`."""

    def __init__(self, sync: CentralSync, applier: Applier, store: Store, clock: Clock) -> None:
        self._sync = sync
        self._applier = applier
        self._store = store
        self._clock = clock
        self._seen = SeenTokens()

    async def is_central(self, bearer: str) -> bool:
        """Whether *bearer* is a fresh token of our central store, for this edge."""
        me = await asyncio.to_thread(self._applier.enrolled)
        if me is None or me.central_key is None:
            return False
        now_s = self._clock.now_ms() / 1000 + self._sync.clock_offset_s
        try:
            claims = tokens.check(bearer, me.central_key, audiences=frozenset({me.edge_id, AUDIENCE}), now_s=now_s)
        except TokenError:
            return False
        return self._seen.first_time(claims, now_s)

    def hint(self) -> None:
        self._sync.hint()

    async def push(self, mode: str, body: bytes) -> Reply:
        """200 with an ack, put in force or refused; 409 where it is not what must come now."""
        try:
            answer = await asyncio.to_thread(parse, body)
            if answer.mode != mode:
                raise Broken(f"this is no {mode}")
            return Reply(200, verdict(await self._sync.take(answer)))
        except (Broken, LookupError) as error:
            me = await asyncio.to_thread(self._applier.enrolled)
            return Reply(409, {"error": str(error), **_place(me)})
        except StoreError as error:
            return Reply(503, {"error": f"the store fails: {error}"})

    async def pull(self) -> Reply:
        """Follow the central store up to now."""
        if await asyncio.to_thread(self._applier.enrolled) is None:
            return Reply(404, {"error": "this edge is not enrolled with a central store"})
        try:
            outcome = await self._sync.pull()
        except Unreachable as error:
            return Reply(502, {"error": str(error)})
        me = await asyncio.to_thread(self._applier.enrolled)
        fault = outcome.fault if outcome is not None else None
        return Reply(200, {"ok": fault is None, **_place(me), **({} if fault is None else {"error": str(fault)})})

    async def status(self) -> Json:
        return await asyncio.to_thread(self._status)

    def _status(self) -> Json:
        me = self._applier.enrolled()
        with self._store.read() as connection:
            return told(connection, me, health=self._sync.health(), seen_ms=self._sync.last_ok_ms)


def _place(me: Enrolled | None) -> dict[str, object]:
    return {} if me is None else {"epoch": me.epoch, "applied": me.cursor}
