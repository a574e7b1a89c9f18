"""What an answer of the central store would do to what is stored: made in memory, carried out by `edge.cloud.writing`.

The whole answer is judged first, so that nothing is half done: the guard, parents, names that are taken.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edge.cloud.local import PARTS_OF, Local, Owned
from edge.cloud.things import COLUMNS, Row, Thing, Value
from edge.cloud.wire import KINDS, Item, Poisoned
from edge.core import checks
from edge.core.checks import RuleBroken
from models.service import FeaturePlan, Role

GUARD_FROM: Final = 4
"""A store with fewer credentials may lose them all at once (decision 53)."""

GUARD: Final = "guard"
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "building": ("name",),
    "schedule": ("name",),
    "apartment": ("building_id", "number"),
    "device": ("mac",),
    "relay": ("device_id", "number", "security"),
}
"""Columns by which no two things of a kind may be alike."""

_FOR_EVER: Final = ("plan", "permission")
_HOURS: Final = (
    ("credential", "schedule_id"), ("relay", "schedule_id"), ("device", "schedule_id"), ("device", "open_schedule_id"),
)  # fmt: skip
_ROLE: Final = {role.value for role in Role}


class Guarded(Exception):
    """The change would delete too many credentials at once, and is not confirmed."""

    def __init__(self, gone: int, stored: int) -> None:
        super().__init__(f"the change would delete {gone} of {stored} credentials")
        self.gone, self.stored = gone, stored


@dataclass(slots=True)
class Plan:
    """Kinds map to keys or things. *new* and *changed* are written in the order of `KINDS`, *gone* against it."""

    new: dict[str, list[Thing]] = field(default_factory=lambda: defaultdict(list))
    changed: dict[str, list[Thing]] = field(default_factory=lambda: defaultdict(list))
    gone: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    set_aside: list[tuple[str, str]] = field(default_factory=list)  # their names are wanted by others
    taken_over: list[tuple[str, str, str]] = field(default_factory=list)  # kind, key until now, key from now on
    demoted: list[tuple[str, str]] = field(default_factory=list)  # (resident, apartment): master no longer
    known: list[Thing] = field(default_factory=list)  # whose revision is written down
    recounted: set[str] = field(default_factory=set)  # credentials whose uses are as given
    credentials_gone: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing but revisions would be written."""
        return not (any(self.new.values()) or any(self.changed.values()) or any(self.gone.values()))


def make(local: Local, things: Iterable[Thing], tombstones: Iterable[Item], *, confirmed: bool) -> Plan:
    """The plan for *things* and *tombstones*; where *local* is whole, what is not among *things* goes too.

    Raises Guarded, which goes before Poisoned.
    """
    return _Planning(local, things, tombstones).plan(confirmed)


class _Planning:
    def __init__(self, local: Local, things: Iterable[Thing], tombstones: Iterable[Item]) -> None:
        self._local = local
        self._plan = Plan()
        self._wanted: dict[str, dict[str, Thing]] = {kind: {} for kind in KINDS}  # by key
        self._owned: dict[str, dict[str, Owned]] = {}  # by central id
        self._moved: dict[tuple[str, str], str] = {}  # (kind, key until now) -> key from now on
        self._rows: dict[str, dict[str, Row]] = {}
        self._sort(list(things), list(tombstones))

    def plan(self, confirmed: bool) -> Plan:
        plan = self._plan
        self._cascade()
        self._guard(confirmed)
        for kind in KINDS:
            self._check_parents(self._wanted[kind].values())
            self._name(kind)
            self._compare(kind)
        self._check_schedules()
        self._replace_own_credentials()
        self._settle_masters()
        return plan

    # --- what is wanted, what goes -----------------------------------------------------------------------------------

    def _sort(self, things: list[Thing], tombstones: list[Item]) -> None:
        ids: dict[str, set[str]] = defaultdict(set)
        for thing in things:
            ids[thing.kind].add(thing.id)
        for item in tombstones:
            ids[item.kind].add(item.id)
        for kind in KINDS:
            self._owned[kind] = self._local.owned(kind, ids[kind]) if ids[kind] or self._local.whole else {}
        for thing in things:
            self._want(thing)
        for item in tombstones:
            self._drop(item)
        if self._local.whole:
            for kind in KINDS:
                self._plan.gone[kind] |= {owned.key for owned in self._owned[kind].values()}
        for kind in KINDS:
            self._plan.gone[kind] -= self._wanted[kind].keys()

    def _want(self, thing: Thing) -> None:
        before = self._owned[thing.kind].get(thing.id)
        if before is not None and not self._local.whole and thing.rev <= before.rev:
            return  # known already
        other = self._wanted[thing.kind].get(thing.key)
        if other is not None:
            raise Poisoned(thing.id, "duplicate", f"is the same as {other.id}", thing.kind)
        if before is not None and before.key != thing.key:
            self._plan.gone[thing.kind].add(before.key)
        self._wanted[thing.kind][thing.key] = thing
        self._plan.known.append(thing)

    def _drop(self, item: Item) -> None:
        before = self._owned[item.kind].get(item.id)
        if before is None or (not self._local.whole and item.rev < before.rev):
            return
        if item.kind == "community":
            raise Poisoned(item.id, "community", "the community of an edge can't go", item.kind)
        self._plan.gone[item.kind].add(before.key)

    def _cascade(self) -> None:
        """What goes with what goes, unless it is wanted elsewhere."""
        gone = self._plan.gone
        if gone["community"]:
            gone["community"].clear()  # a snapshot without one: what is known of it stays
        gone["apartment"] |= self._hanging("apartment", "building_id", gone["building"])
        gone["device"] |= self._hanging("device", "apartment_id", gone["apartment"])
        gone["relay"] |= self._hanging("relay", "device_id", gone["device"])
        gone["resident"] |= self._homeless()
        for name, parents in (("apartment_id", gone["apartment"]), ("resident_id", gone["resident"])):
            gone["credential"] |= self._hanging("credential", name, parents)
        self._plan.credentials_gone = len(gone["credential"])

    def _hanging(self, kind: str, name: str, parents: Collection[str]) -> set[str]:
        if not parents:
            return set()
        return {row[0] for row in self._local.having(kind, name, parents)} - self._wanted[kind].keys()

    def _homeless(self) -> set[str]:
        """Residents who would live nowhere. Who is wanted, lives where the central store says."""
        left = self._plan.gone["apartment"]
        if not left:
            return set()
        leaving = {row[0] for row in self._local.living(left)} - self._wanted["resident"].keys()
        homes = self._local.parts("resident_apartment", leaving)
        return {each for each in leaving if all(home in left for home, _ in homes[each])}

    def _guard(self, confirmed: bool) -> None:
        """Decision 53, of all that is stored, and of what the central store gave."""
        gone = self._plan.credentials_gone
        if confirmed or not gone:
            return
        given = len(self._local.owners("credential", self._plan.gone["credential"]))
        for count, stored in ((gone, self._local.credentials), (given, self._local.owned_credentials)):
            if stored >= GUARD_FROM and 2 * count > stored:
                raise Guarded(count, stored)

    def _check_parents(self, things: Iterable[Thing]) -> None:
        asked: dict[str, set[str]] = defaultdict(set)
        for kind, identity in {ref for thing in things for ref in thing.refs}:
            if identity not in self._wanted[kind]:
                asked[kind].add(identity)
        there = {kind: self._local.there(kind, ids) - self._plan.gone[kind] for kind, ids in asked.items()}
        for thing in things if asked else ():
            for kind, identity in thing.refs:
                if identity not in self._wanted[kind] and identity not in there[kind]:
                    raise Poisoned(thing.id, "missing_parent", f"there is no {kind} {identity}", thing.kind)

    def _check_schedules(self) -> None:
        """Without its schedule a thing would open always."""
        gone = self._plan.gone["schedule"]
        for kind, name in _HOURS if gone else ():
            for key, schedule in self._local.having(kind, name, gone, name):
                if key not in self._wanted[kind] and key not in self._plan.gone[kind]:
                    raise Poisoned(schedule, "in_use", f"the {kind} {key} has these hours", "schedule")

    # --- names -------------------------------------------------------------------------------------------------------

    def _name(self, kind: str) -> None:
        """See that no two things end up with one name: what is here already is taken over by the central store's."""
        if kind not in _NAMES or not self._wanted[kind]:
            return
        taken: dict[Row, Thing] = {}
        for thing in self._wanted[kind].values():
            name = self._name_of(kind, thing.row)
            if name in taken:
                raise Poisoned(thing.id, "duplicate", f"has the name of {taken[name].id}", kind)
            taken[name] = thing
        for key, name in self._stored_names(kind, taken):
            holder = taken.get(name)
            if holder is not None and holder.key != key:
                self._clash(kind, holder, key)

    def _clash(self, kind: str, thing: Thing, key: str) -> None:
        plan = self._plan
        if key in plan.gone[kind] or key in self._wanted[kind]:
            plan.set_aside.append((kind, key))
        elif self._local.owners(kind, [key]):
            raise Poisoned(thing.id, "duplicate", f"has the name of {key}", kind)
        elif self._local.there(kind, [thing.key]):
            raise Poisoned(thing.id, "duplicate", "has the name of something that was made here", kind)
        else:
            plan.taken_over.append((kind, key, thing.key))
            self._moved[kind, key] = thing.key

    def _stored_names(self, kind: str, wanted: Mapping[Row, Thing]) -> list[tuple[str, Row]]:
        """Names of what is stored, in the words of the plan: what their parents will be called is in them already."""
        names = _NAMES[kind]
        if self._local.whole:
            found = [(key, self._name_of(kind, row)) for key, row in self._stored(kind).items()]
        else:
            first = names[0]
            parent = _PARENTS.get(kind)
            values = {row[0] for row in wanted}
            back = {new: old for (of, old), new in self._moved.items() if of == parent}
            asked = values | {back[value] for value in values if value in back}
            found = [(row[0], tuple(row[1:])) for row in self._local.having(kind, first, asked, *names)]
        return [(key, self._translated(kind, name)) for key, name in found]

    def _translated(self, kind: str, name: Row) -> Row:
        parent = _PARENTS.get(kind)
        if parent is None:
            return name
        return (self._moved.get((parent, str(name[0])), name[0]), *name[1:])

    def _name_of(self, kind: str, row: Row) -> Row:
        columns = COLUMNS[kind]
        return tuple(row[columns.index(name)] for name in _NAMES[kind])

    # --- what differs ------------------------------------------------------------------------------------------------

    def _stored(self, kind: str) -> dict[str, Row]:
        if kind not in self._rows:
            self._rows[kind] = self._local.rows(kind, self._wanted[kind])
        return self._rows[kind]

    def _compare(self, kind: str) -> None:
        wanted = self._wanted[kind]
        if kind == "community":
            self._plan.changed[kind] += [thing for thing in wanted.values() if self._community_differs(thing)]
            return
        if not wanted:
            return
        rows = self._stored(kind)
        moved = {new for (of, _), new in self._moved.items() if of == kind}
        parts = {name: self._local.parts(name, wanted) for name in PARTS_OF.get(kind, ())}
        owned = self._owned[kind]
        for key, thing in wanted.items():
            row = rows.get(key)
            if row is None and key not in moved:
                self._plan.new[kind].append(thing)
                continue
            recounted = kind == "credential" and _recounted(thing, owned.get(thing.id))
            if recounted:
                self._plan.recounted.add(key)
            if recounted or row != thing.row or _differ(thing, parts):
                self._plan.changed[kind].append(thing)

    def _community_differs(self, thing: Thing) -> bool:
        """Raises Poisoned where it may not become so."""
        now = self._local.community
        told: dict[str, Any] = dict(zip(thing.columns, thing.row, strict=True))
        if all(now[name] == value for name, value in told.items()):
            return False
        after = {**now, **told}
        if self._owned["community"]:
            for name in _FOR_EVER:
                if after[name] != now[name]:
                    raise Poisoned(thing.id, f"{name}_stays", "never changes", "community")
        try:
            checks.home_automation(bool(now["home_automation"]), bool(after["home_automation"]))
            checks.services(
                FeaturePlan(after["plan"]),
                landline=bool(after["landline_service"]),
                home_automation=bool(after["home_automation"]),
            )
        except RuleBroken as broken:
            raise Poisoned(thing.id, broken.problem.rule, str(broken), "community") from broken
        return True

    def _replace_own_credentials(self) -> None:
        """A card that was added here and is now given by the central store would be there twice, and open nothing."""
        new = {(thing.row[0], thing.row[1], thing.row[3]): thing for thing in self._plan.new["credential"]}
        if not new:
            return
        same = [key for key, value in self._values_like(new) if value in new]
        self._plan.gone["credential"] |= (
            set(same) - self._local.owners("credential", same) - set(self._wanted["credential"])
        )

    def _values_like(self, new: Collection[Row]) -> Iterable[tuple[str, Row]]:
        """Keys of stored credentials, each with its kind, tag and apartment: all that are like *new*, or more."""
        if self._local.whole:
            return [(key, (row[0], row[1], row[3])) for key, row in self._stored("credential").items()]
        tags: set[Value] = {tag for _, tag, _ in new}
        found = self._local.having("credential", "tag", tags, "kind", "tag", "apartment_id")
        return [(row[0], tuple(row[1:])) for row in found]

    # --- family masters ----------------------------------------------------------------------------------------------

    def _settle_masters(self) -> None:
        """Say who is whose master where nothing is said, and see that nobody has two."""
        people = [*self._plan.new["resident"], *self._plan.changed["resident"]]
        if not people:
            return
        homes = {str(home) for thing in people for home, _ in thing.parts["resident_apartment"]}
        # Who lives in an apartment of our own that is taken over, is found under the id that it still has.
        still = {old for (kind, old), new in self._moved.items() if kind == "apartment" and new in homes}
        roles = {
            (resident, self._moved.get(("apartment", home), home)): role
            for resident, home, role in self._local.living(homes | still)
        }
        touched = {thing.key for thing in people} | self._plan.gone["resident"]
        masters: dict[str, str] = {
            home: resident
            for (resident, home), role in roles.items()
            if role == Role.MASTER.value and resident not in touched
        }
        for thing in people:
            for home, role in thing.parts["resident_apartment"]:
                if role == Role.MASTER.value:
                    self._make_master(thing, str(home), masters)
        for thing in people:
            thing.parts = {"resident_apartment": tuple(self._with_roles(thing, roles, masters))}

    def _make_master(self, thing: Thing, home: str, masters: dict[str, str]) -> None:
        other = masters.get(home)
        if other is not None:
            if other in self._wanted["resident"] or self._local.owners("resident", [other]):
                raise Poisoned(thing.id, "one_master", f"apartment {home} has the family master {other}", "resident")
            self._plan.demoted.append((other, home))
        masters[home] = thing.key

    def _with_roles(self, thing: Thing, roles: Mapping[tuple[str, str], str], masters: dict[str, str]) -> Iterable[Row]:
        for home, role in thing.parts["resident_apartment"]:
            if role not in _ROLE:
                kept = roles.get((thing.key, str(home)))
                free = str(home) not in masters
                role = Role.MASTER.value if free and kept != Role.MEMBER.value else Role.MEMBER.value
                if role == Role.MASTER.value:
                    masters[str(home)] = thing.key
            yield home, role


_PARENTS: Final = {"apartment": "building", "relay": "device"}
"""Kinds whose name is unique within a parent, which its first column names."""


def _recounted(thing: Thing, before: Owned | None) -> bool:
    """Whether a credential's uses count anew: only where another number was given. The same one, sent again after the
    central store lost its place, must not give back what was used."""
    return before is None or before.uses != thing.uses


def _differ(thing: Thing, stored: Mapping[str, Mapping[str, Sequence[Row]]]) -> bool:
    """Whether the tables that hang on *thing* hold something else. A role of which nothing is said is as it is."""
    for name, rows in thing.parts.items():
        before = stored[name].get(thing.key, ())
        if name == "resident_apartment":
            said = {home: role for home, role in rows}
            if said.keys() != {home for home, _ in before}:
                return True
            if any(said[home] not in ("", role) for home, role in before):
                return True
        elif tuple(sorted(rows)) != tuple(before):
            return True
    return False
