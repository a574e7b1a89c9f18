"""A site that was its own central store comes under this one: its things keep their ids, and nothing of it is lost.

What has the same name here already (a building, an apartment's number, a MAC, a login) is the same thing: the one here
stays, and the edge gives its own that id when it joins. What can't travel stays the edge's own and works on there.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from edge.central import communities
from edge.central.changes import Central, Change, listed
from edge.central.items import Key, prepare
from edge.central.problems import CentralProblem, Invalid
from edge.central.site_things import Body, SiteThing, SiteThings
from edge.central.tables import item

NEW: Final = "new"  # made here, under the id that it has
THERE: Final = "there"  # here already, by its name
STAYS: Final = "stays"  # the edge's own, as before
CLASHES: Final = "clashes"  # it can't be made here; nothing is adopted before that is mended

_REFS: Final[Mapping[str, Mapping[str, str]]] = {
    "apartment": {"building": "building"},
    "device": {"apartment": "apartment", "buildings": "building", "schedule": "schedule", "open_schedule": "schedule"},
    "relay": {"device": "device", "schedule": "schedule"},
    "resident": {"apartment": "apartment"},
    "credential": {"apartment": "apartment", "resident": "resident", "schedule": "schedule", "doors": "device"},
    "whitelist": {"opens": "device"},
}
"""Fields of a body that name other things, and of which kind."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What becomes of one thing. *here*: its id at this central store, "" = none."""

    kind: str
    id: str
    name: str
    state: str
    here: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Adoption:
    """*community*: its id; *name*: as it is called here."""

    community: str
    name: str
    rows: tuple[Mapped, ...]
    stored: bool

    def counts(self) -> dict[str, int]:
        found = Counter(row.state for row in self.rows)
        return {state: found[state] for state in (NEW, THERE, STAYS, CLASHES)}


class Clashes(CentralProblem):
    """Some things can't be made here; *rows* has all."""

    def __init__(self, rows: tuple[Mapped, ...]) -> None:
        bad = [row for row in rows if row.state == CLASHES]
        super().__init__("clashes", f"{len(bad)} things can't be adopted; the first: {bad[0].kind} {bad[0].name}: "
                                    f"{bad[0].reason}")  # fmt: skip
        self.rows = rows


def adopt(
    central: Central, actor: str, site: SiteThings, *, community: str | None = None, installer: str = "",
    dry_run: bool = False,
) -> Adoption:  # fmt: skip
    """Take over what *site* holds, into *community* or into a new one that is made as the site is.

    All of it or nothing. Raises Clashes, and CentralProblem where the community is otherwise for ever.
    """
    name = ""

    def make(connection: Connection) -> str:
        nonlocal name
        identity, name = communities.make(central, connection, actor, site.community, installer=installer)
        return identity

    with central.change(community or make, actor, confirm=True, dry_run=dry_run) as change:
        if community:
            name = _same_for_ever(change, site.community)
        rows = _Adopting(change).all(site.things)
        if any(row.state == CLASHES for row in rows) and not dry_run:
            raise Clashes(rows)
        adoption = Adoption(change.community, name, rows, stored=not dry_run)
        central.note(change.connection, actor, "adopt", change.community, **adoption.counts())
    return adoption


def _same_for_ever(change: Change, site: Body) -> str:
    """The community's name. Raises CentralProblem where plan, permission or PIN mode are not the site's."""
    here = change.get("community", change.community)
    for name, usual in (("plan", "premium"), ("permission", "public_private"), ("pin_mode", "pin")):
        if here.get(name, usual) != site.get(name, usual):
            raise CentralProblem(
                name, f"the community's {name} is {here.get(name, usual)}, the site's {site.get(name, usual)}"
            )
    return str(here["name"])


class _Adopting:
    def __init__(self, change: Change) -> None:
        self._change = change
        self._here: dict[Key, str] = {}
        mine = item.c.community == change.community, item.c.body.is_not(None)
        rows = list(change.connection.execute(select(item.c.kind, item.c.id, item.c.natural_key).where(*mine)))
        self._ids = {(row.kind, row.id) for row in rows}
        self._names = {(row.kind, row.natural_key): str(row.id) for row in rows}

    def all(self, things: tuple[SiteThing, ...]) -> tuple[Mapped, ...]:
        return tuple(self._one(each) for each in things)

    def _one(self, thing: SiteThing) -> Mapped:
        if thing.stays:
            return Mapped(thing.kind, thing.id, thing.name, STAYS, reason=thing.stays)
        body = self._translated(thing)
        if isinstance(body, str):
            return Mapped(thing.kind, thing.id, thing.name, STAYS, reason=body)
        try:
            there = self._same(thing, body)
            if there is None:
                if (thing.kind, thing.id) in self._ids:
                    raise Invalid("taken", "another thing has this id here")
                self._change.put(thing.kind, thing.id, body)
        except Invalid as problem:
            return Mapped(thing.kind, thing.id, thing.name, CLASHES, reason=str(problem))
        self._here[thing.kind, thing.id] = there or thing.id
        return Mapped(thing.kind, thing.id, thing.name, THERE if there else NEW, there or thing.id)

    def _same(self, thing: SiteThing, body: Body) -> str | None:
        """The id of the thing here that has the same name."""
        ready = prepare(thing.kind, thing.id, body, self._change.rules)
        if ready.natural_key is not None:
            return self._names.get((thing.kind, ready.natural_key)) or self._change.named(thing.kind, ready.natural_key)
        # Somebody without a login is known by the id alone, which was drawn by lot: it was adopted before.
        return thing.id if (thing.kind, thing.id) in self._ids else None

    def _translated(self, thing: SiteThing) -> Body | str:
        """The body with the ids that things have here; or why it stays: it names something that stays."""
        body = dict(thing.body)
        for name, kind in _REFS.get(thing.kind, {}).items():
            named = body.get(name)
            if not named:
                continue
            ids = listed(named) if isinstance(named, list) else [named]
            missing = [each for each in ids if (kind, each) not in self._here]
            if missing:
                return f"the {kind} {missing[0]} is not adopted"
            here = [self._here[kind, each] for each in ids]
            body[name] = here if isinstance(named, list) else here[0]
        if thing.kind == "resident" and body.get("apartments"):
            homes = [(home, self._here.get(("apartment", home["apartment"]))) for home in body["apartments"]]
            if not all(here for _, here in homes):
                return "one of its apartments is not adopted"
            body["apartments"] = [{**home, "apartment": here} for home, here in homes]
        return body


def as_json(adoption: Adoption) -> dict[str, Any]:
    """For machines."""
    rows: list[dict[str, str]] = [
        {"kind": row.kind, "id": row.id, "name": row.name, "state": row.state, "here": row.here, "reason": row.reason}
        for row in adoption.rows
    ]
    told = {"community": adoption.community, "name": adoption.name, "stored": adoption.stored, **adoption.counts()}
    return {**told, "things": rows}
