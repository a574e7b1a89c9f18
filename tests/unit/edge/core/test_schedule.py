from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.schedule import (
    MAX_ROWS,
    MAX_SPANS_A_DAY,
    day_bounds_ms,
    holidays_of,
    inside,
    parse_holiday,
    parse_hours,
    parse_week,
    render_hours,
    render_week,
    wall_clock,
)
from models.ids import ScheduleId
from models.schedule import Schedule, Span, WeeklyRow

BERLIN = "Europe/Berlin"


def week(text: str) -> Schedule:
    return Schedule(ScheduleId("s-1"), "test", parse_week(text))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("rows", "at", "expected"),
    [
        ("mon 08:00-18:00", "2026-01-05T08:00:00+01:00", True),  # a Monday
        ("mon 08:00-18:00", "2026-01-05T07:59:59+01:00", False),
        ("mon 08:00-18:00", "2026-01-05T17:59:59+01:00", True),
        ("mon 08:00-18:00", "2026-01-05T18:00:00+01:00", False),
        ("mon 08:00-18:00", "2026-01-06T12:00:00+01:00", False),
        ("mon 08:00-18:00", "2026-01-05T07:30:00+00:00", True),  # the same instant is 08:30 in Berlin
        ("sat 22:00-02:00", "2026-01-10T23:00:00+01:00", True),
        ("sat 22:00-02:00", "2026-01-11T01:59:59+01:00", True),  # Sunday, but it belongs to Saturday
        ("sat 22:00-02:00", "2026-01-11T02:00:00+01:00", False),
        ("sat 22:00-02:00", "2026-01-10T01:00:00+01:00", False),  # Saturday's small hours belong to Friday
        ("sun 22:00-02:00", "2026-01-12T01:00:00+01:00", True),  # over the end of the week
        ("mon 00:00-24:00", "2026-01-05T23:59:59+01:00", True),
        ("mon 00:00-24:00", "2026-01-06T00:00:00+01:00", False),
        ("mon 22:00-00:00", "2026-01-05T23:59:00+01:00", True),
        ("mon 22:00-00:00", "2026-01-06T00:00:00+01:00", False),
        ("mon 08:00-08:00", "2026-01-06T07:59:00+01:00", True),  # a full day
        ("mon 08:00-08:00", "2026-01-06T08:00:00+01:00", False),
    ],
)
def test_rows_are_from_inclusive_to_exclusive_on_the_wall_clock(rows: str, at: str, expected: bool) -> None:
    assert inside(week(rows), BERLIN, ms(at)) is expected


def test_empty_schedule_is_never() -> None:
    assert not inside(week(""), BERLIN, ms("2026-01-05T12:00:00+01:00"))


@pytest.mark.parametrize("offset", ["+02:00", "+01:00"])
def test_both_passes_of_the_doubled_hour_are_inside(offset: str) -> None:
    """2026-10-25 in Berlin: 02:30 happens twice."""
    assert inside(week("sun 02:00-03:00"), BERLIN, ms(f"2026-10-25T02:30:00{offset}"))


def test_row_over_the_autumn_night_is_an_hour_longer() -> None:
    rows = week("sun 01:00-04:00")
    start = ms("2026-10-25T01:00:00+02:00")
    minutes = [n for n in range(-60, 360) if inside(rows, BERLIN, start + n * 60_000)]
    assert minutes == list(range(4 * 60))


def test_skipped_hour_never_happens() -> None:
    """2026-03-29 in Berlin: after 01:59:59 comes 03:00:00."""
    rows = week("sun 02:00-03:00")
    start = ms("2026-03-29T00:00:00+01:00")
    assert not any(inside(rows, BERLIN, start + n * 60_000) for n in range(23 * 60))


def test_row_over_the_spring_night_is_an_hour_shorter() -> None:
    rows = week("sat 22:00-04:00")
    start = ms("2026-03-28T22:00:00+01:00")
    assert [n for n in range(-60, 480) if inside(rows, BERLIN, start + n * 60_000)] == list(range(5 * 60))


def test_whole_days_have_23_24_or_25_hours() -> None:
    hours = [
        (until - start) // 3_600_000
        for start, until in (
            day_bounds_ms(day, BERLIN) for day in (date(2026, 3, 29), date(2026, 1, 1), date(2026, 10, 25))
        )
    ]
    assert hours == [23, 24, 25]
    assert day_bounds_ms(date(2026, 1, 1), BERLIN)[0] == ms("2026-01-01T00:00:00+01:00")


@pytest.mark.parametrize("at_ms", [-(10**17), 10**17])
def test_an_impossible_clock_raises_nothing(at_ms: int) -> None:
    assert inside(week("mon-sun 00:00-24:00"), BERLIN, at_ms)
    assert wall_clock(at_ms, "Pacific/Auckland").year in (1, 9999)


@given(
    st.integers(ms("2025-01-01T00:00:00+00:00"), ms("2028-01-01T00:00:00+00:00")),
    st.integers(0, 6),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.sampled_from([BERLIN, "UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"]),
)
def test_agrees_with_a_slow_reading_of_the_rule(at_ms: int, weekday: int, begin: int, end: int, zone: str) -> None:
    """Walk the minutes of the row from its first day's midnight on a clock without summer time, and compare."""
    local = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    length = end - begin if end > begin else end + 1440 - begin
    expected = False
    for days_back in (0, 1):
        first_day = (local - timedelta(days=days_back)).replace(hour=0, minute=0, second=0, microsecond=0)
        opens = first_day + timedelta(minutes=begin)
        expected |= first_day.weekday() == weekday and opens <= local < opens + timedelta(minutes=length)
    assert inside(Schedule(ScheduleId("s"), "s", (WeeklyRow(weekday, begin, end),)), zone, at_ms) is expected


def test_week_is_parsed_and_written_back() -> None:
    text = "mon 08:00-18:00; sat 22:00-02:00; sun 00:00-24:00"
    assert render_week(parse_week(text)) == text
    assert render_week(parse_week(" FRI-MON 08:00-09:00 ;")) == (
        "fri 08:00-09:00; sat 08:00-09:00; sun 08:00-09:00; mon 08:00-09:00"
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("someday 08:00-18:00", "someday 08:00-18:00"),
        ("mod 08:00-18:00", "'mod'"),
        ("mon-fry 08:00-18:00", "'fry'"),
        ("mon 8:00-18:00", "mon 8:00-18:00"),
        ("mon 24:00-18:00", "time of day"),
        ("mon 08:00-24:01", "time of day"),
        ("mon 08:60-09:00", "time of day"),
        ("mon ٠٨:00-09:00", "weekly row"),
        ("; ".join(["mon-sun 08:00-09:00"] * 29), str(MAX_ROWS)),
    ],
)
def test_a_bad_week_is_refused_by_name(text: str, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        parse_week(text)


# --- holidays and one-off days ----------------------------------------------------------------------------------------

HOLIDAYS = holidays_of(["12-25", "2026-04-06"])  # Christmas of every year, Easter Monday 2026


def hours(text: str) -> Schedule:
    told = parse_hours(text)
    return Schedule(ScheduleId("s-1"), "test", told.rows, told.holiday, told.days)


PROGRAMMES = [
    # a schedule that says nothing of holidays has none
    ("mon 08:00-18:00", "2026-04-06T12:00:00+02:00", True),
    # one that does has the holiday's hours instead of the weekday's
    ("mon 08:00-18:00; hol closed", "2026-04-06T12:00:00+02:00", False),
    ("mon 08:00-18:00; hol closed", "2026-04-13T12:00:00+02:00", True),
    ("mon 08:00-18:00; hol 10:00-11:00", "2026-04-06T10:30:00+02:00", True),
    ("mon 08:00-18:00; hol 10:00-11:00", "2026-04-06T12:00:00+02:00", False),
    ("hol 10:00-11:00", "2026-04-07T10:30:00+02:00", False),
    ("hol 10:00-11:00", "2027-12-25T10:30:00+01:00", True),
    # a one-off day goes before both
    ("mon 08:00-18:00; hol closed; 2026-04-06 14:00-15:00", "2026-04-06T14:30:00+02:00", True),
    ("mon 08:00-18:00; 2026-04-06 closed", "2026-04-06T14:30:00+02:00", False),
    ("2026-04-07 closed", "2026-04-07T14:30:00+02:00", False),
    ("2026-04-07 08:00-09:00; 2026-04-07 14:00-15:00", "2026-04-07T14:30:00+02:00", True),
    # what runs into the next day belongs to its first one, whatever the next day is
    ("sun 22:00-02:00; hol closed", "2026-04-06T01:00:00+02:00", True),
    ("mon 22:00-02:00; hol closed", "2026-04-07T01:00:00+02:00", False),
    ("hol 22:00-02:00", "2026-04-07T01:59:00+02:00", True),
    ("hol 22:00-02:00", "2026-04-07T02:00:00+02:00", False),
    ("2026-04-05 20:00-20:00; mon 08:00-09:00", "2026-04-06T19:59:00+02:00", True),
    # the day is the community's
    ("hol 00:00-24:00", "2026-12-24T23:30:00+00:00", True),
    ("hol 00:00-24:00", "2026-12-25T23:30:00+00:00", False),
    ("always", "2026-04-06T01:00:00+02:00", True),
    ("never", "2026-04-06T01:00:00+02:00", False),
]


@pytest.mark.parametrize(("text", "at", "expected"), PROGRAMMES)
def test_a_day_has_one_programme(text: str, at: str, expected: bool) -> None:
    assert inside(hours(text), BERLIN, ms(at), HOLIDAYS) is expected


@pytest.mark.parametrize("offset", ["+02:00", "+01:00"])
def test_both_passes_of_the_doubled_hour_are_inside_a_one_off_day(offset: str) -> None:
    assert inside(hours("2026-10-25 02:00-03:00"), BERLIN, ms(f"2026-10-25T02:30:00{offset}"), HOLIDAYS)


def test_a_one_off_day_over_the_spring_night_is_an_hour_shorter() -> None:
    rows = hours("2026-03-28 22:00-04:00")
    start = ms("2026-03-28T22:00:00+01:00")
    assert [n for n in range(-60, 480) if inside(rows, BERLIN, start + n * 60_000)] == list(range(5 * 60))


@given(
    st.integers(ms("2026-01-01T00:00:00+00:00"), ms("2027-12-31T00:00:00+00:00")),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe"]),
)
def test_a_weekday_written_as_single_days_is_the_same(at_ms: int, begin: int, end: int, zone: str) -> None:
    """Every Monday as a day of its own, against the weekly row, which has its own slow reading above."""
    mondays = [date(2025, 12, 29) + timedelta(weeks=n) for n in range(106)]
    span = (Span(begin, end),)
    weekly = Schedule(ScheduleId("s"), "s", (WeeklyRow(0, begin, end),))
    single = Schedule(ScheduleId("s"), "s", days=dict.fromkeys(mondays, span))
    assert inside(single, zone, at_ms) is inside(weekly, zone, at_ms)


def test_hours_are_parsed_and_written_back() -> None:
    text = "mon 08:00-18:00; hol 10:00-14:00; 2026-12-24 08:00-12:00; 2026-12-31 closed"
    assert render_hours(parse_hours(text)) == text
    assert render_hours(parse_hours(" HOL closed ;")) == "hol closed"
    assert parse_hours("Always") == parse_hours("mon-sun 00:00-24:00")
    assert parse_hours("never") == parse_hours("")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2026-02-30 08:00-09:00", "calendar"),
        ("2026-2-3 08:00-09:00", "is not a day"),
        ("2026-02-03", "is not a day"),
        ("hol", "is not a day"),
        ("hol 8-9", "is not a day"),
        ("hol 25:00-26:00", "time of day"),
        ("mon closed", "weekly row"),
        ("; ".join(["hol 08:00-09:00"] * 25), str(MAX_SPANS_A_DAY)),
    ],
)
def test_bad_hours_are_refused_by_name(text: str, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        parse_hours(text)


def test_holidays_are_single_days_or_of_every_year() -> None:
    assert [parse_holiday(text) for text in ("2026-04-06", "12-25", "02-29")] == ["2026-04-06", "12-25", "02-29"]
    for text in ("2026-13-01", "13-01", "02-30", "1-1", "Easter", "2026-W15-1", ""):
        with pytest.raises(ValueError, match="day"):
            parse_holiday(text)
