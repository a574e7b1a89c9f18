"""A roster as it is sent: CSV or JSON, told apart by what stands in it."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel, Field, ValidationError

from edge.central.problems import Invalid
from edge.central.rosters import MAX_LEASES, Lease

MAX_TEXT_CHARS: Final = 8 * 1024 * 1024
_SEPARATORS: Final = ",;\t"


class RosterLease(BaseModel):
    """One person in one unit; without `until` the lease has no end."""

    id: str = Field(min_length=1, max_length=128)
    unit: str = Field(min_length=1, max_length=64)
    first: str = Field(default="", max_length=64)
    last: str = Field(default="", max_length=64)
    email: str = Field(default="", max_length=254)
    mobile: str = Field(default="", max_length=32)
    start: str = Field(max_length=10)
    until: str = Field(default="", max_length=10)

    def lease(self) -> Lease:
        return Lease(self.id, self.unit, self.first, self.last, self.start, self.until, self.email, self.mobile)


def read(data: bytes) -> list[Lease]:
    """The leases in a file. Raises Invalid, which names the row."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("encoding", "the roster is not UTF-8") from None
    return from_json(text) if text.lstrip()[:1] in ("[", "{") else from_csv(text)


def from_csv(text: str) -> list[Lease]:
    """The names of the fields stand in the first row, in any order. Raises Invalid."""
    header = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
    except csv.Error as error:
        raise Invalid("csv", f"the roster is no CSV: {error}") from error
    if not rows:
        return []
    names = [name.strip().lower() for name in rows[0]]
    missing = {name for name, field in RosterLease.model_fields.items() if field.is_required()} - set(names)
    if missing:
        raise Invalid("csv", f"row 1: there is no column {', '.join(sorted(missing))}")
    told = ({n: v for n, v in zip(names, row, strict=False) if n and v} for row in rows[1:] if any(row))
    return _leases(told, first_row=2)


def from_json(text: str) -> list[Lease]:
    """An array of leases, or an object that has one as ``leases``. Raises Invalid."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("json", f"the roster is no JSON: {type(error).__name__}") from None
    if isinstance(told, dict):
        told = told.get("leases")
    if not isinstance(told, list):
        raise Invalid("json", "the roster is no array of leases")
    return _leases(told, first_row=1)


def _leases(told: Iterable[Any], *, first_row: int) -> list[Lease]:
    found: list[Lease] = []
    for number, row in enumerate(told, start=first_row):
        if len(found) == MAX_LEASES:
            raise Invalid("many", f"a roster has at most {MAX_LEASES} leases")
        try:
            found.append(RosterLease.model_validate(row).lease())
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Invalid("row", f"row {number}, {where}: {first['msg']}") from None
    return found
