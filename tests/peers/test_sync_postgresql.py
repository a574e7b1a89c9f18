"""An edge whose own store is on PostgreSQL follows as one with SQLite does: the tests of `tests/loopback` again.

A test collected here under another name is the very function of that folder; only the edge's store is another.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from sqlalchemy import text

from edge.admin.site import Site, make_site
from tests.fakes.central import FakeCentral
from tests.loopback.central import test_follow as at_the_reference
from tests.loopback.central.lab import DOOR, Lab, furniture, new_central, serving
from tests.loopback.cloud import test_hints
from tests.loopback.sync import test_follow as at_a_fake
from tests.loopback.sync.lab import Edge

pytestmark = pytest.mark.peer("postgresql")

ONE_BOX: Final = {
    at_a_fake: (),
    at_the_reference: (
        "test_an_edge_enrols_fetches_everything_and_follows_each_change", "test_events_are_there_once_and_in_order",
        "test_an_edge_of_one_building_sees_that_building_and_what_everybody_sees",
        "test_after_a_restore_the_new_epoch_brings_everything_anew",
        "test_after_compaction_an_edge_that_was_away_begins_anew", "test_a_snapshot_in_pages",
    ),
    test_hints: ("test_an_edge_that_waits_for_an_hour_asks_at_a_hint",),
}  # fmt: skip
"""Tests with no second box made from files; none named = all of the module."""


@pytest.fixture
def edge(tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    monkeypatch.setenv("EDGE_STORE__URL", postgresql_url)
    folder = tmp_path / "site"
    make_site(folder, {"name": "Test", "time_zone": "Europe/Warsaw", "country": "PL"})
    opened = Edge(Site.open(folder))
    with opened.site.store.read() as connection:
        assert connection.execute(text("SELECT version()")).scalar_one().startswith("PostgreSQL")
    yield opened
    opened.close()


@pytest.fixture
async def central() -> AsyncIterator[FakeCentral]:
    async with FakeCentral() as fake:
        yield fake


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with serving(new_central(tmp_path / "central")) as running:
        yield running


def _taken_over(module: ModuleType, names: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for name, each in vars(module).items():
        if name.startswith("test_") and callable(each) and (not names or name in names):
            yield f"{name}_with_the_edge_on_postgresql", each


for _module, _names in ONE_BOX.items():
    globals().update(_taken_over(_module, _names))


ALL_KINDS: Final[list[tuple[str, str, dict[str, Any] | None]]] = [
    *furniture(2),
    ("schedule", "h-1", {"name": "Day", "week": "mon-fri 08:00-18:00; hol closed; 2026-12-24 08:00-12:00"}),
    ("apartment", "a-2", {"building": "b-1", "number": "102", "landlines": ["+48221234567"], "call_type": 2}),
    ("resident", "r-9", {"first": "Bob", "apartment": "a-1", "apartments": [{"apartment": "a-2"}], "role": "master"}),
    ("relay", "l-1", {"device": "d-1", "number": 1, "schedule": "h-1"}),
    ("credential", "c-9", {"kind": "pin", "value": "730518", "apartment": "a-2", "doors": ["d-1"], "uses": 3}),
    ("whitelist", "+48601234567", {"number": "+48601234567", "note": "Caretaker", "opens": "d-1"}),
]


GOING: Final = (("building", "b-1", None), ("device", "d-1", None), ("schedule", "h-1", None))


async def test_every_kind_of_thing_is_made_changed_and_gone(edge: Edge, lab: Lab) -> None:
    await lab.change(*ALL_KINDS)
    await lab.join(edge)
    async with edge.following():
        await edge.at(lab.rev())
        assert await lab.differences(edge) == []
        await edge.at(
            await lab.change(
                ("schedule", "h-1", {"name": "Night", "week": "sat 22:00-02:00"}),
                ("building", "b-1", {"name": "One"}),
                ("apartment", "a-2", {"building": "b-1", "number": "103", "service": "blocked"}),
                ("device", "d-1", {"mac": DOOR, "name": "Door", "type": 1, "schedule": "h-1"}),
                ("relay", "l-1", {"device": "d-1", "number": 2}),
                ("resident", "r-9", {"first": "Rob", "apartment": "a-2"}),
                ("credential", "c-9", {"kind": "pin", "value": "730519", "apartment": "a-2"}),
                ("whitelist", "+48601234567", {"number": "+48601234567"}),
            )
        )
        with lab.central.change(lab.community, "test") as change:
            change.merge("community", lab.community, name="Renamed", time_zone="Europe/Riga", country="LV")
        await edge.at(lab.rev())
        assert await lab.differences(edge) == []
        await edge.at(await lab.change(*GOING, confirm=True))
    assert await lab.differences(edge) == []
    assert edge.credentials() == 0


def test_every_named_test_is_there() -> None:
    for module, names in ONE_BOX.items():
        assert set(names) <= vars(module).keys()
