"""The import template: rows of cells in, everything to make out, or every bad cell (domain section 9).

Cells come from a sheet reader that knows how each was typed; what the store holds already comes as `Known`. Nothing
is stored here, and nothing is left out silently: what cannot be kept is an error or a notice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from edge.core import checks
from edge.core.checks import RuleBroken
from models.call import CallType
from models.device import DeviceType, Place
from models.ids import Mac
from models.service import FeaturePlan

COLUMNS: Final = (
    "Building", "Apt", "AptName", "Device", "FirstName", "LastName", "Email", "MobileNumber", "TelephoneCallingCode",
    "1stPhone", "2ndPhone", "3rdPhone", "CallType", "WebRelayID",
)  # fmt: skip
"""The installer guide's columns, in its order."""

MORE_COLUMNS: Final = ("Floor", "AccessibleFloors", "NetworkGroup", "Handset", "Whitelisted")
PHONES: Final = ("1stPhone", "2ndPhone", "3rdPhone")
_KNOWN_COLUMNS: Final = {name.lower(): name for name in (*COLUMNS, *MORE_COLUMNS)}
_REQUIRED: Final = ("Building", "Apt")
_NO_NUMBERS: Final = frozenset({"Device", "AptName", "FirstName", "LastName", "Email"})  # typed as numbers, that is
_OF_AN_APARTMENT: Final = frozenset(_KNOWN_COLUMNS.values()) - {"Building", "Apt", "Device"}
_OF_A_BUILDING: Final = frozenset({DeviceType.DOOR_PHONE, DeviceType.GUARD_PHONE, DeviceType.ACCESS_CONTROL})
_CELL_MAX_CHARS: Final = 131_072  # the columns' own limits are lower; a Device cell may list many
_MAX_ERRORS: Final = 100_000  # a file with more is the wrong file, and nobody reads on


@dataclass(frozen=True, slots=True)
class OddCell:
    """A cell that holds neither text nor a whole number; *code* says what, *reason* in a person's words."""

    code: str
    reason: str


Cell = str | int | OddCell
"""Text as typed; a whole number typed as a number; anything else."""


@dataclass(frozen=True, slots=True)
class CellError:
    """One bad cell. *row* as a spreadsheet shows it; row and column None for the file as a whole."""

    row: int | None
    column: str | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class NewResident:
    first_name: str
    last_name: str
    email: str = ""
    mobile: str = ""  # E.164


@dataclass(frozen=True, slots=True)
class NewApartment:
    building: str
    number: str
    name: str = ""
    floor: str = ""
    accessible_floors: tuple[str, ...] = ()
    call_type: CallType = CallType.APP_AND_MONITORS
    web_relay: int = 0
    landlines: Mapping[int, str] = field(default_factory=dict)  # position 1-3 -> E.164
    network_group: str = ""
    has_handset: bool = False
    whitelisted: bool = False
    resident: NewResident | None = None


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device and where it is: *building* "" = public area, all buildings; *apartment* "" = not in an apartment."""

    mac: Mac
    name: str
    type: DeviceType
    building: str = ""
    apartment: str = ""

    @property
    def place(self) -> Place:
        if self.apartment:
            return Place.APARTMENT
        return Place.BUILDING if self.building else Place.PUBLIC


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds already, as far as an import can clash with it."""

    plan: FeaturePlan
    country: str = ""
    buildings: frozenset[str] = frozenset()
    apartments: frozenset[tuple[str, str]] = frozenset()  # (building, number)
    library: frozenset[Mac] = frozenset()
    bound: Mapping[Mac, NewDevice | None] = field(default_factory=dict)  # None: bound as no template row can say


@dataclass(frozen=True, slots=True)
class Import:
    """Everything a file makes, checked. *rows* counts rows with something in them."""

    rows: int
    buildings: tuple[str, ...]  # new ones only
    apartments: tuple[NewApartment, ...]
    devices: tuple[NewDevice, ...]
    notices: tuple[str, ...] = ()

    @property
    def residents(self) -> int:
        return sum(apartment.resident is not None for apartment in self.apartments)


T = TypeVar("T")
Progress = Callable[[int], None]
"""Told the number of rows read so far."""


def read(rows: Sequence[Sequence[Cell]], known: Known, progress: Progress | None = None) -> Import | list[CellError]:
    """What *rows* (the header first) make, or every bad cell, the rows in order (it gives up after 100,000)."""
    header = _Header(rows[0] if rows else ())
    if not header.names and not header.errors:
        return [CellError(None, None, "empty", "the file is empty: its first row must name the columns")]
    if header.errors:
        return header.errors
    reading = _Reading(header.names, known)
    for number, cells in enumerate(rows[1:], start=2):
        reading.take(number, cells)
        if len(reading.errors) >= _MAX_ERRORS:
            reading.errors.append(
                CellError(None, None, "too_many_errors", f"row {number} is the last that was looked at")
            )
            break
        if progress is not None:
            progress(number)
    if not reading.rows and not reading.errors:
        return [CellError(None, None, "no_rows", "there is no row under the header")]
    return reading.errors or reading.result()


class _Header:
    """Names of the columns by position, or what is wrong with row 1."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.names: dict[int, str] = {}
        self.errors: list[CellError] = []
        for position, cell in enumerate(cells):
            typed = str(cell).strip() if isinstance(cell, str | int) else "?"
            if not typed:
                continue
            column = _KNOWN_COLUMNS.get(typed.lower())
            if column is None:
                self._error(typed, "unknown_column", f"there is no column {typed!r} in the template")
            elif column in self.names.values():
                self._error(typed, "doubled_column", f"the column {column} is there twice")
            else:
                self.names[position] = column
        if self.names or self.errors:
            for column in _REQUIRED:
                if column not in self.names.values():
                    self._error(column, "missing_column", f"the column {column} is missing")

    def _error(self, column: str, code: str, reason: str) -> None:
        self.errors.append(CellError(1, column, code, reason))


class _Reading:
    """Reads row by row and remembers what a later row can clash with."""

    def __init__(self, names: Mapping[int, str], known: Known) -> None:
        self._names = names
        self._known = known
        self._buildings: dict[str, None] = {}
        self._apartments: dict[tuple[str, str], NewApartment] = {}
        self._apartment_rows: dict[tuple[str, str], int] = {}
        self._devices: dict[Mac, NewDevice] = {}
        self._notices: list[str] = []
        self.rows = 0
        self.errors: list[CellError] = []

    def result(self) -> Import:
        new_buildings = tuple(name for name in self._buildings if name not in self._known.buildings)
        devices = tuple(device for mac, device in self._devices.items() if mac not in self._known.bound)
        return Import(self.rows, new_buildings, tuple(self._apartments.values()), devices, tuple(self._notices))

    def take(self, number: int, cells: Sequence[Cell]) -> None:
        filled = [(position, cell) for position, cell in enumerate(cells) if not _blank(cell)]
        if not filled:
            return
        self.rows += 1
        row = _Row(number, self.errors)
        for position, cell in filled:
            column = self._names.get(position)
            if column is None:
                row.error(None, "extra_cell", f"there is something in column {position + 1}, which has no name")
            else:
                row.put(column, cell)
        self._place(row)

    def _place(self, row: "_Row") -> None:
        building = row.checked("Building", lambda typed: checks.building_name(typed, "Building"), "")
        number = row.checked("Apt", lambda typed: checks.apartment_number(typed, "Apt"), "")
        if row.has("Apt") and not row.has("Building"):
            row.error("Building", "missing", "an apartment needs its building")
        elif not row.has("Apt") and not row.has("Device"):
            row.error("Apt", "missing", "the row names neither an apartment nor a device")
        elif not row.has("Apt"):
            self._lost_without_apartment(row)
        misplaced = row.bad("Building") or row.bad("Apt")
        if building:
            self._buildings[building] = None
        if row.has("Apt"):
            self._apartment(row, building, number, misplaced)
        devices = self._device_cell(row, building, number, misplaced)
        needs_monitor = row.has("Apt") and self._known.plan is FeaturePlan.BASIC and not row.bad("Device")
        if needs_monitor and DeviceType.INDOOR_MONITOR not in devices:
            row.error("Device", "plan", "under the basic plan every apartment needs an indoor monitor")

    def _lost_without_apartment(self, row: "_Row") -> None:
        for column in row.columns():
            if column in _OF_AN_APARTMENT and row.text(column) not in ("", "0"):
                row.error(column, "without_apartment", "belongs to an apartment, and the row names none")

    def _apartment(self, row: "_Row", building: str, number: str, misplaced: bool) -> None:
        apartment = NewApartment(
            building,
            number,
            name=row.checked("AptName", lambda typed: checks.name("AptName", typed), ""),
            floor=row.checked("Floor", lambda typed: checks.text("Floor", typed, checks.FLOOR_MAX_CHARS), ""),
            accessible_floors=row.checked("AccessibleFloors", lambda typed: checks.floors("", typed), ()),
            call_type=row.checked("CallType", checks.call_type, CallType.APP_AND_MONITORS),
            web_relay=row.checked("WebRelayID", checks.web_relay, 0),
            landlines=self._landlines(row),
            network_group=row.checked("NetworkGroup", lambda typed: checks.name("NetworkGroup", typed), ""),
            has_handset=row.checked("Handset", lambda typed: checks.yes_or_no("Handset", typed), False),
            whitelisted=row.checked("Whitelisted", lambda typed: checks.yes_or_no("Whitelisted", typed), False),
            resident=self._resident(row),
        )
        if misplaced or not row.has("Building"):
            return
        key = (building, number)
        if key in self._known.apartments:
            row.error("Apt", "duplicate", f"apartment {building}/{number} is there already")
        elif key in self._apartments:
            row.error(
                "Apt", "duplicate", f"apartment {building}/{number} is in row {self._apartment_rows[key]} already"
            )
        else:
            self._apartments[key] = apartment
            self._apartment_rows[key] = row.number

    def _landlines(self, row: "_Row") -> dict[int, str]:
        found = {position: self._phone(row, column) for position, column in enumerate(PHONES, start=1)}
        return {position: number for position, number in found.items() if number}

    def _phone(self, row: "_Row", column: str) -> str:
        code = row.checked("TelephoneCallingCode", lambda typed: checks.calling_code("", typed), "")
        country = self._known.country
        return row.checked(column, lambda typed: checks.phone("", typed, calling_code=code, country=country), "")

    def _resident(self, row: "_Row") -> NewResident | None:
        first = row.checked("FirstName", lambda typed: checks.person_name("", typed), "")
        last = row.checked("LastName", lambda typed: checks.person_name("", typed), "")
        email = row.checked("Email", checks.email, "")
        mobile = self._phone(row, "MobileNumber")
        if first or last:
            return NewResident(first, last, email, mobile)
        if email or mobile:
            self._notices.append(
                f"row {row.number}: Email and MobileNumber are not kept, since the resident has no name"
            )
        return None

    def _device_cell(self, row: "_Row", building: str, number: str, misplaced: bool) -> set[DeviceType]:
        types: set[DeviceType] = set()
        for entry in row.text("Device").split(";"):
            if not entry.strip():
                continue  # a last semicolon is harmless
            device = self._device(row, entry, building, number)
            if device is None:
                continue
            types.add(device.type)
            if device.mac not in self._known.library:
                row.error("Device", "not_in_library", f"{device.mac.upper()} is not in the MAC library")
            elif not misplaced:
                self._bind(row, device)
        return types

    def _device(self, row: "_Row", entry: str, building: str, number: str) -> NewDevice | None:
        parts = [part.strip() for part in entry.rsplit(",", 2)]
        if len(parts) != 3:
            row.error("Device", "device", f"{entry.strip()!r} is not name,type,MAC")
            return None
        try:
            name = checks.name("Device", parts[0], may_be_empty=False)
            kind = checks.device_type(parts[1])
            mac = checks.mac(parts[2])
        except RuleBroken as broken:
            row.error("Device", broken.problem.rule, broken.problem.message)
            return None
        return NewDevice(mac, name, kind, building, "" if kind in _OF_A_BUILDING else number)

    def _bind(self, row: "_Row", device: NewDevice) -> None:
        """Take the device's MAC. A door of the building may stand in the row of each of its apartments."""
        if device.mac in self._known.bound:
            if self._known.bound[device.mac] != device:
                row.error("Device", "bound", f"{device.mac.upper()} is bound already")
        elif self._devices.setdefault(device.mac, device) != device:
            other = self._devices[device.mac]
            row.error("Device", "bound", f"{device.mac.upper()} is bound to {other.name!r} of an earlier row already")


class _Row:
    """The filled cells of one row, as text, and what was wrong with them."""

    def __init__(self, number: int, errors: list[CellError]) -> None:
        self.number = number
        self._errors = errors
        self._texts: dict[str, str] = {}
        self._bad: set[str] = set()

    def put(self, column: str, cell: Cell) -> None:
        self._texts[column] = ""
        if isinstance(cell, OddCell):
            self.error(column, cell.code, cell.reason)
        elif isinstance(cell, int):
            if column in _NO_NUMBERS:
                self.error(column, "number", "is a number; format the cell as text, or zeros in front would be lost")
            else:
                self._texts[column] = str(cell)
        else:
            try:
                self._texts[column] = checks.text(column, cell, _CELL_MAX_CHARS)
            except RuleBroken as broken:
                self.error(column, broken.problem.rule, broken.problem.message)

    def has(self, column: str) -> bool:
        """Whether something stands in the column, good or bad."""
        return column in self._texts

    def bad(self, column: str) -> bool:
        return column in self._bad

    def text(self, column: str) -> str:
        return self._texts.get(column, "")

    def columns(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def checked(self, column: str, check: Callable[[str], T], default: T) -> T:
        """The column's value, or *default* where it is blank or bad; a bad one is reported once."""
        typed = self._texts.get(column, "")
        if not typed or column in self._bad:
            return default
        try:
            return check(typed)
        except RuleBroken as broken:
            self.error(column, broken.problem.rule, broken.problem.message)
            return default

    def error(self, column: str | None, code: str, reason: str) -> None:
        if column is not None:
            self._bad.add(column)
        self._errors.append(CellError(self.number, column, code, reason))


def _blank(cell: Cell) -> bool:
    return isinstance(cell, str) and not cell.strip()
