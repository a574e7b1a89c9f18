"""How often something may happen, for each of many who ask."""

from edge.fleet.limits import MAX_KNOWN, Allowance


def test_so_often_in_a_span_and_again_in_the_next() -> None:
    allowance = Allowance(2)
    assert [allowance.take("a", 1_000) for _ in range(3)] == [True, True, False]
    assert allowance.is_spent("a", 60_999)
    assert not allowance.is_spent("b", 1_000)
    assert allowance.take("a", 61_000)


def test_a_clock_that_goes_back_shuts_nobody_out() -> None:
    allowance = Allowance(1, minutes=10)
    assert allowance.take("a", 1_000_000)
    assert allowance.take("a", 10)


def test_of_very_many_the_longest_known_are_forgotten() -> None:
    allowance = Allowance(1)
    assert all(allowance.take(f"{number}", 0) for number in range(MAX_KNOWN + 1))
    assert not allowance.is_spent("0", 0)
    assert allowance.is_spent(f"{MAX_KNOWN}", 0)
