"""Rosters from property management (domain.md §7): leases start and end, units get apartments in sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update

from edge.central.changes import Change, new_thing_id
from edge.central.people import leave, lodge
from edge.central.problems import CentralProblem
from edge.central.tables import lease, roster_day
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.upsert import upsert

BUILDING: Final = "Roster"
AT_HOUR: Final = 2  # site time
MAX_LEASES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Lease:
    """One person in one unit. *until_day* is the last day; "" = without end."""

    id: str
    unit: str
    first: str = field(repr=False)
    last: str = field(repr=False)
    from_day: str
    until_day: str = ""
    email: str = field(default="", repr=False)
    mobile: str = field(default="", repr=False)

    def runs_on(self, day: date) -> bool:
        return self.from_day <= day.isoformat() and (not self.until_day or day.isoformat() <= self.until_day)


@dataclass(slots=True)
class Report:
    """What a roster comes to."""

    leases: int = 0
    started: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)  # that got an apartment
    errors: list[dict[str, str]] = field(default_factory=list)  # each with its lease and reason
    stored: bool = False


def take(change: Change, leases: Sequence[Lease], *, confirm: bool = False) -> Report:
    """The roster is *leases* from now on. Raises CentralProblem ``guard`` for an empty or a short one."""
    known = _known(change)
    if not confirm:
        _guard(known, leases)
    report = Report(leases=len(leases))
    told: dict[str, Lease] = {}
    country = change.rules.community.country
    for each in leases:
        problem = _problem(each, country) or ("this lease is there twice" if each.id in told else "")
        if problem:
            report.errors.append({"lease": each.id, "reason": problem})
        else:
            told[each.id] = each
    if report.errors:
        return report
    units = _Units(change)
    for identity in known.keys() - told.keys():
        _end(change, known[identity], report, units)
        change.connection.execute(delete(lease).where(lease.c.community == change.community, lease.c.id == identity))
    rows: list[dict[str, Any]] = []
    for identity, each in told.items():
        before = known.get(identity)
        if before is not None and before["resident"] and _same(before) != each:
            _end(change, before, report, units)  # another person or another unit; the running one begins anew below
        if before is None or _same(before) != each:
            resident = before["resident"] if before else ""
            rows.append({"community": change.community, "resident": resident, **asdict(each)})
    upsert(change.connection, lease, rows)
    turn(change, report, units)
    change.note("roster", leases=report.leases, started=len(report.started), ended=len(report.ended))
    report.stored = True
    return report


def turn(change: Change, report: Report | None = None, units: "_Units | None" = None) -> Report:
    """Start and end leases as of today, site time."""
    report = report or Report()
    today = _now(change).date()
    units = units or _Units(change)
    for row in sorted(_known(change).values(), key=lambda row: (row["unit"], row["id"])):
        runs = _same(row).runs_on(today)
        if runs and not row["resident"]:
            home = units.find(row["unit"]) or units.make(row["unit"], report)
            row["resident"] = lodge(
                change, home, first=row["first"], last=row["last"], email=row["email"], mobile=row["mobile"]
            )
            _keep(change, row)
            report.started.append(row["id"])
        elif not runs and row["resident"]:
            _end(change, row, report, units)
    upsert(change.connection, roster_day, [{"community": change.community, "day": today.isoformat()}])
    return report


def is_due(time_zone: str, now_ms: int, last_day: str) -> bool:
    """Whether leases are to be looked through: once a day, from two o'clock on."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(time_zone))
    return now.hour >= AT_HOUR and now.date().isoformat() > last_day


def _guard(known: Mapping[str, Mapping[str, Any]], leases: Sequence[Lease]) -> None:
    """An empty or a short file is more often a mistake than an empty house."""
    running = {identity for identity, row in known.items() if row["resident"]}
    left = running & {each.id for each in leases}
    if running and (not leases or len(left) * 2 < len(running)):
        raise CentralProblem(
            "guard", f"of {len(running)} running leases only {len(left)} are in it: confirm it if that is meant"
        )


def _problem(each: Lease, country: str) -> str:
    """What is wrong with the lease, also with one that begins later: at night nobody is there to mend it."""
    if not each.id.strip() or not each.unit.strip():
        return "a lease needs an id and a unit"
    if not (each.first.strip() or each.last.strip()):
        return "a lease needs a name"
    try:
        checks.name("unit", each.unit)
        checks.person_name("first", each.first)
        checks.person_name("last", each.last)
        checks.email(each.email)
        if each.mobile:
            checks.phone("mobile", each.mobile, country=country)
    except RuleBroken as broken:
        return str(broken)
    return _wrong_days(each)


def _wrong_days(each: Lease) -> str:
    for day in filter(None, (each.from_day, each.until_day)):
        try:
            date.fromisoformat(day)
        except ValueError:
            return f"{day[:32]} is no day, YYYY-MM-DD"
    if not each.from_day or (each.until_day and each.until_day < each.from_day):
        return "a lease begins on a day, and ends on that day or later"
    return ""


def _known(change: Change) -> dict[str, dict[str, Any]]:
    rows = change.connection.execute(select(lease).where(lease.c.community == change.community))
    return {row.id: dict(row._mapping) for row in rows}


def _same(row: Mapping[str, Any]) -> Lease:
    return Lease(**{name: row[name] for name in Lease.__dataclass_fields__})


def _end(change: Change, row: dict[str, Any], report: Report, units: "_Units") -> None:
    if not row["resident"]:
        return
    home = units.find(row["unit"])
    if home is not None:
        leave(change, row["resident"], home)
    row["resident"] = ""
    _keep(change, row)
    report.ended.append(row["id"])


def _keep(change: Change, row: Mapping[str, Any]) -> None:
    change.connection.execute(
        update(lease).where(lease.c.community == change.community, lease.c.id == row["id"])
        .values(resident=row["resident"])
    )  # fmt: skip


class _Units:
    """The apartments of the roster's building, by unit; read once."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._house = change.named("building", BUILDING)
        there = change.all("apartment") if self._house is not None else {}
        mine = {identity: body for identity, body in there.items() if body["building"] == self._house}
        self._homes = {body["name"]: identity for identity, body in mine.items()}
        self._last = max((int(body["number"]) for body in mine.values() if body["number"].isdigit()), default=0)

    def find(self, unit: str) -> str | None:
        return self._homes.get(unit)

    def make(self, unit: str, report: Report) -> str:
        """An apartment for the unit, with the next number."""
        if self._house is None:
            self._house = new_thing_id("building")
            self._change.put("building", self._house, {"name": BUILDING})
        self._last += 1
        home = self._homes[unit] = new_thing_id("apartment")
        self._change.put("apartment", home, {
            "building": self._house, "number": str(self._last), "name": unit, "handset": True,
        })  # fmt: skip
        report.units.append(unit)
        return home


def _now(change: Change) -> datetime:
    zone = ZoneInfo(change.rules.community.time_zone)
    return datetime.fromtimestamp(change.now_ms / 1000, UTC).astimezone(zone)
