"""The weather as a source tells it, and as monitors are told it. Pure.

Two shapes are read: our own, `{"temperature_c": 21.5, "condition": "rain", "at": "2027-01-10T10:00:00Z"}`, and what
Open-Meteo's documentation calls the current weather (`current` with `time`, `temperature_2m`, `weather_code`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from models.times import rfc3339

MAX_BYTES: Final = 65_536
_POSSIBLE_C: Final = range(-90, 61)
_MAX_AHEAD_MS: Final = 3_600_000  # a source whose clock is wrong

_WMO_CODES: Final[Mapping[int, str]] = {  # WMO 4677, as far as Open-Meteo uses it
    **dict.fromkeys((0, 1), "clear"),
    2: "partly_cloudy",
    3: "cloudy",
    **dict.fromkeys((45, 48), "fog"),
    **dict.fromkeys((51, 53, 55, 56, 57), "drizzle"),
    **dict.fromkeys((61, 63, 65, 66, 67, 80, 81, 82), "rain"),
    **dict.fromkeys((71, 73, 75, 77, 85, 86), "snow"),
    **dict.fromkeys((95, 96, 99), "thunderstorm"),
}
CONDITIONS: Final = frozenset(_WMO_CODES.values()) | {"windy"}


@dataclass(frozen=True, slots=True)
class Weather:
    temperature_c: int  # whole degrees: a monitor is told only what it shows
    condition: str  # of CONDITIONS
    at_ms: int  # Unix milliseconds

    def fields(self) -> dict[str, object]:
        """`weather` of `down/config`."""
        return {"temperature_c": self.temperature_c, "condition": self.condition, "at": rfc3339(self.at_ms)}


def read(body: bytes, now_ms: int) -> Weather:
    """What a source says. Raises ValueError, in words, for anything else."""
    if len(body) > MAX_BYTES:
        raise ValueError(f"longer than {MAX_BYTES} bytes")
    try:
        told = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        return _read(told, now_ms)
    except OverflowError:
        raise ValueError("a number or a time is beyond all measure") from None


def _read(told: object, now_ms: int) -> Weather:
    if not isinstance(told, dict):
        raise ValueError("no JSON object")
    current = told.get("current")
    if isinstance(current, dict):
        code = current.get("weather_code")
        known = _WMO_CODES.get(code, "") if isinstance(code, int) else ""
        return _weather(current.get("temperature_2m"), known, current.get("time"), now_ms)
    return _weather(told.get("temperature_c"), told.get("condition"), told.get("at"), now_ms)


def _weather(temperature: object, condition: object, at: object, now_ms: int) -> Weather:
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not math.isfinite(temperature):
        raise ValueError("there is no temperature")
    if round(temperature) not in _POSSIBLE_C:
        raise ValueError("it is nowhere as cold or as warm as that")
    if not isinstance(condition, str) or condition not in CONDITIONS:
        raise ValueError(f"the condition is none of {', '.join(sorted(CONDITIONS))}")
    at_ms = _at_ms(at)
    if not 0 <= at_ms <= now_ms + _MAX_AHEAD_MS:
        raise ValueError("its time is in the future, or before all weather stations")
    return Weather(round(temperature), condition, at_ms)


def _at_ms(at: object) -> int:
    """A time without a zone is UTC, as Open-Meteo says it."""
    if not isinstance(at, str) or len(at) > 40:
        raise ValueError("there is no time")
    moment = datetime.fromisoformat(at)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
