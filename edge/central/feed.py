"""What an edge is told when it asks: nothing, a delta, a snapshot, or that its place is gone (docs/sync.md)."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, Row, select

from edge.central.changes import homes_of, listed, with_homes
from edge.central.items import unsealed
from edge.central.places import Place, places
from edge.central.tables import edge_building, edge_item, item, item_building
from edge.cloud.wire import DELTA, KINDS, SNAPSHOT, VERSION, canonical, items_hash, sign
from edge.store.collector import paused_collector
from edge.store.secrets import Vault

MAX_DELTA_ITEMS: Final = 50_000  # more than that is a snapshot's work
PAGE_ITEMS: Final = 150_000
MAX_PAGE_CHARS: Final = 40 * 1024 * 1024  # an edge takes 64 MiB
_GZIP_LEVEL: Final = 1
_VALUE: Final = "value"
_ORDER: Final = {kind: number for number, kind in enumerate(KINDS)}


class PlaceGone(Exception):
    """The edge is to begin anew, with a snapshot."""

    def __init__(self, epoch: str, floor: int) -> None:
        super().__init__(f"gone: the epoch is {epoch}, the floor is {floor}")
        self.epoch, self.floor = epoch, floor


class Moved(Exception):
    """The community is no longer at the revision that was meant."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an edge asks with."""

    edge: str
    since: int
    epoch: str
    page: str | None = None


def is_news(place: Place, asked: Question) -> bool:
    """Whether there is something to tell an edge that is at *place*. Raises PlaceGone."""
    if not asked.since:
        return True
    if asked.epoch != place.epoch or not place.floor <= asked.since <= place.rev:
        raise PlaceGone(place.epoch, place.floor)
    return place.newest > asked.since


class Feed:
    """Makes answers, signed with the central store's *key*. May take long: not in the event loop."""

    def __init__(self, vault: Vault, key: Ed25519PrivateKey, page_items: int = PAGE_ITEMS) -> None:
        self._vault = vault
        self._key = key
        self.page_items = page_items

    @property
    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def answer(self, connection: Connection, asked: Question, *, only_at: int | None = None) -> bytes | None:
        """The body of the answer, packed with gzip; None where nothing is new. *only_at*: the revision it is made for.

        Raises PlaceGone, Moved.
        """
        place = places(connection, [asked.edge])[asked.edge]
        if only_at is not None and place.rev != only_at:
            raise Moved
        if not is_news(place, asked):
            return None
        scope = _Scope(connection, place)
        with paused_collector():
            return self._delta(scope, asked) if asked.since else self._snapshot(scope, asked)

    def _delta(self, scope: "_Scope", asked: Question) -> bytes:
        rows = scope.rows(edge_item.c.rev > asked.since, limit=MAX_DELTA_ITEMS + 1)
        if len(rows) > MAX_DELTA_ITEMS:
            # Half of it would not do: a thing of the first half may name one that was changed again in the second.
            raise PlaceGone(scope.place.epoch, scope.place.rev)
        told = {"mode": DELTA, "from": asked.since}
        return self._told(scope, told, self._texts(scope, rows), confirm=scope.place.confirmed_rev > asked.since)

    def _snapshot(self, scope: "_Scope", asked: Question) -> bytes:
        start = 0
        if asked.page is not None:
            rev, _, begin = asked.page.partition(".")
            if rev != str(scope.place.rev) or not (begin.isascii() and begin.isdigit() and len(begin) < 10):
                raise PlaceGone(scope.place.epoch, scope.place.floor)  # pages of two revisions don't fit together
            start = int(begin)
        rows = scope.rows(edge_item.c.gone.is_(False))
        texts, end = self._page(scope, rows, start)
        told: dict[str, Any] = {"mode": SNAPSHOT, "from": 0}
        if end < len(rows):
            told["next"] = f"{scope.place.rev}.{end}"
        return self._told(scope, told, texts, confirm=scope.place.confirmed_rev > scope.place.applied)

    def _page(self, scope: "_Scope", rows: list[Row[Any]], start: int) -> tuple[list[str], int]:
        texts: list[str] = []
        chars = 0
        for text in self._texts(scope, rows[start : start + self.page_items]):
            texts.append(text)
            chars += len(text)
            if chars >= MAX_PAGE_CHARS:
                break
        return texts, start + len(texts)

    def _texts(self, scope: "_Scope", rows: list[Row[Any]]) -> Iterator[str]:
        """Items as canonical JSON, parents first."""
        for row in rows:
            told = None if row.gone else self._body(scope, row)
            what = f'"id":{encode_basestring(row.id)},"kind":"{row.kind}","rev":{row.rev}}}'
            yield f'{{"del":true,{what}' if told is None else f'{{"body":{told},{what}'

    def _body(self, scope: "_Scope", row: Row[Any]) -> str | None:
        """The body of a thing as canonical JSON, which is how it is stored; None where this edge sees nothing of it."""
        text: str = row.body
        if not scope.all_seen:
            body = scope.tailored(row.kind, json.loads(text))
            if body is None:
                return None
            text = canonical(body)
        if row.sealed is None:
            return text
        value = unsealed(self._vault, scope.place.community, row.id, row.sealed)
        body = json.loads(text)
        if (
            max(body) < _VALUE
        ):  # what is known of a credential comes before its value; to write it all anew takes longer
            return f'{text[:-1]},"{_VALUE}":{encode_basestring(value)}}}'
        return canonical({**body, _VALUE: value})

    def _told(self, scope: "_Scope", told: dict[str, Any], texts: Iterable[str], *, confirm: bool) -> bytes:
        items = list(texts)
        sha256, epoch, to = items_hash(items), scope.place.epoch, scope.place.rev
        told |= {
            "v": VERSION, "epoch": epoch, "to": to, "count": len(items), "sha256": sha256, "more": "next" in told,
            "sig": sign(self._key, epoch, told["from"], to, sha256),
        }  # fmt: skip
        if confirm:
            told["confirm"] = True
        text = f'{canonical(told)[:-1]},"items":[{",".join(items)}]}}'
        return gzip.compress(text.encode(), _GZIP_LEVEL)


class _Scope:
    """What one edge sees."""

    def __init__(self, connection: Connection, place: Place) -> None:
        self._connection = connection
        self.place = place
        self._houses: frozenset[str] | None = None
        if not place.whole:
            found = connection.execute(select(edge_building.c.building).where(edge_building.c.edge == place.id))
            self._houses = frozenset(found.scalars())

    @property
    def all_seen(self) -> bool:
        """Whether every thing of the community is told as it is."""
        return self._houses is None

    def rows(self, *which: Any, limit: int | None = None) -> list[Row[Any]]:
        """Things of the edge, parents first."""
        query = (
            select(edge_item.c.kind, edge_item.c.id, edge_item.c.rev, edge_item.c.gone, item.c.body, item.c.sealed)
            .join_from(
                edge_item,
                item,
                (item.c.community == self.place.community)
                & (item.c.kind == edge_item.c.kind)
                & (item.c.id == edge_item.c.id),
                isouter=True,
            )
            .where(edge_item.c.edge == self.place.id, *which)
            .limit(limit)
        )
        found: Any = self._connection.execute(query).all()
        return sorted(found, key=lambda row: (_ORDER[row.kind], row.id))

    def tailored(self, kind: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """*body* without the names of things that this edge does not see; None where nothing of it is left."""
        if self._houses is None:
            return body
        if kind == "resident" and body.get("apartments"):
            return with_homes(body, [home for home in homes_of(body) if self._sees("apartment", home["apartment"])])
        if kind == "device" and body.get("buildings") and body.get("place", "public") == "public":
            return {**body, "buildings": [each for each in listed(body["buildings"]) if each in self._houses]}
        if kind == "credential" and body.get("doors"):
            doors = [each for each in listed(body["doors"]) if self._sees("device", each)]
            return {**body, "doors": doors} if doors else None  # without doors it would open all of them here
        return body

    def _sees(self, kind: str, identity: str) -> bool:
        found = self._connection.execute(
            select(item_building.c.building).where(
                item_building.c.community == self.place.community,
                item_building.c.kind == kind,
                item_building.c.id == identity,
            )
        ).scalars()
        houses = set(found)
        return not houses or bool(houses & (self._houses or frozenset()))


def as_gone(gone: PlaceGone) -> Mapping[str, Any]:
    """What an edge whose place is gone is told."""
    return {"error": "gone", "epoch": gone.epoch, "floor": gone.floor}
