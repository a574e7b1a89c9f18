"""Billing (domain.md §5): accounts come in, apartments' service state and residents follow."""

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from edge.central.changes import GUARDED_FROM, Change
from edge.central.people import leave, settle
from edge.central.problems import CentralProblem, Invalid
from edge.central.tables import billing_account
from edge.store.upsert import upsert
from models.service import ServiceState

MAX_ACCOUNTS_A_REQUEST: Final = 10_000


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
    known = _known(change)
    if not confirm:
        _guard(known, accounts)
    answers: list[Told] = []
    homes: set[str] = set()
    for account in accounts:
        try:
            answers.append(_one(change, account, known, homes))
        except Invalid as problem:
            answers.append(Told(account.id, Result.INVALID, str(problem)))
    for home in homes:
        _serve(change, home, known)
    counts = Counter(each.result.value for each in answers)
    change.note("billing", confirmed=confirm, **counts)
    return answers


def _known(change: Change) -> dict[str, dict[str, Any]]:
    rows = change.connection.execute(select(billing_account).where(billing_account.c.community == change.community))
    return {row.id: dict(row._mapping) for row in rows}


def _serves(row: Mapping[str, Any]) -> ServiceState:
    return ServiceState(row["state"]) if row["periodic"] else ServiceState.OFF


def _guard(known: Mapping[str, Mapping[str, Any]], accounts: Sequence[Account]) -> None:
    running = {identity for identity, row in known.items() if _serves(row) is ServiceState.ACTIVE}
    stopped = {each.id for each in accounts if each.id in running and each.serves is not ServiceState.ACTIVE}
    if len(running) >= GUARDED_FROM and len(stopped) * 2 > len(running):
        raise CentralProblem(
            "guard", f"{len(stopped)} of {len(running)} running accounts would stop: confirm it if that is meant"
        )


def _one(change: Change, account: Account, known: dict[str, dict[str, Any]], homes: set[str]) -> Told:
    if not all(word.isprintable() for word in (account.id, account.login, account.building, account.apartment)):
        raise Invalid("text", "a text has characters that can't be kept", item=account.id)  # NUL on PostgreSQL
    home = change.apartment(account.building, account.apartment)
    if home is None:
        return Told(account.id, Result.NOT_FOUND, "there is no such address")
    if not account.login.strip():
        raise Invalid("login", "an account needs a login", item=account.id)
    before = known.get(account.id)
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
    elif moved or not (row["resident"] and _lives(change, row)):
        row["resident"] = settle(change, account.login, home, first=account.first, last=account.last)
    if before is not None and (moved or account.serves is ServiceState.OFF):
        _part(change, before, known)
    upsert(change.connection, billing_account, [row])
    known[account.id] = row
    homes.add(home)
    return Told(account.id, Result.UPDATED if before is not None and before != row else Result.PROCESSED)


def _lives(change: Change, row: Mapping[str, Any]) -> bool:
    return row["resident"] in change.pointing_at("apartment", row["apartment"], "resident")


def _part(change: Change, row: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> None:
    """The account's profile leaves its address, unless another account keeps it there."""
    others = (
        each for each in known.values()
        if each["id"] != row["id"] and each["resident"] == row["resident"] and each["apartment"] == row["apartment"]
        and _serves(each) is not ServiceState.OFF
    )  # fmt: skip
    if next(others, None) is None:
        leave(change, row["resident"], row["apartment"])


def _serve(change: Change, home: str, known: Mapping[str, Mapping[str, Any]]) -> None:
    """The apartment's state: blocked where an account of it is, active where one runs, else off."""
    states = {_serves(row) for row in known.values() if row["apartment"] == home}
    for state in (ServiceState.BLOCKED, ServiceState.ACTIVE):
        if state in states:
            change.merge("apartment", home, service=state.value)
            return
    change.merge("apartment", home, service=ServiceState.OFF.value)
