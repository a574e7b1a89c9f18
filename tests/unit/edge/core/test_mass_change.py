import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.mass_change import MassChange, mass_changes
from models.ids import BuildingId

A, B = BuildingId("b-a"), BuildingId("b-b")


@pytest.mark.parametrize(
    ("closed", "apartments", "guarded"),
    [
        (5, 5, False),
        (6, 6, True),
        (6, 59, True),
        (6, 60, False),  # exactly 10 %
        (7, 69, True),
        (100, 1_000, False),
        (101, 1_000, True),
        (0, 0, False),
    ],
)
def test_more_than_five_and_more_than_ten_per_cent(closed: int, apartments: int, guarded: bool) -> None:
    found = mass_changes([A] * closed, {A: apartments})
    assert found == ((MassChange(A, closed, apartments),) if guarded else ())


@given(st.integers(0, 20), st.integers(0, 20))
def test_buildings_are_counted_apart(in_a: int, in_b: int) -> None:
    found = mass_changes([*[A] * in_a, *[B] * in_b], {A: 20, B: 20})
    assert {change.building for change in found} == {home for home, n in ((A, in_a), (B, in_b)) if n > 5}
