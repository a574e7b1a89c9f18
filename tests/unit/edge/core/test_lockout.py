import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.lockout import FORGIVEN_AFTER_S, STEPS_S, TRIES, WINDOW_S, LockKey, Lockout
from models.ids import ApartmentId, DeviceId

READER = LockKey(DeviceId("d-1"))
FLAT_5, FLAT_6 = LockKey(DeviceId("d-1"), ApartmentId("a-5")), LockKey(DeviceId("d-1"), ApartmentId("a-6"))


def hammered(now_s: float = 0.0, tries: int = TRIES, lockout: Lockout | None = None) -> Lockout:
    lockout = lockout or Lockout()
    for _ in range(tries):
        lockout.wrong(READER, now_s)
    return lockout


def test_fifth_wrong_try_starts_the_lock() -> None:
    lockout = hammered(tries=4)
    assert not lockout.locked(READER, 0.0)
    lockout.wrong(READER, 0.0)
    assert lockout.locked(READER, 0.0)
    assert lockout.locked(READER, 29.9)
    assert not lockout.locked(READER, 30.0)


def test_locks_grow_to_fifteen_minutes_and_stay_there() -> None:
    lockout, now_s, lasted = Lockout(), 0.0, []
    for _ in range(8):
        hammered(now_s, lockout=lockout)
        lasted.append(lockout.remaining_s(READER, now_s))
        now_s += lasted[-1]
    assert lasted == [30, 60, 120, 240, 480, 900, 900, 900]


def test_window_slides() -> None:
    lockout = Lockout()
    for at_s in (0.0, 100.0, 200.0, 299.0):
        lockout.wrong(READER, at_s)
    lockout.wrong(READER, WINDOW_S)  # the try at 0 is five minutes old and counts no more
    assert not lockout.locked(READER, WINDOW_S)
    lockout.wrong(READER, WINDOW_S + 50.0)
    assert lockout.locked(READER, WINDOW_S + 50.0)


def test_tries_during_a_lock_are_not_counted_and_do_not_prolong() -> None:
    lockout = hammered()
    hammered(10.0, tries=50, lockout=lockout)
    assert not lockout.locked(READER, 30.0)
    hammered(30.0, tries=TRIES - 1, lockout=lockout)
    assert not lockout.locked(READER, 30.0)


def test_counting_begins_anew_after_a_lock() -> None:
    lockout = hammered()
    lockout.wrong(READER, 31.0)
    assert not lockout.locked(READER, 31.0)


def test_right_code_clears_count_and_step() -> None:
    lockout = hammered()
    assert lockout.right(READER)
    assert not lockout.right(READER)
    hammered(40.0, lockout=lockout)
    assert lockout.remaining_s(READER, 40.0) == STEPS_S[0]


@pytest.mark.parametrize(("after_s", "expected_s"), [(FORGIVEN_AFTER_S - 1, 60.0), (FORGIVEN_AFTER_S, 30.0)])
def test_step_falls_after_an_hour_without_a_lock(after_s: float, expected_s: float) -> None:
    lockout = hammered()
    later_s = STEPS_S[0] + after_s
    hammered(later_s, lockout=lockout)
    assert lockout.remaining_s(READER, later_s) == expected_s


def test_keys_are_counted_apart() -> None:
    lockout = Lockout()
    for _ in range(TRIES):
        lockout.wrong(FLAT_5, 0.0)
    assert lockout.locked(FLAT_5, 0.0)
    assert not lockout.locked(FLAT_6, 0.0)
    assert not lockout.locked(READER, 0.0)
    assert list(lockout.locks(0.0)) == [(FLAT_5, 30.0)]


@pytest.mark.parametrize("tries", range(1, 2 * TRIES))
@pytest.mark.parametrize("asleep_s", [0.0, 10.0])
def test_state_survives_a_restart_with_another_clock(tries: int, asleep_s: float) -> None:
    """Stored by wall time, taken back by a monotonic clock that has nothing to do with the first."""
    before = hammered(1_000.0, tries)
    counter = before.get(READER)
    assert counter is not None
    stored = counter.stored(now_s=1_005.0, now_ms=5_000_000)
    after = Lockout()
    after.restore(READER, stored, now_s=3.0, now_ms=5_000_000 + int(asleep_s * 1_000))
    assert after.remaining_s(READER, 3.0) == pytest.approx(before.remaining_s(READER, 1_005.0 + asleep_s))
    for lockout, now_s in ((before, 1_040.0), (after, 38.0 - asleep_s)):
        hammered(now_s, lockout=lockout)
    mended, whole = after.get(READER), before.get(READER)
    assert mended is not None
    assert whole is not None
    assert mended.step == whole.step


def test_a_wall_clock_that_went_back_prolongs_no_lock_beyond_its_step() -> None:
    counter = hammered().get(READER)
    assert counter is not None
    after = Lockout()
    after.restore(READER, counter.stored(now_s=0.0, now_ms=1_800_000_000_000), now_s=0.0, now_ms=0)
    assert after.remaining_s(READER, 0.0) == STEPS_S[0]


def test_idle_counters_are_forgotten_and_others_kept() -> None:
    lockout = hammered()
    lockout.wrong(FLAT_5, 3_000.0)
    assert lockout.forget_idle(3_100.0) == ()
    assert lockout.forget_idle(3_301.0) == (FLAT_5,)
    assert lockout.forget_idle(STEPS_S[0] + FORGIVEN_AFTER_S) == (READER,)
    assert lockout.get(READER) is None


@given(st.lists(st.floats(0, 400), max_size=60))
def test_between_a_try_and_the_fifth_after_it_there_is_a_lock_or_five_minutes(gaps_s: list[float]) -> None:
    """The point of it all: a guesser gets at most 5 judged tries, then at least 30 s of nothing."""
    lockout, now_s, judged = Lockout(), 0.0, []
    for gap_s in gaps_s:
        now_s += gap_s
        if not lockout.locked(READER, now_s):
            judged.append(now_s)
            lockout.wrong(READER, now_s)
    for first, sixth in zip(judged, judged[TRIES:], strict=False):
        assert sixth - first >= STEPS_S[0]
