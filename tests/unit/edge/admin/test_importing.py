"""Imports and exports: all or nothing, and what was exported comes back the same."""

import csv
import io
import stat
from pathlib import Path

import openpyxl
import pytest

from edge.admin import apartments, buildings, device_list, devices, macs, relays, residents
from edge.admin.bulk import insert_rows
from edge.admin.devices import Placing
from edge.admin.edit import reading
from edge.admin.exporting import EXPORTED, export_file
from edge.admin.importing import import_file
from edge.admin.sheet_write import HELP, write_sheet, write_template
from edge.admin.site import Site
from edge.core.template import COLUMNS, MORE_COLUMNS
from edge.store import journal
from edge.store.accounts import device_mqtt_password, resident_sip_password
from edge.store.snapshot import load_snapshot
from edge.store.tables import apartment
from models.device import DeviceType
from tests.unit.edge.admin.conftest import MACS, make

ROWS = [
    {"Device": f"Gate,0,{MACS[0]}; Guard,3,{MACS[1]}"},
    {"Building": "A", "Device": f"Door A,50,{MACS[2]}"},
    {
        "Building": "A", "Apt": "007", "AptName": "=Bond", "Device": f"Room,2,{MACS[3]};Villa,1,{MACS[4]}",
        "FirstName": "@James", "LastName": "Bond", "Email": "j@b.org", "MobileNumber": "501 234 567",
        "1stPhone": "12 345 67 89", "3rdPhone": "+442079460958", "CallType": "5", "WebRelayID": "7", "Floor": "B1",
        "AccessibleFloors": "1,B1", "NetworkGroup": "north", "Handset": "yes",
    },
    {"Building": "Ż 2", "Apt": "2#1", "Device": f"Room,2,{MACS[5]}", "LastName": "Łuć", "Whitelisted": "1"},
    {"Building": "Ż 2", "Apt": "3"},
]  # fmt: skip


def write(file: Path, rows=ROWS) -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, EXPORTED)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"'{value}" if value[0] in "=@" else value for name, value in row.items()})
    file.write_text(out.getvalue(), encoding="utf-8")
    return file


@pytest.fixture
def stocked(site):
    with site.admin("installer").edit() as edit:
        macs.add(edit, MACS)
    return site


def content(site: Site) -> dict[str, object]:
    """Everything an import makes, without what is random."""
    with reading(site.store) as scope:
        drop = {"id", "residents", "sip_user"}
        homes = [{k: v for k, v in row.items() if k not in drop} for row in apartments.listed(scope)]
        people = [{k: v for k, v in row.items() if k not in drop} for row in residents.listed(scope)]
        things = [{k: v for k, v in row.items() if k != "sip"} for row in device_list.listed(scope)]
        names = [row["name"] for row in buildings.listed(scope)]
    return {"homes": homes, "people": sorted(people, key=str), "things": things, "buildings": names}


def test_everything_of_a_file_is_stored(stocked, tmp_path):
    outcome = import_file(stocked.admin("installer"), write(tmp_path / "x.csv"))
    assert outcome.errors == ()
    assert (outcome.rows, outcome.buildings, outcome.apartments, outcome.residents, outcome.devices) == (5, 2, 3, 2, 6)
    with reading(stocked.store) as scope:
        snapshot = load_snapshot(scope.connection)
        gate = snapshot.by_mac[MACS[0]]
        door_a = snapshot.by_mac[MACS[2]]
        room = snapshot.by_mac[MACS[3]]
        (bond,) = (r for r in snapshot.residents.values() if r.last_name == "Bond")
        vault = stocked.secrets.vault
        assert len(device_mqtt_password(scope.connection, vault, gate.id)) >= 24
        assert len(resident_sip_password(scope.connection, vault, bond.id)) >= 24
        detail = list(journal.rows(scope.connection))[-1]["detail"]
    assert [(relay.label, relay.enabled, relay.dtmf, len(relay.methods)) for relay in gate.relays] == [
        ("1", True, "1", 12)
    ]
    assert gate.buildings is None
    assert len(door_a.buildings or ()) == 1
    assert room.relays == ()
    assert room.apartment == bond.apartments[0]
    assert (bond.first_name, bond.role.value) == ("@James", "master")
    home = snapshot.apartments[bond.apartments[0]]
    assert (home.name, home.number, home.landlines) == ("=Bond", "007", ("+48123456789", "+442079460958"))
    assert detail == {"action": "import", "by": "installer", "file": "x.csv", "rows": 5, "apartments": 3}


def test_one_bad_cell_and_nothing_is_stored(stocked, tmp_path):
    before = content(stocked)
    outcome = import_file(
        stocked.admin("installer"), write(tmp_path / "x.csv", [*ROWS, {"Building": "9", "Apt": "#9"}])
    )
    assert [(error.row, error.column, error.code) for error in outcome.errors] == [(7, "Apt", "apartment_number")]
    assert content(stocked) == before


def test_a_dry_run_tells_the_same_and_stores_nothing(stocked, tmp_path):
    before = content(stocked)
    dry = import_file(stocked.admin("installer"), write(tmp_path / "x.csv"), dry_run=True)
    assert content(stocked) == before
    assert dry == import_file(stocked.admin("installer"), tmp_path / "x.csv")


def test_the_same_file_again_is_all_duplicates(stocked, tmp_path):
    admin = stocked.admin("installer")
    import_file(admin, write(tmp_path / "x.csv"))
    before = content(stocked)
    outcome = import_file(admin, tmp_path / "x.csv")
    assert {(error.column, error.code) for error in outcome.errors} == {("Apt", "duplicate")}
    assert len(outcome.errors) == 3
    assert content(stocked) == before


def test_more_apartments_for_a_building_that_is_there(stocked, tmp_path):
    admin = stocked.admin("installer")
    import_file(admin, write(tmp_path / "x.csv"))
    more = [{"Building": "A", "Apt": "8", "Device": f"Door A,50,{MACS[2]}; Room,2,{MACS[6]}"}]
    outcome = import_file(admin, write(tmp_path / "y.csv", more))
    assert (outcome.ok, outcome.buildings, outcome.devices) == (True, 0, 1)


def test_what_came_between_reading_and_storing_is_seen(stocked, tmp_path):
    admin = stocked.admin("installer")
    file = write(tmp_path / "x.csv", [{"Building": "1", "Apt": "1"}])

    def someone_else(_row: int) -> None:
        with admin.edit() as edit:
            buildings.add(edit, "1")
            apartments.add(edit, "1/1")

    (error,) = import_file(admin, file, progress=someone_else).errors
    assert (error.row, error.column, error.code) == (2, "Apt", "duplicate")


def test_a_file_that_is_no_sheet(stocked, tmp_path):
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04")
    (error,) = import_file(stocked.admin("installer"), tmp_path / "x.xlsx").errors
    assert (error.row, error.column, error.code) == (None, None, "format")


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_what_was_exported_comes_back_the_same(stocked, tmp_path, suffix):
    import_file(stocked.admin("installer"), write(tmp_path / "x.csv"))
    file = tmp_path / f"out.{suffix}"
    with reading(stocked.store) as scope:
        exported = export_file(scope, file)
    assert (exported.rows, exported.notices) == (5, ())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    make(tmp_path / "other")
    other = Site.open(tmp_path / "other")
    try:
        with other.admin("installer").edit() as edit:
            macs.add(edit, MACS)
        assert import_file(other.admin("installer"), file).errors == ()
        assert content(other) == content(stocked)
    finally:
        other.close()


def test_what_the_template_cannot_say_is_said(stocked, tmp_path):
    with stocked.admin("installer").edit() as edit:
        for name in ("A", "B", "C"):
            buildings.add(edit, name)
        apartments.add(edit, "A/1")
        for first in ("Max", "Mia"):
            residents.add(edit, "A/1", first_name=first, last_name="M")
        devices.add(edit, MACS[0], name="AB", type=DeviceType.DOOR_PHONE, placing=Placing(buildings=("A", "B")))
        devices.add(edit, MACS[1], name="Own", type=DeviceType.DOOR_PHONE, placing=Placing(apartment="A/1"))
        relays.add(edit, "Own", 1)
    with reading(stocked.store) as scope:
        notices = export_file(scope, tmp_path / "x.csv").notices
    assert [notice.split()[0] for notice in notices] == [MACS[0].upper(), MACS[1].upper(), "Mia"]


def test_an_export_replaces_a_file_whole_or_not_at_all(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("old")

    def failing():
        yield ["1"]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_sheet(file, ["A"], failing())
    assert file.read_text() == "old"
    with pytest.raises(ValueError, match="must end in"):
        write_sheet(tmp_path / "x.ods", ["A"], [])
    assert list(tmp_path.iterdir()) == [file]


def test_the_template_is_empty_and_explains_itself(stocked, tmp_path):
    for suffix in ("csv", "xlsx"):
        write_template(tmp_path / f"x.{suffix}")
        (error,) = import_file(stocked.admin("installer"), tmp_path / f"x.{suffix}").errors
        assert error.code == "no_rows"
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert [cell.value for cell in book["Import"][1]] == list(COLUMNS)
    assert book["Import"].column_dimensions["B"].number_format == "@"
    assert set(HELP) == {*COLUMNS, *MORE_COLUMNS}
    assert [row[0] for row in book["Columns"].iter_rows(values_only=True)] == [*COLUMNS, *MORE_COLUMNS]


def test_no_rows_are_no_statement(site):
    with site.store.write() as connection:
        insert_rows(connection, apartment, [])


def test_the_page_on_imports_knows_every_column():
    page = (Path(__file__).parents[4] / "docs" / "import.md").read_text()
    assert [column for column in (*COLUMNS, *MORE_COLUMNS) if f"`{column}`" not in page] == []
