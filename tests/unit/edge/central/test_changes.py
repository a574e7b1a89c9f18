"""Changes of the central store: what is refused, what goes along, what each edge sees of it. SQLite, no socket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from edge.central import communities, edges
from edge.central.changes import Central
from edge.central.opening import make, opened
from edge.central.problems import CentralProblem, Invalid, Unknown
from edge.central.tables import edge_item, item, metadata

SITE = {"name": "Test", "time_zone": "Europe/Warsaw"}
HOUSE: list[tuple[str, str, dict[str, Any]]] = [
    ("building", "b-1", {"name": "1"}),
    ("building", "b-2", {"name": "2"}),
    ("apartment", "a-1", {"building": "b-1", "number": "101"}),
    ("apartment", "a-2", {"building": "b-2", "number": "201"}),
    ("mac", "0c1105000001", {"mac": "0c1105000001"}),
    ("schedule", "h-1", {"name": "Day", "week": "mon-fri 08:00-18:00"}),
    ("device", "d-1", {"mac": "0c1105000001", "name": "Gate", "type": 0, "schedule": "h-1"}),
    ("relay", "l-1", {"device": "d-1", "number": 1}),
    ("resident", "r-1", {"first": "Ada", "apartment": "a-1", "role": "master"}),
    ("credential", "c-1", {"kind": "rf_card", "value": "04AA000001", "apartment": "a-1", "resident": "r-1"}),
    ("credential", "c-2", {"kind": "pin", "value": "730518", "apartment": "a-1", "doors": ["d-1"]}),
]  # fmt: skip


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Central]:
    make(tmp_path / "central")
    with opened(tmp_path / "central") as here:
        yield here.central


@pytest.fixture
def site(central: Central) -> str:
    identity, _ = communities.add(central, "test", SITE)
    put(central, identity, *HOUSE)
    return identity


def put(central: Central, site: str, *things: tuple[str, str, dict[str, Any] | None], confirm: bool = False) -> int:
    with central.change(site, "test", confirm=confirm) as change:
        for kind, identity, body in things:
            if body is None:
                change.drop(kind, identity)
            else:
                change.put(kind, identity, body)
        return change.rev


def living(central: Central, site: str) -> set[str]:
    with central.store.read() as connection:
        rows = connection.execute(select(item.c.id).where(item.c.community == site, item.c.body.is_not(None)))
        return set(rows.scalars()) - {site}


def seen(central: Central, edge: str) -> dict[str, tuple[int, bool]]:
    with central.store.read() as connection:
        rows = connection.execute(select(edge_item).where(edge_item.c.edge == edge))
        return {row.id: (row.rev, row.gone) for row in rows}


BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("apartment", "a-9", {"building": "b-9", "number": "1"}, "missing"),
    ("apartment", "a-9", {"building": "b-1", "number": "#1"}, "apartment"),
    ("apartment", "a-1", {"building": "b-2", "number": "101"}, "building_stays"),
    ("resident", "r-9", {"first": "Bob", "apartment": "a-1", "role": "master"}, "one_master"),
    ("credential", "c-9", {"kind": "rf_card", "value": "04AA", "apartment": "a-2", "resident": "r-1"}, "holder"),
    ("credential", "c-9", {"kind": "rf_card", "value": "zz", "apartment": "a-1"}, "value"),
    ("nonsense", "x-1", {}, "kind"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "identity", "body", "reason"), BAD)
def test_what_an_edge_would_refuse_is_refused_here(
    central: Central, site: str, kind: str, identity: str, body: dict[str, Any], reason: str
) -> None:
    before = living(central, site)
    with pytest.raises(Invalid) as refused:
        put(central, site, (kind, identity, body))
    assert reason in refused.value.reason
    assert living(central, site) == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("building", {"name": "1"}),
        ("apartment", {"building": "b-1", "number": "101"}),
        ("credential", {"kind": "pin", "value": "730518", "apartment": "a-2"}),
        ("relay", {"device": "d-1", "number": 1}),
    ],
)
def test_a_name_number_or_pin_is_there_once(central: Central, site: str, kind: str, body: dict[str, Any]) -> None:
    with pytest.raises(CentralProblem) as refused:
        put(central, site, (kind, "x-9", body))
    assert refused.value.reason == "taken"


GOES_WITH = [
    (("resident", "r-1"), {"r-1", "c-1"}),
    (("apartment", "a-1"), {"a-1", "r-1", "c-1", "c-2"}),
    (("device", "d-1"), {"d-1", "l-1", "c-2"}),
    (("building", "b-1"), {"b-1", "a-1", "r-1", "c-1", "c-2"}),
]


@pytest.mark.parametrize(("thing", "gone"), GOES_WITH)
def test_what_cannot_be_without_a_thing_goes_with_it(
    central: Central, site: str, thing: tuple[str, str], gone: set[str]
) -> None:
    before = living(central, site)
    put(central, site, (*thing, None))
    assert before - living(central, site) == gone


def test_a_schedule_in_use_stays(central: Central, site: str) -> None:
    with pytest.raises(CentralProblem) as refused:
        put(central, site, ("schedule", "h-1", None))
    assert refused.value.reason == "in_use"


def test_an_edge_sees_its_buildings_and_what_leaves_them_is_a_tombstone(central: Central, site: str) -> None:
    edge, _ = edges.add(central, "test", site, "two", buildings=["b-2"])
    everybody = {site, "0c1105000001", "h-1", "d-1", "l-1"}
    assert set(seen(central, edge)) == everybody | {"b-2", "a-2"}
    moved = put(central, site, ("resident", "r-1", {"first": "Ada", "apartment": "a-2"}))
    assert seen(central, edge)["r-1"] == (moved, False)
    back = put(central, site, ("resident", "r-1", {"first": "Ada", "apartment": "a-1"}))
    assert seen(central, edge)["r-1"] == (back, True)
    edges.rescope(central, "test", edge, [])
    assert {name for name, (_, gone) in seen(central, edge).items() if not gone} == living(central, site) | {site}


def test_a_dry_run_leaves_nothing(central: Central, site: str) -> None:
    before = living(central, site)
    with central.change(site, "test", dry_run=True) as change:
        change.put("building", "b-7", {"name": "7"})
        rev = change.rev
    assert living(central, site) == before
    assert put(central, site) == rev


def test_no_value_stands_in_the_database(central: Central, site: str) -> None:
    assert central.store.path is not None
    files = central.store.path.parent.glob("central.db*")
    assert not any(value in file.read_bytes() for file in files for value in (b"730518", b"04AA000001"))


def test_a_name_clash_of_communities_gets_a_suffix(central: Central) -> None:
    assert [communities.add(central, "test", SITE)[1] for _ in range(3)] == ["Test", "Test (2)", "Test (3)"]


def test_a_code_is_kept_as_a_hash_and_good_for_ten_minutes(central: Central, site: str) -> None:
    _, code = edges.add(central, "test", site, "box", code_life_s=-1)
    assert central.store.path is not None
    assert code.encode() not in central.store.path.read_bytes()
    with pytest.raises(CentralProblem) as refused:
        edges.enrol(central, code, "A" * 43 + "=", "box")
    assert refused.value.reason == "code"


def test_events_are_kept_once_and_upto_knows_no_gap(central: Central, site: str) -> None:
    identity, code = edges.add(central, "test", site, "box")
    edges.enrol(central, code, "A" * 43 + "=", "box")
    rows = [{"seq": seq, "type": "test"} for seq in (1, 2, 4)]
    assert edges.took(central, identity, "db", rows) == 2
    assert edges.took(central, identity, "db", [{"seq": 2, "type": "other"}, {"seq": 3, "type": "test"}]) == 4
    assert edges.took(central, identity, "another", []) == 0


def test_there_is_no_such_community(central: Central) -> None:
    with pytest.raises(Unknown):
        put(central, "nowhere")


def test_the_migrations_make_the_tables(central: Central) -> None:
    with central.store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
