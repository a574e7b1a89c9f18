"""What sources of the weather say: read where it makes sense, refused in words where it does not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fleet.weather import CONDITIONS, MAX_BYTES, Weather, read

NOON_MS = 1_799_236_800_000  # 2027-01-06 12:00 UTC
OURS = {"temperature_c": -3.6, "condition": "snow", "at": "2027-01-06T12:30:00+01:00"}


def test_our_own_shape() -> None:
    weather = read(json.dumps(OURS).encode(), NOON_MS)
    assert weather == Weather(-4, "snow", NOON_MS - 30 * 60_000)
    assert weather.fields() == {"temperature_c": -4, "condition": "snow", "at": "2027-01-06T11:30:00.000Z"}


def test_the_shape_of_open_meteo() -> None:
    current = {"time": "2027-01-06T11:45", "interval": 900, "temperature_2m": 12.3, "weather_code": 61}
    told = {"latitude": 56.95, "current_units": {"temperature_2m": "°C"}, "current": current}
    assert read(json.dumps(told).encode(), NOON_MS) == Weather(12, "rain", NOON_MS - 15 * 60_000)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"temperature_c": "warm"}, {"temperature_c": True}, {"temperature_c": 400}, {"temperature_c": float("nan")},
        {"temperature_c": 10**400}, {"at": "0001-01-01T00:00:00+23:59"},
        {"condition": "<b>rain</b>"}, {"condition": None}, {"condition": ["rain"]},
        {"at": ""}, {"at": 5}, {"at": "2027-01-06T15:00:00Z"}, {"at": "x" * 50},
        {"current": {"temperature_2m": 1, "weather_code": 4, "time": "2027-01-06T11:45"}},
        {"current": {"temperature_2m": 1, "weather_code": [], "time": "2027-01-06T11:45"}},
    ],
)  # fmt: skip
def test_what_is_no_weather_is_refused(spoilt: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(json.dumps(OURS | spoilt).encode(), NOON_MS)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        assert read(body, NOON_MS).condition in CONDITIONS
    except ValueError:
        return


@pytest.mark.parametrize("body", [b" " * (MAX_BYTES + 1), b"[" * 60_000, b"[]", b"null", b"\xff"])
def test_what_is_too_long_or_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(body, NOON_MS)
