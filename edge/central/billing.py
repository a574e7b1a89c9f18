"""Billing (domain.md §5): accounts come in, apartments' service state and residents follow."""

import enum
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from edge.central.changes import GUARDED_FROM, Change
from edge.central.people import leave, settle
from edge.central.problems import CentralProblem, Invalid
from edge.central.tables import billing_account, item_ref
from edge.store.upsert import upsert
from models.service import ServiceState

MAX_ACCOUNTS_A_REQUEST: Final = 10_000
_MANY: Final = 100  # accounts for which everything is read at once


class Result(enum.Enum):
    """What became of one account."""

    PROCESSED = "processed"  # it is new, or nothing of it is otherwise
    UPDATED = "updated"
    INVALID = "invalid"
    NOT_FOUND = "not_found"  # its address


@dataclass(frozen=True, slots=True)
class Account:
    """One address of one client, as the billing system knows it."""

    id: str
    login: str
    building: str
    apartment: str
    state: ServiceState
    periodic: bool = True
    first: str = field(default="", repr=False)
    last: str = field(default="", repr=False)

    @property
    def serves(self) -> ServiceState:
        """Without the periodic service an account is as good as off."""
        return self.state if self.periodic else ServiceState.OFF


@dataclass(frozen=True, slots=True)
class Told:
    """The answer for one account."""

    id: str
    result: Result
    reason: str = ""


def take(change: Change, accounts: Sequence[Account], *, confirm: bool = False) -> list[Told]:
    """Upsert *accounts*: each gets its own answer, and a bad one holds up no other. Those not named stay as they are.

    Raises CentralProblem (``guard``) where more than half of the running accounts would stop at once.
    """
    known = _Known(change)
    if not confirm:
        _guard(known.by_id, accounts)
    answers: list[Told] = []
    homes: set[str] = set()
    register = (_WholeRegister if len(accounts) >= _MANY else _Register)(change)
    for account in accounts:
        try:
            answers.append(_one(change, account, known, homes, register))
        except Invalid as problem:
            answers.append(Told(account.id, Result.INVALID, str(problem)))
    for home in homes:
        _serve(change, home, known)
    counts = Counter(each.result.value for each in answers)
    change.note("billing", confirmed=confirm, **counts)
    return answers


class _Known:
    """The accounts as they are, by id and by apartment."""

    def __init__(self, change: Change) -> None:
        self.by_id: dict[str, dict[str, Any]] = {}
        self._at: dict[str, set[str]] = defaultdict(set)
        mine = billing_account.c.community == change.community
        for row in change.connection.execute(select(billing_account).where(mine)):
            self.keep(dict(row._mapping))

    def keep(self, row: dict[str, Any]) -> None:
        before = self.by_id.get(row["id"])
        if before is not None:
            self._at[before["apartment"]].discard(row["id"])
        self.by_id[row["id"]] = row
        self._at[row["apartment"]].add(row["id"])

    def at(self, home: str) -> list[dict[str, Any]]:
        """Accounts of the apartment."""
        return [self.by_id[identity] for identity in self._at[home]]


def _serves(row: Mapping[str, Any]) -> ServiceState:
    return ServiceState(row["state"]) if row["periodic"] else ServiceState.OFF


def _guard(known: Mapping[str, Mapping[str, Any]], accounts: Sequence[Account]) -> None:
    running = {identity for identity, row in known.items() if _serves(row) is ServiceState.ACTIVE}
    stopped = {each.id for each in accounts if each.id in running and each.serves is not ServiceState.ACTIVE}
    if len(running) >= GUARDED_FROM and len(stopped) * 2 > len(running):
        raise CentralProblem(
            "guard", f"{len(stopped)} of {len(running)} running accounts would stop: confirm it if that is meant"
        )


class _Register:
    """Which apartments there are and who lives there, asked for one at a time."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def home(self, account: Account) -> str | None:
        return self._change.apartment(account.building, account.apartment)

    def lives(self, row: Mapping[str, Any]) -> bool:
        return row["resident"] in self._change.pointing_at("apartment", row["apartment"], "resident")


class _WholeRegister(_Register):
    """The same, read at once. Who lives where is as it was before the list: accounts of one profile at one address keep
    it there (`_part`), so no account of the list finds it gone."""

    def __init__(self, change: Change) -> None:
        super().__init__(change)
        names = {identity: body["name"] for identity, body in change.all("building").items()}
        self._homes = {
            (names[body["building"]], body["number"]): identity for identity, body in change.all("apartment").items()
        }
        of = item_ref.c
        rows = change.connection.execute(
            select(of.id, of.to_id)
            .where(of.community == change.community, of.kind == "resident", of.to_kind == "apartment")
        )  # fmt: skip
        self._living = {(row.id, row.to_id) for row in rows}

    def home(self, account: Account) -> str | None:
        return self._homes.get((account.building, account.apartment))

    def lives(self, row: Mapping[str, Any]) -> bool:
        return (row["resident"], row["apartment"]) in self._living


def _one(
    change: Change, account: Account, known: _Known, homes: set[str], register: _Register
) -> Told:  # fmt: skip
    if not all(word.isprintable() for word in (account.id, account.login, account.building, account.apartment)):
        raise Invalid("text", "a text has characters that can't be kept", item=account.id)  # NUL on PostgreSQL
    home = register.home(account)
    if home is None:
        return Told(account.id, Result.NOT_FOUND, "there is no such address")
    if not account.login.strip():
        raise Invalid("login", "an account needs a login", item=account.id)
    before = known.by_id.get(account.id)
    row = {
        "community": change.community, "id": account.id, "login": account.login, "apartment": home, "resident": "",
        "state": account.state.value, "periodic": account.periodic,
    }  # fmt: skip
    moved = before is not None and (before["apartment"], before["login"]) != (home, account.login)
    if before is not None:
        row["resident"] = before["resident"]
        homes.add(before["apartment"])
    if account.serves is ServiceState.OFF:
        row["resident"] = ""
    elif moved or not (row["resident"] and register.lives(row)):
        row["resident"] = settle(change, account.login, home, first=account.first, last=account.last)
    if before is not None and (moved or account.serves is ServiceState.OFF):
        _part(change, before, known)
    if row != before:
        upsert(change.connection, billing_account, [row])
    known.keep(row)
    homes.add(home)
    return Told(account.id, Result.UPDATED if before is not None and before != row else Result.PROCESSED)


def _part(change: Change, row: Mapping[str, Any], known: _Known) -> None:
    """The account's profile leaves its address, unless another account keeps it there."""
    others = (
        each for each in known.at(row["apartment"])
        if each["id"] != row["id"] and each["resident"] == row["resident"]
        and _serves(each) is not ServiceState.OFF
    )  # fmt: skip
    if next(others, None) is None:
        leave(change, row["resident"], row["apartment"])


def _serve(change: Change, home: str, known: _Known) -> None:
    """The apartment's state: blocked where an account of it is, active where one runs, else off."""
    states = {_serves(row) for row in known.at(home)}
    for state in (ServiceState.BLOCKED, ServiceState.ACTIVE):
        if state in states:
            change.merge("apartment", home, service=state.value)
            return
    change.merge("apartment", home, service=ServiceState.OFF.value)
