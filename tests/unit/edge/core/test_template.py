"""The import template: everything a file makes, or every bad cell with its row, column and code."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.template import (
    COLUMNS,
    MORE_COLUMNS,
    CellError,
    Import,
    Known,
    NewApartment,
    NewDevice,
    NewResident,
    OddCell,
    read,
)
from models.call import CallType
from models.device import DeviceType, Place
from models.ids import Mac
from models.service import FeaturePlan

GATE, ROOM, GUARD, VILLA = (Mac(f"0c110500000{n}") for n in range(4))
KNOWN = Known(FeaturePlan.PREMIUM, library=frozenset({GATE, ROOM, GUARD, VILLA}))
ODD = OddCell("formula", "is a formula")


def sheet(*rows: dict[str, object], columns: tuple[str, ...] = (*COLUMNS, *MORE_COLUMNS)) -> list[list[object]]:
    return [list(columns), *([row.get(column, "") for column in columns] for row in rows)]


def imported(*rows: dict[str, object], known: Known = KNOWN) -> Import:
    found = read(sheet(*rows), known)
    assert isinstance(found, Import), found
    return found


def errors(*rows: dict[str, object], known: Known = KNOWN) -> list[tuple[int | None, str | None, str]]:
    found = read(sheet(*rows), known)
    assert isinstance(found, list), found
    assert all(error.reason for error in found)
    return [(error.row, error.column, error.code) for error in found]


HOME = {"Building": "1", "Apt": "101"}


def test_a_full_row_makes_everything():
    found = imported(
        {
            **HOME, "AptName": "Kowalski", "Device": "Gate,0,0C1105000000; Living Room,2,0c:11:05:00:00:01;",
            "FirstName": "Jan", "LastName": "Kowalski", "Email": "jan@example.org", "MobileNumber": "501 234 567",
            "TelephoneCallingCode": "48", "1stPhone": "12 345 67 89", "3rdPhone": "+442079460958", "CallType": "5",
            "WebRelayID": "3", "Floor": "1", "AccessibleFloors": "1,B1", "NetworkGroup": "north", "Handset": "yes",
            "Whitelisted": "1",
        }
    )  # fmt: skip
    assert found.apartments == (
        NewApartment(
            "1", "101", "Kowalski", "1", ("1", "B1"), CallType.MONITORS_THEN_APP_THEN_PHONE, 3,
            {1: "+48123456789", 3: "+442079460958"}, "north", True, True,
            NewResident("Jan", "Kowalski", "jan@example.org", "+48501234567"),
        ),
    )  # fmt: skip
    assert found.devices == (
        NewDevice(GATE, "Gate", DeviceType.DOOR_PHONE, "1"),
        NewDevice(ROOM, "Living Room", DeviceType.INDOOR_MONITOR, "1", "101"),
    )
    assert [device.place for device in found.devices] == [Place.BUILDING, Place.APARTMENT]
    assert (found.rows, found.buildings, found.residents, found.notices) == (1, ("1",), 1, ())


def test_where_a_device_belongs():
    found = imported(
        {"Device": "Gate,0,0C1105000000"},
        {"Building": "1", "Device": "Guard,3,0C1105000002"},
        {**HOME, "Device": "Villa,1,0C1105000003"},
    )
    assert [(d.name, d.building, d.apartment, d.place) for d in found.devices] == [
        ("Gate", "", "", Place.PUBLIC),
        ("Guard", "1", "", Place.BUILDING),
        ("Villa", "1", "101", Place.APARTMENT),
    ]


def test_a_door_of_the_building_may_stand_in_each_apartments_row():
    rows = [{"Building": "1", "Apt": str(n), "Device": "Gate,0,0C1105000000"} for n in range(100, 103)]
    assert len(imported(*rows).devices) == 1
    assert errors(*rows, {"Building": "2", "Apt": "1", "Device": "Gate,0,0C1105000000"}) == [(5, "Device", "bound")]
    assert errors(*rows, {"Building": "1", "Apt": "1", "Device": "Gate B,0,0C1105000000"}) == [(5, "Device", "bound")]


def test_what_is_stored_already():
    stored = NewDevice(GATE, "Gate", DeviceType.DOOR_PHONE, "1")
    known = Known(
        FeaturePlan.PREMIUM, buildings=frozenset({"1"}), apartments=frozenset({("1", "101")}),
        library=KNOWN.library, bound={GATE: stored, GUARD: None},
    )  # fmt: skip
    assert errors(HOME, known=known) == [(2, "Apt", "duplicate")]
    found = imported({"Building": "1", "Apt": "102", "Device": "Gate,0,0C1105000000"}, known=known)
    assert (found.buildings, found.devices) == ((), ())
    assert errors({"Building": "1", "Apt": "102", "Device": "Door,0,0C1105000000"}, known=known) == [
        (2, "Device", "bound")
    ]
    assert errors({"Building": "1", "Apt": "102", "Device": "Guard,3,0C1105000002"}, known=known) == [
        (2, "Device", "bound")
    ]


def test_numbers_typed_as_numbers():
    found = imported(
        {"Building": 7, "Apt": 101, "CallType": 2, "WebRelayID": 0, "TelephoneCallingCode": 48, "1stPhone": 123456789}
    )
    (home,) = found.apartments
    assert (home.building, home.number, home.call_type, home.landlines) == ("7", "101", 2, {1: "+48123456789"})


def test_zeros_are_kept():
    found = imported({"Building": "01", "Apt": "007"}, {"Building": "01", "Apt": "7"})
    assert [(home.building, home.number) for home in found.apartments] == [("01", "007"), ("01", "7")]


def test_blank_rows_count_and_make_nothing():
    found = read([list(COLUMNS), [], ["", "  "], ["1", "101"], []], KNOWN)
    assert isinstance(found, Import)
    assert found.rows == 1
    assert errors({}, {}, {"Building": "1"}) == [(4, "Apt", "missing")]


def test_columns_in_any_order_and_case():
    found = read([["  apt ", "BUILDING"], ["101", "1"]], KNOWN)
    assert isinstance(found, Import)
    assert found.apartments == (NewApartment("1", "101"),)


def test_the_country_reads_national_numbers():
    known = Known(FeaturePlan.PREMIUM, "PL")
    (home,) = imported({**HOME, "1stPhone": "12 345 67 89"}, known=known).apartments
    assert home.landlines == {1: "+48123456789"}


def test_without_a_name_nobody_is_made_and_what_is_lost_is_said():
    found = imported({**HOME, "Email": "a@b.org"})
    assert found.residents == 0
    assert "row 2" in found.notices[0]


HEADERS = [
    ([], [(None, None, "empty")]),
    ([[]], [(None, None, "empty")]),
    ([["Building", "Apt"]], [(None, None, "no_rows")]),
    ([["Building", "Apt"], ["", ""]], [(None, None, "no_rows")]),
    ([["Building", "Flat"], ["1", "1"]], [(1, "Flat", "unknown_column"), (1, "Apt", "missing_column")]),
    ([["Building", "Apt", "APT "], ["1", "1"]], [(1, "APT", "doubled_column")]),
    ([["Apt"], ["1"]], [(1, "Building", "missing_column")]),
    ([["Building", "Apt", 5], ["1", "1"]], [(1, "5", "unknown_column")]),
    ([["Building", "Apt"], ["1", "1", "x"]], [(2, None, "extra_cell")]),
]


@pytest.mark.parametrize(("rows", "expected"), HEADERS)
def test_bad_headers(rows, expected):
    found = read(rows, KNOWN)
    assert isinstance(found, list)
    assert [(error.row, error.column, error.code) for error in found] == expected


CELLS = [
    ({"Apt": "101"}, "Building", "missing"),
    ({"Building": "1"}, "Apt", "missing"),
    ({"FirstName": "Jan"}, "Apt", "missing"),
    ({"Building": "1", "Device": "Gate,0,0C1105000000", "FirstName": "Jan"}, "FirstName", "without_apartment"),
    ({**HOME, "Building": "x" * 129}, "Building", "too_long"),
    ({**HOME, "Building": "a\tb"}, "Building", "control_character"),
    ({**HOME, "Building": ODD}, "Building", "formula"),
    ({**HOME, "Apt": "#101"}, "Apt", "apartment_number"),
    ({**HOME, "Apt": "١٠١"}, "Apt", "apartment_number"),
    ({**HOME, "Apt": ODD}, "Apt", "formula"),
    ({**HOME, "AptName": 5}, "AptName", "number"),
    ({**HOME, "FirstName": "x" * 65}, "FirstName", "too_long"),
    ({**HOME, "LastName": "x\x00"}, "LastName", "control_character"),
    ({**HOME, "Email": "nobody"}, "Email", "email"),
    ({**HOME, "MobileNumber": "501234567"}, "MobileNumber", "phone"),
    ({**HOME, "TelephoneCallingCode": "0"}, "TelephoneCallingCode", "calling_code"),
    ({**HOME, "2ndPhone": "+1"}, "2ndPhone", "phone"),
    ({**HOME, "CallType": "6"}, "CallType", "call_type"),
    ({**HOME, "CallType": 6}, "CallType", "call_type"),
    ({**HOME, "WebRelayID": "65536"}, "WebRelayID", "web_relay"),
    ({**HOME, "Handset": "perhaps"}, "Handset", "yes_or_no"),
    ({**HOME, "AccessibleFloors": "1,,2"}, "AccessibleFloors", "floors"),
    ({**HOME, "Floor": "x" * 17}, "Floor", "too_long"),
    ({**HOME, "Device": 5}, "Device", "number"),
    ({**HOME, "Device": "Gate,0"}, "Device", "device"),
    ({**HOME, "Device": ",0,0C1105000000"}, "Device", "missing"),
    ({**HOME, "Device": "Gate,9,0C1105000000"}, "Device", "device_type"),
    ({**HOME, "Device": "Gate,0,0C110500000"}, "Device", "mac"),
    ({**HOME, "Device": "Gate,0,0D1105000000"}, "Device", "mac"),
    ({**HOME, "Device": "Gate,0,0C11050000FF"}, "Device", "not_in_library"),
]


@pytest.mark.parametrize(("row", "column", "code"), CELLS)
def test_a_bad_cell_is_named(row, column, code):
    assert errors(row) == [(2, column, code)]


def test_every_bad_cell_of_every_row_is_told():
    assert errors(
        {"Apt": "x", "CallType": "9", "Device": "Gate,0,0C11050000FF"},
        {**HOME, "Email": "?"},
        HOME,
        {**HOME, "Apt": ODD},
    ) == [
        (2, "Apt", "apartment_number"), (2, "Building", "missing"), (2, "CallType", "call_type"),
        (2, "Device", "not_in_library"), (3, "Email", "email"), (4, "Apt", "duplicate"), (5, "Apt", "formula"),
    ]  # fmt: skip


def test_a_mac_twice_in_one_apartment_is_bound_once():
    assert len(imported({**HOME, "Device": "Room,2,0C1105000001;Room,2,0C1105000001"}).devices) == 1
    assert errors({**HOME, "Device": "Room,2,0C1105000001;Hall,2,0C1105000001"}) == [(2, "Device", "bound")]


def test_basic_needs_a_monitor_in_every_apartment():
    basic = Known(FeaturePlan.BASIC, library=KNOWN.library)
    assert errors(HOME, {"Building": "1", "Apt": "2", "Device": "Gate,0,0C1105000000"}, known=basic) == [
        (2, "Device", "plan"),
        (3, "Device", "plan"),
    ]
    assert imported({**HOME, "Device": "Room,2,0C1105000001"}, known=basic).apartments
    assert imported({"Building": "1", "Device": "Gate,0,0C1105000000"}, known=basic).devices


def test_a_hopeless_file_is_given_up(monkeypatch):
    monkeypatch.setattr("edge.core.template._MAX_ERRORS", 10)
    found = errors(*({"Apt": "x"} for _ in range(20)))
    assert len(found) == 11
    assert found[-1] == (None, None, "too_many_errors")


def test_progress_is_told_by_row():
    told: list[int] = []
    read(sheet(HOME, {**HOME, "Apt": "102"}), KNOWN, told.append)
    assert told == [2, 3]


cells = st.one_of(
    st.text(max_size=20), st.integers(-10, 10**15), st.just(ODD), st.sampled_from(["1", "101", "yes", "2"])
)


@given(st.lists(st.lists(cells, max_size=len(COLUMNS) + 1), max_size=5), st.sampled_from(list(FeaturePlan)))
def test_any_cells_make_something_or_are_told(rows, plan):
    found = read([list(COLUMNS), *rows], Known(plan, "PL", library=KNOWN.library))
    if isinstance(found, Import):
        assert all(set(home.number) <= set(string.digits + "#") for home in found.apartments)
    else:
        assert found
        assert all(isinstance(error, CellError) for error in found)
