"""The same thing told by two roads is one thing, whichever comes first and however often the like happens."""

import pytest

from edge.fleet.events_merge import HOOK, LOG, LOGGED_WITHIN_S, SYSLOG, WAITS_S, Happening, Merger
from models.ids import Mac
from provisioning.api import Sight, Sighting

GATE, LIFT = Mac("0c1105000001"), Mac("0c1105000002")
CODE = Sighting(Sight.CODE_OPENED)
LOGGED = Sighting(Sight.CODE_OPENED, "481516", at_ms=7, number=3)


def told(*results: Happening | None) -> list[Sighting]:
    return [each.sighting for each in results if each is not None]


def test_an_opening_waits_for_the_log_that_says_whose_it_was() -> None:
    merger = Merger()
    assert merger.add(GATE, CODE, HOOK, 0.0) is None
    assert told(merger.add(GATE, LOGGED, LOG, 0.5)) == [LOGGED]
    assert merger.due(100.0) == []


def test_without_the_log_it_is_told_all_the_same() -> None:
    merger = Merger()
    merger.add(GATE, CODE, HOOK, 0.0)
    assert merger.next_due_s() == WAITS_S
    assert merger.due(WAITS_S - 0.1) == []
    assert told(*merger.due(WAITS_S)) == [CODE]
    assert merger.due(WAITS_S) == []
    assert merger.add(GATE, LOGGED, LOG, 30.0) is None, "the log is late, and says nothing new"


def test_three_roads_are_one_row() -> None:
    merger = Merger()
    results = [
        merger.add(GATE, CODE, SYSLOG, 0.0),
        merger.add(GATE, LOGGED, LOG, 0.1),
        merger.add(GATE, CODE, HOOK, 0.2),
    ]
    assert told(*results) == [LOGGED]


def test_two_people_one_after_the_other_are_two() -> None:
    merger = Merger()
    first, second = LOGGED, Sighting(Sight.CODE_OPENED, "112358", at_ms=8, number=4)
    results = [merger.add(GATE, CODE, HOOK, 0.0), merger.add(GATE, CODE, HOOK, 1.0)]
    results += [merger.add(GATE, first, LOG, 1.5), merger.add(GATE, second, LOG, 1.5)]
    assert told(*results) == [first, second]


@pytest.mark.parametrize(("mac", "sighting"), [
    (LIFT, LOGGED),
    (GATE, Sighting(Sight.CODE_REFUSED, number=3)),
    (GATE, Sighting(Sight.CARD_OPENED, "04A1", number=3)),
])  # fmt: skip
def test_other_doors_and_other_things_are_not_the_same(mac: Mac, sighting: Sighting) -> None:
    merger = Merger()
    merger.add(GATE, CODE, HOOK, 0.0)
    assert told(merger.add(mac, sighting, LOG, 0.1)) == ([sighting] if sighting.what is not Sight.CARD_REFUSED else [])
    assert told(*merger.due(WAITS_S)) == [CODE]


def test_two_cards_are_not_the_same() -> None:
    merger = Merger()
    merger.add(GATE, Sighting(Sight.CARD_OPENED, "04A1"), HOOK, 0.0)
    assert told(merger.add(GATE, Sighting(Sight.CARD_OPENED, "04FF", number=1), LOG, 0.1))
    assert len(merger.due(WAITS_S)) == 1


def test_a_refused_card_is_asked_of_the_rules_at_once_though_the_log_said_it_first() -> None:
    merger = Merger()
    logged, hooked = Sighting(Sight.CARD_REFUSED, "04A1", number=1), Sighting(Sight.CARD_REFUSED, "04A1")
    assert merger.add(GATE, logged, LOG, 0.0) is None
    happening = merger.add(GATE, hooked, HOOK, 0.2)
    assert happening is not None
    assert happening.roads == {LOG, HOOK}


def test_what_is_old_does_not_wait() -> None:
    merger = Merger()
    assert merger.add(GATE, Sighting(Sight.CARD_REFUSED, "04A1", number=1), LOG, 0.0, live=False) is not None


def test_the_like_of_long_ago_is_another() -> None:
    merger = Merger()
    merger.add(GATE, CODE, HOOK, 0.0)
    merger.due(WAITS_S)
    assert told(merger.add(GATE, LOGGED, LOG, LOGGED_WITHIN_S + 1)) == [LOGGED]
