"""Accounts of a billing system become profiles and service states, whichever way the list is looked up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.central import billing, communities
from edge.central.billing import Account, Result
from edge.central.changes import Central
from edge.central.opening import make, opened
from models.service import ServiceState as State

A1, A2 = ("1", "101"), ("1", "102")


def account(
    identity: str, home: tuple[str, str], state: State = State.ACTIVE, login: str = "ada", **more: Any
) -> Account:
    return Account(identity, login, *home, state, **more)


# Lists one after the other; what each account of the last one is answered; who lives where; the apartments' states.
STORIES: list[tuple[list[list[Account]], list[Result], dict[str, set[str]], dict[str, str]]] = [
    ([[account("k1", A1)]], [Result.PROCESSED], {"ada": {"101"}}, {"101": "active"}),
    (
        [[account("k1", A1), account("k2", A2)], [account("k1", A1, State.OFF)]],
        [Result.UPDATED], {"ada": {"102"}}, {"101": "off", "102": "active"},
    ),
    (
        [[account("k1", A1), account("k2", A1)], [account("k1", A1, State.OFF)]],
        [Result.UPDATED], {"ada": {"101"}}, {"101": "active"},
    ),
    (
        [[account("k1", A1), account("k2", A1)], [account("k1", A1, State.OFF), account("k2", A1, State.OFF)]],
        [Result.UPDATED, Result.UPDATED], {}, {"101": "off"},
    ),
    (
        [[account("k1", A1)], [account("k1", A2)]],
        [Result.UPDATED], {"ada": {"102"}}, {"101": "off", "102": "active"},
    ),
    (
        [[account("k1", A1)], [account("k1", A1, login="bob")]],
        [Result.UPDATED], {"bob": {"101"}}, {"101": "active"},
    ),
    (
        [[account("k1", A1, State.OFF), account("k1", A1)]],
        [Result.PROCESSED, Result.UPDATED], {"ada": {"101"}}, {"101": "active"},
    ),
    (
        [[account("k1", A1), account("k2", A1, State.BLOCKED, login="bob")]],
        [Result.PROCESSED, Result.PROCESSED], {"ada": {"101"}, "bob": {"101"}}, {"101": "blocked"},
    ),
    ([[account("k1", A1)], [account("k1", A1)]], [Result.PROCESSED], {"ada": {"101"}}, {"101": "active"}),
    (
        [[account("k1", ("9", "9")), account("k2", A1, login=" "), account("k\0", A1), account("k3", A1)]],
        [Result.NOT_FOUND, Result.INVALID, Result.INVALID, Result.PROCESSED], {"ada": {"101"}}, {"101": "active"},
    ),
]  # fmt: skip


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Central]:
    make(tmp_path / "central")
    with opened(tmp_path / "central") as here:
        yield here.central


@pytest.mark.parametrize("many", [1, 1_000_000])
@pytest.mark.parametrize(("lists", "results", "living", "states"), STORIES)
def test_a_list_is_obeyed(
    central: Central, monkeypatch: pytest.MonkeyPatch, many: int, lists: list[list[Account]], results: list[Result],
    living: dict[str, set[str]], states: dict[str, str],
) -> None:  # fmt: skip
    monkeypatch.setattr(billing, "_MANY", many)
    site, _ = communities.add(central, "test", {"name": "Test", "time_zone": "Europe/Warsaw"})
    with central.change(site, "test") as change:
        change.put("building", "b", {"name": "1"})
        for home in (A1, A2):
            change.put("apartment", f"a-{home[1]}", {"building": "b", "number": home[1]})
    told: list[billing.Told] = []
    for accounts in lists:
        with central.change(site, "test", confirm=True) as change:
            told = billing.take(change, accounts)
    assert [each.result for each in told] == results
    with central.change(site, "test", dry_run=True) as change:
        homes = change.all("apartment")
        people = change.all("resident").values()
        assert {body["login"]: {homes[home]["number"] for home in _homes(body)} for body in people} == living
        assert {body["number"]: body["service"] for body in homes.values() if "service" in body} == states


def _homes(body: dict[str, Any]) -> list[str]:
    return [body["apartment"], *(each["apartment"] for each in body.get("apartments") or [])]
