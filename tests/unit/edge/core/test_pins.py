import itertools
from collections.abc import Iterator

import pytest

from edge.core.pins import MAX_DRAWS, NoPinLeft, bare, digits_for, duplicate, generate, objection
from edge.core.tags import Tagger
from models.access import CredentialKind
from models.ids import CredentialId
from models.service import PinMode
from tests.unit.edge.core.door_house import A101, A102, SITE, TAGGER, credential, house

PIN = CredentialKind.PIN


@pytest.mark.parametrize(
    ("pin", "mode", "names"),
    [
        ("12a456", PinMode.PIN, "digits"),
        ("４８２９１５", PinMode.PIN, "digits"),
        ("48291", PinMode.PIN, "6 to 8"),
        ("482915736", PinMode.PIN, "6 to 8"),
        ("482", PinMode.APT_PIN, "4 to 8"),
        ("777777", PinMode.PIN, "one digit"),
        ("123456", PinMode.PIN, "up or down"),
        ("654321", PinMode.PIN, "up or down"),
        ("890123", PinMode.PIN, "up or down"),
        ("3456", PinMode.APT_PIN, "up or down"),
        ("1212", PinMode.APT_PIN, "repeated group"),
        ("474747", PinMode.PIN, "repeated group"),
        ("482482", PinMode.PIN, "repeated group"),
        ("4824824", PinMode.PIN, "repeated group"),
        ("48248248", PinMode.PIN, "repeated group"),
        ("204815", PinMode.PIN, "apartment"),
        ("00204815", PinMode.PIN, "apartment"),
    ],
)
def test_trivial_pins_are_refused_by_rule(pin: str, mode: PinMode, names: str) -> None:
    reason = objection(pin, mode, "2#04815")
    assert reason is not None
    assert names in reason


@pytest.mark.parametrize("pin", ["482915", "00482915", "135790", "112233", "123457", "101102"])
def test_what_is_left_is_taken(pin: str) -> None:
    assert objection(pin, PinMode.PIN, "101") is None


@pytest.mark.parametrize(("pin", "fits"), [("48291", False), ("482915", True)])
def test_a_bare_pin_has_six_digits(pin: str, fits: bool) -> None:
    assert bare(pin) is fits


@pytest.mark.parametrize(
    ("mode", "in_use", "digits"),
    [
        (PinMode.PIN, 0, 6),
        (PinMode.PIN, 199, 6),
        (PinMode.PIN, 200, 7),
        (PinMode.PIN, 2_000, 8),
        (PinMode.PIN, 1_000_000, 8),
        (PinMode.APT_PIN, 1_000_000, 4),
    ],
)
def test_larger_communities_get_longer_pins(mode: PinMode, in_use: int, digits: int) -> None:
    assert digits_for(mode, in_use) == digits


def test_duplicates_are_looked_for_in_the_community_or_the_apartment() -> None:
    taken = credential(PIN, "482915", A101)
    everywhere = house([taken])
    assert duplicate("482915", everywhere, TAGGER, A102)
    assert not duplicate("482916", everywhere, TAGGER, A102)
    assert not duplicate("482915", everywhere, TAGGER, A101, except_for=taken.id)
    by_apartment = house([taken], pin_mode=PinMode.APT_PIN)
    assert duplicate("482915", by_apartment, TAGGER, A101)
    assert not duplicate("482915", by_apartment, TAGGER, A102)


def test_a_pin_that_still_has_an_older_tag_is_taken_too() -> None:
    """After the pepper was replaced both open; given to two holders it would be ambiguous at the door."""
    taken = house([credential(PIN, "482915", A101)])
    renewed = Tagger(b"fedcba9876543210", SITE, older=[b"0123456789abcdef"])
    assert duplicate("482915", taken, renewed, A102)
    assert not duplicate("482916", taken, renewed, A102)


def test_a_card_of_the_same_digits_is_no_duplicate() -> None:
    assert not duplicate("482915", house([credential(CredentialKind.RF_CARD, "482915")]), TAGGER, A101)


def test_generated_pin_is_drawn_again_while_trivial_or_taken() -> None:
    draws: Iterator[int] = iter([123456, 777777, 482915, 48291])
    asked: list[int] = []

    def draw(below: int) -> int:
        asked.append(below)
        return next(draws)

    snapshot = house([credential(PIN, "482915", A102, id=CredentialId("taken"))])
    assert generate(snapshot, TAGGER, A101, draw) == "048291"
    assert asked == [10**6] * 4


@pytest.mark.parametrize("mode", PinMode)
def test_generated_pins_differ_and_keep_the_rules(mode: PinMode) -> None:
    snapshot = house(pin_mode=mode)
    pins = {generate(snapshot, TAGGER, A101) for _ in range(50)}
    assert len(pins) > 40
    assert all(objection(pin, mode, "101") is None for pin in pins)


def test_no_free_pin_is_said_after_a_bounded_search() -> None:
    counter = itertools.count()

    def same(_: int) -> int:
        next(counter)
        return 777777

    with pytest.raises(NoPinLeft, match="6 digits"):
        generate(house(), TAGGER, A101, same)
    assert next(counter) == MAX_DRAWS
