"""Changing what the central store holds: everything of one block in one transaction, under one revision."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from edge.central import fanout
from edge.central.items import Key, Prepared, prepare, rules_of
from edge.central.problems import CentralProblem, Invalid, Unknown
from edge.central.tables import audit, community, item, item_building, item_ref
from edge.cloud.things import Rules
from edge.cloud.wire import KINDS
from edge.core.ports import Clock
from edge.store.engine import Store
from edge.store.secrets import SiteSecrets
from edge.store.upsert import upsert
from models.ids import new_id
from models.service import Role

GUARDED_FROM: Final = 4  # decision 53
MAX_ITEMS_A_CHANGE: Final = 200_000
_AT_ONCE: Final = 500  # parameters of one statement
_PREFIX: Final[Mapping[str, str]] = {
    "building": "b", "apartment": "a", "device": "d", "relay": "l", "schedule": "h", "resident": "r",
    "credential": "c", "whitelist": "w", "mac": "m",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Central:
    """The central store, open: its database, its secrets, the clock."""

    store: Store
    secrets: SiteSecrets
    clock: Clock

    @contextlib.contextmanager
    def change(
        self, of: str | Callable[[Connection], str], actor: str, *, confirm: bool = False, dry_run: bool = False
    ) -> "Iterator[Change]":
        """One transaction. *of*: the community, or what makes it in this transaction. *confirm*: it may delete more
        than half of the credentials. *dry_run*: it is done, checked, and undone.

        Raises CentralProblem, and then nothing of it is stored; StoreError where the store fails.
        """
        try:
            with self.store.write() as connection:
                change = Change(self, connection, of if isinstance(of, str) else of(connection), actor, confirm)
                yield change
                change.finish()
                if dry_run:
                    raise _Rehearsed
        except _Rehearsed:
            return
        except IntegrityError as error:
            raise CentralProblem("taken", "a thing of that name, number or value is there already") from error

    def note(self, connection: Connection, actor: str, action: str, community_id: str = "", **detail: Any) -> None:
        """A row of the audit log. *detail* holds no secret."""
        connection.execute(
            insert(audit).values(
                id=new_id("au"), at_ms=self.clock.now_ms(), actor=actor, community=community_id, action=action,
                detail=json.dumps(detail, ensure_ascii=False),
            )
        )  # fmt: skip


def new_thing_id(kind: str) -> str:
    return new_id(_PREFIX.get(kind, "x"))


class _Rehearsed(Exception):
    """Undoes the transaction of a dry run."""


@dataclass(slots=True)
class _Pending:
    """What is not written yet, found by what it names and by its name: a change may have 100,000 things."""

    put: dict[Key, Prepared] = field(default_factory=dict)
    drop: set[Key] = field(default_factory=set)
    pointing: dict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))
    named: dict[tuple[str, str | None], str] = field(default_factory=dict)

    def add(self, ready: Prepared) -> None:
        key = ready.kind, ready.id
        self._forget(key)
        self.drop.discard(key)
        self.put[key] = ready
        self.named[ready.kind, ready.natural_key] = ready.id
        for ref in ready.refs:
            self.pointing[ref].add(key)

    def remove(self, key: Key) -> None:
        self._forget(key)
        self.drop.add(key)

    def _forget(self, key: Key) -> None:
        before = self.put.pop(key, None)
        if before is None:
            return
        for ref in before.refs:
            self.pointing[ref].discard(key)
        if self.named.get((before.kind, before.natural_key)) == before.id:
            del self.named[before.kind, before.natural_key]


class Change:
    """What one transaction does to one community. Reading sees what was put before."""

    def __init__(self, central: Central, connection: Connection, community_id: str, actor: str, confirm: bool) -> None:
        self.central = central
        self.connection = connection
        self.community = community_id
        self.actor = actor
        self._confirm = confirm
        self._pending = _Pending()
        row = connection.execute(
            # The counter row: whoever changes the same community waits here until we have committed.
            update(community)
            .where(community.c.id == community_id)
            .values(rev=community.c.rev + 1)
            .returning(community.c.rev)
        ).one_or_none()
        if row is None:
            raise Unknown("community", f"there is no community {community_id[:64]}")
        self.rev = int(row.rev)
        self._rules: Rules | None = None

    @property
    def now_ms(self) -> int:
        return self.central.clock.now_ms()

    @property
    def rules(self) -> Rules:
        """As the community is now."""
        if self._rules is None:
            secrets = self.central.secrets
            self._rules = rules_of(self.community, self.get("community", self.community), secrets.pepper, secrets.vault)
        return self._rules

    # --- reading -----------------------------------------------------------------------------------------------------

    def find(self, kind: str, identity: str) -> dict[str, Any] | None:
        """The body of a thing, without a credential's value."""
        key = kind, identity
        if key in self._pending.put:
            return dict(self._pending.put[key].body)
        if key in self._pending.drop:
            return None
        found = self.connection.execute(select(item.c.body).where(*self._is(kind, identity))).scalar()
        return None if found is None else json.loads(found)

    def get(self, kind: str, identity: str) -> dict[str, Any]:
        """The same. Raises Unknown."""
        body = self.find(kind, identity)
        if body is None:
            raise Unknown(kind, f"there is no {kind} {identity[:64]}", item=identity)
        return body

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every thing of a kind."""
        rows = self.connection.execute(
            select(item.c.id, item.c.body).where(
                item.c.community == self.community, item.c.kind == kind, item.c.body.is_not(None)
            )
        )
        found = {row.id: json.loads(row.body) for row in rows if (kind, row.id) not in self._pending.drop}
        found.update({key[1]: dict(each.body) for key, each in self._pending.put.items() if key[0] == kind})
        return found

    def named(self, kind: str, natural_key: str) -> str | None:
        """The id of the thing that has this natural key (`edge.central.items.natural_key`)."""
        if (kind, natural_key) in self._pending.named:
            return self._pending.named[kind, natural_key]
        found = self.connection.execute(
            select(item.c.id).where(
                item.c.community == self.community, item.c.kind == kind, item.c.natural_key == natural_key
            )
        ).scalar()
        return None if found is None or (kind, found) in self._pending.drop else str(found)

    def apartment(self, building: str, number: str) -> str | None:
        """The apartment *number* of the building of this name."""
        house = self.named("building", building)
        return None if house is None else self.named("apartment", json.dumps([house, number]))

    def pointing_at(self, kind: str, identity: str, of: str) -> set[str]:
        """Ids of things of the kind *of* that name the thing."""
        rows = self.connection.execute(
            select(item_ref.c.id).where(
                item_ref.c.community == self.community, item_ref.c.to_kind == kind, item_ref.c.to_id == identity,
                item_ref.c.kind == of,
            )
        ).scalars()  # fmt: skip
        drop, put = self._pending.drop, self._pending.put
        stored = {each for each in rows if (of, each) not in drop and (of, each) not in put}
        return stored | {key[1] for key in self._pending.pointing.get((kind, identity), ()) if key[0] == of}

    # --- changing ----------------------------------------------------------------------------------------------------

    def put(self, kind: str, identity: str, body: Mapping[str, Any]) -> None:
        """Make the thing so. Raises Invalid."""
        if len(self._pending.put) >= MAX_ITEMS_A_CHANGE:
            raise Invalid("many", f"one change has at most {MAX_ITEMS_A_CHANGE} things")
        known = None
        if kind == "credential" and "value" not in body:
            known = self.connection.execute(select(item.c.sealed).where(*self._is(kind, identity))).scalar()
        before = self.find(kind, identity) if kind in _WATCHED else None
        ready = prepare(kind, identity, body, self.rules, known=known)
        self._pending.add(ready)
        if kind == "community":
            self._rules = None
        if before is not None:
            self._follow(ready, before)

    def _follow(self, now: Prepared, before: Mapping[str, Any]) -> None:
        """What comes of a thing being elsewhere than it was."""
        if now.kind == "community":
            for name in ("plan", "permission"):
                if before.get(name) != now.body.get(name):
                    raise Invalid(f"{name}_stays", "never changes")
        elif now.kind == "apartment" and now.body["building"] != before["building"]:
            raise Invalid("building_stays", "an apartment stays in its building", item=now.id)
        elif now.kind == "device" and any(now.body.get(name) != before.get(name) for name in _PLACE):
            for of in ("relay", "whitelist"):
                for each in self.pointing_at("device", now.id, of):
                    self.put(of, each, self.get(of, each))
        elif now.kind == "resident":
            left = {home["apartment"] for home in homes_of(before)} - {h["apartment"] for h in homes_of(now.body)}
            for each in self.pointing_at("resident", now.id, "credential") if left else ():
                if self.get("credential", each).get("apartment") in left:
                    self.drop("credential", each)

    def merge(self, kind: str, identity: str, **some: Any) -> None:
        """Change some fields of a thing, if they are otherwise. Raises Unknown, Invalid."""
        body = self.get(kind, identity)
        if any(body.get(name) != value for name, value in some.items()):
            self.put(kind, identity, {**body, **some})

    def drop(self, kind: str, identity: str) -> None:
        """The thing goes, and with it what can't be without it. Raises Unknown."""
        self.get(kind, identity)
        if kind == "community":
            raise Invalid("community", "a community does not go this way")
        self._pending.remove((kind, identity))
        for of in KINDS:
            for each in self.pointing_at(kind, identity, of):
                self._without(of, each, kind, identity)

    def _without(self, kind: str, identity: str, gone_kind: str, gone: str) -> None:
        """*kind* *identity* names a thing that is gone: it loses the word, or goes too."""
        body = self.get(kind, identity)
        if kind == "resident" and gone_kind == "apartment":
            self._leave_home(identity, body, gone)
        elif (kind, gone_kind) in _LISTS:
            name = _LISTS[kind, gone_kind]
            rest = [each for each in listed(body.get(name)) if each != gone]
            if rest:
                self.put(kind, identity, {**body, name: rest})
            else:
                self.drop(kind, identity)  # an empty list of doors or buildings would mean all of them
        elif gone_kind == "schedule":
            raise CentralProblem("in_use", f"the {kind} {identity} keeps to this schedule", item=identity)
        else:
            self.drop(kind, identity)

    def move_out(self, resident: str, apartment: str) -> None:
        """The resident no longer lives there; its credentials there go. Without another home it goes itself."""
        for each in self.pointing_at("resident", resident, "credential"):
            if self.get("credential", each).get("apartment") == apartment:
                self.drop("credential", each)
        self._leave_home(resident, self.get("resident", resident), apartment)

    def _leave_home(self, resident: str, body: dict[str, Any], apartment: str) -> None:
        homes = [home for home in homes_of(body) if home["apartment"] != apartment]
        if homes:
            self.put("resident", resident, with_homes(body, homes))
        else:
            self.drop("resident", resident)

    def move_in(self, resident: str, apartment: str) -> None:
        """The resident lives there as well."""
        body = self.get("resident", resident)
        homes = homes_of(body)
        if apartment not in {home["apartment"] for home in homes}:
            self.put("resident", resident, with_homes(body, [*homes, {"apartment": apartment}]))

    def note(self, action: str, **detail: Any) -> None:
        """A row of the audit log that says more than which things became otherwise. *detail* holds no secret."""
        self.central.note(self.connection, self.actor, action, self.community, **detail)

    # --- the end -----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Check what only the whole can show, write it, and tell the edges."""
        self._check_refs()
        self._check_masters()
        self._check_holders()
        self._guard()
        self._write()
        fanout.changed(self.connection, self.community, self.rev)
        for gone, there in fanout.losses(self.connection, self.community, self.rev):
            self._must_be_meant(gone, there)
        kinds = sorted({kind for kind, _ in self._pending.put} | {kind for kind, _ in self._pending.drop})
        self.central.note(
            self.connection, self.actor, "change", self.community, rev=self.rev, kinds=kinds,
            put=len(self._pending.put), dropped=len(self._pending.drop),
        )  # fmt: skip

    def _check_refs(self) -> None:
        wanted: dict[Key, Prepared] = {}
        for each in self._pending.put.values():
            for ref in each.refs:
                if ref not in self._pending.put:
                    wanted[ref] = each
        missing = set(wanted) & self._pending.drop
        by_kind: dict[str, list[str]] = {}
        for kind, identity in wanted.keys() - missing:
            by_kind.setdefault(kind, []).append(identity)
        for kind, identities in by_kind.items():
            missing |= {(kind, each) for each in set(identities) - self._living(kind, identities)}
        if missing:
            kind, identity = min(missing)
            raise Invalid(
                "missing", f"it names the {kind} {identity[:64]}, which is not there", item=wanted[min(missing)].id
            )

    def _living(self, kind: str, identities: list[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(identities), _AT_ONCE):
            found |= set(
                self.connection.execute(
                    select(item.c.id).where(
                        item.c.community == self.community, item.c.kind == kind, item.c.body.is_not(None),
                        item.c.id.in_(identities[start : start + _AT_ONCE]),
                    )
                ).scalars()
            )  # fmt: skip
        return found

    def _check_masters(self) -> None:
        """An apartment has one family master."""
        seen: dict[str, str] = {}
        for each in self._pending.put.values():
            for home in each.master_of:
                if seen.setdefault(home, each.id) != each.id:
                    raise Invalid("one_master", f"apartment {home} has two family masters", item=each.id)
        for home, resident in seen.items():
            for other in self.pointing_at("apartment", home, "resident") - {resident}:
                roles = {each["apartment"]: each.get("role") for each in homes_of(self.get("resident", other))}
                if roles.get(home) == Role.MASTER.value:
                    raise Invalid("one_master", f"apartment {home} has the family master {other}", item=resident)

    def _check_holders(self) -> None:
        """Who holds a credential lives where it is for."""
        for each in self._pending.put.values():
            holder = each.body.get("resident") if each.kind == "credential" else None
            if holder:
                homes = {home["apartment"] for home in homes_of(self.get("resident", holder))}
                if each.body["apartment"] not in homes:
                    raise Invalid("holder", "its resident does not live in its apartment", item=each.id)

    def _guard(self) -> None:
        gone = sum(kind == "credential" for kind, _ in self._pending.drop)
        if not gone:
            return
        there = self.connection.execute(
            select(func.count()).where(
                item.c.community == self.community, item.c.kind == "credential", item.c.body.is_not(None)
            )
        ).scalar_one()
        self._must_be_meant(gone, there)

    def _must_be_meant(self, gone: int, there: int) -> None:
        """The guard of decision 53, which edges have too. What is confirmed here is confirmed to them."""
        if there < GUARDED_FROM or gone * 2 <= there:
            return
        if not self._confirm:
            raise CentralProblem("guard", f"{gone} of {there} credentials would go: confirm it if that is meant")
        self._set(confirmed_rev=self.rev)

    def _write(self) -> None:
        # What goes away frees its name first.
        touched = [{"c": self.community, "k": kind, "i": identity} for kind, identity in sorted(self._pending.drop)]
        both = touched + [{"c": self.community, "k": kind, "i": identity} for kind, identity in self._pending.put]
        for table in (item_ref, item_building):
            self._execute(
                delete(table).where(
                    table.c.community == bindparam("c"), table.c.kind == bindparam("k"), table.c.id == bindparam("i")
                ),
                both,
            )
        self._execute(
            update(item)
            .where(item.c.community == bindparam("c"), item.c.kind == bindparam("k"), item.c.id == bindparam("i"))
            .values(rev=self.rev, body=None, natural_key=None, sealed=None),
            touched,
        )
        ordered = sorted(self._pending.put.values(), key=lambda each: KINDS.index(each.kind))
        upsert(
            self.connection, item,
            ({
                "community": self.community, "kind": each.kind, "id": each.id, "rev": self.rev, "body": each.text,
                "natural_key": each.natural_key, "sealed": each.sealed,
            } for each in ordered),
        )  # fmt: skip
        self._execute(insert(item_ref), list(self._refs(ordered)))
        self._execute(insert(item_building), list(self._buildings(ordered)))

    def _execute(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self.connection.execute(statement, rows)

    def _refs(self, ordered: Iterable[Prepared]) -> Iterator[dict[str, Any]]:
        for each in ordered:
            for kind, identity in sorted(each.refs):
                yield {
                    "community": self.community, "kind": each.kind, "id": each.id, "to_kind": kind, "to_id": identity,
                }  # fmt: skip

    def _buildings(self, ordered: Iterable[Prepared]) -> Iterator[dict[str, Any]]:
        """Parents come first, so theirs are known."""
        houses: dict[Key, frozenset[str]] = {}
        for each in ordered:
            found = frozenset({each.id}) if each.kind == "building" else frozenset[str]()
            for ref in _PLACED_BY.get(each.kind, ()):
                for kind, identity in each.refs:
                    if kind == ref:
                        found |= self._houses((kind, identity), houses)
                if found:
                    break
            houses[each.kind, each.id] = found
            for building in sorted(found):
                yield {"community": self.community, "kind": each.kind, "id": each.id, "building": building}

    def _houses(self, key: Key, known: dict[Key, frozenset[str]]) -> frozenset[str]:
        if key not in known:
            kind, identity = key
            known[key] = frozenset(
                self.connection.execute(
                    select(item_building.c.building).where(
                        item_building.c.community == self.community,
                        item_building.c.kind == kind,
                        item_building.c.id == identity,
                    )
                ).scalars()
            )
        return known[key]

    def _set(self, **values: Any) -> None:
        self.connection.execute(update(community).where(community.c.id == self.community).values(**values))

    def _is(self, kind: str, identity: str) -> tuple[Any, ...]:
        return item.c.community == self.community, item.c.kind == kind, item.c.id == identity


_WATCHED: Final = frozenset({"community", "apartment", "device", "resident"})
_PLACE: Final = ("place", "buildings", "apartment")
_LISTS: Final[Mapping[Key, str]] = {("credential", "device"): "doors", ("device", "building"): "buildings"}


def listed(value: Any) -> list[str]:
    """A list of words as a body may have it: an array, or one text with commas."""
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else list(value or ())


_PLACED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "apartment": ("building",),
    "device": ("apartment", "building"),
    "relay": ("device",),
    "resident": ("apartment",),
    "credential": ("apartment",),
    "whitelist": ("device",),
    "request": ("apartment",),
}
"""From which of the things that it names a thing has its buildings: the first that has some."""


def homes_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where a resident lives: ``{"apartment", "role"?}`` each, the first one first."""
    first = {"apartment": body["apartment"], **({"role": body["role"]} if body.get("role") else {})}
    rest = [dict(each) for each in body.get("apartments") or [] if each["apartment"] != body["apartment"]]
    return [first, *rest]


def with_homes(body: Mapping[str, Any], homes: list[dict[str, Any]]) -> dict[str, Any]:
    """A resident's *body* with other homes, at least one."""
    kept = {name: value for name, value in body.items() if name not in ("apartment", "role", "apartments")}
    return {**kept, **homes[0], **({"apartments": homes[1:]} if homes[1:] else {})}
