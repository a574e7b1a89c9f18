"""The command line over a store on a PostgreSQL server: the same changes, rules and answers as on SQLite."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from edge.admin.sheet_write import write_sheet
from edge.core.passage import Passage
from edge.store.devices import save_contact
from edge.store.engine import open_store
from edge.store.passages import save_passage
from models.ids import AreaId, DeviceId

pytestmark = pytest.mark.peer("postgresql")

MACS = ("0C1105000000", "0C1105000002", "0C1105000004")


@pytest.fixture
def edge(postgresql_url: str, tmp_path: Path):
    any_port = {f"EDGE_{section}__PORT": "0" for section in ("SIP", "MQTT", "HTTP")}
    environment = {"EDGE_STORE__URL": postgresql_url, "EDGE_SIP__LISTEN": "127.0.0.1", **any_port}

    def run(*words: str, code: int = 0, stdin: str | None = None):
        result = CliRunner().invoke(
            cli.edge, ["--site", str(tmp_path / "site"), "--json", *words], input=stdin, env=environment
        )
        assert result.exit_code == code, (words, result.stdout, result.stderr, result.exception)
        return json.loads(result.stdout) if result.stdout.strip() else None

    return run


def test_a_community_on_a_server(edge, tmp_path):
    edge("init", "--time-zone", "Europe/Warsaw", "--country", "PL", "--landline")
    assert not (tmp_path / "site" / "edge.db").exists()
    edge("mac", "add", *MACS)
    write_sheet(
        tmp_path / "x.xlsx",
        ("Building", "Apt", "Device", "FirstName", "1stPhone", "AccessibleFloors"),
        [("", "", f"Gate,0,{MACS[0]}", "", "", ""), ("1", "101", f"Room,2,{MACS[1]}", "Ola", "123456789", "1,B1")],
    )
    assert edge("import", str(tmp_path / "x.xlsx"))["devices"] == 2
    edge("import", str(tmp_path / "x.xlsx"), code=1)
    edge("building", "add", "1", code=1)
    edge("schedule", "add", "Work", "--week", "mon-fri 08:00-18:00")
    pin = edge("credential", "add", "pin", "--apartment", "101", "--generate", "--duress")
    edge("credential", "add", "rf_card", "--apartment", "101", "--value", "-", "--schedule", "Work", stdin="04A1B2C3\n")
    edge("credential", "add", "rf_card", "--apartment", "101", "--value", "04a1b2c3", code=1)
    edge("device", "set", "Room", "--works-offline", "yes", "--arming", "yes")
    assert [row["arming"] for row in edge("device", "list")] == [False, True]
    edge("relay", "set", "Gate", "1", "--methods", "pin,rf_card")
    assert edge("door", "explain", "Gate", "--pin", "-", stdin=pin["value"] + "\n")["granted"] is True
    assert edge("call", "plan", "101", "--door", "Gate")["allowed"] is True
    (home,) = edge("apartment", "list")
    assert (home["landlines"], home["accessible_floors"]) == (["+48123456789"], ["1", "B1"])
    assert [row["name"] for row in edge("device", "list")] == ["Gate", "Room"]
    assert len(edge("credential", "list")) == 2
    edge("apartment", "reset", "101", "--yes")
    assert edge("credential", "list") == []
    assert edge("export", str(tmp_path / "out.csv"))["rows"] == 2
    edge("building", "remove", "1", "--yes")
    rows = edge("log", "list")
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    findings = edge("doctor")["findings"]
    assert {"part": "journal", "level": "well"}.items() <= next(f for f in findings if f["part"] == "journal").items()


def test_doors_in_full_on_a_server(edge, postgresql_url, tmp_path):
    edge("init", "--time-zone", "Europe/Warsaw")
    edge("mac", "add", *MACS)
    edge("building", "add", "1")
    edge("apartment", "add", "1/101")
    for mac, name in zip(MACS[:2], ("Gate", "Stairs"), strict=True):
        edge("device", "add", mac, "--name", name, "--type", "0", "--interlock", "yard")
        edge("relay", "add", mac, "1")
    edge("schedule", "add", "Work", "--week", "mon-sun 00:00-24:00; hol closed")
    edge("holiday", "add", "12-25")
    edge("relay", "set", "Gate", "1", "--schedule", "Work")
    edge("group", "add", "Outside", "--doors", "Gate")
    area = edge("area", "add", "Cellar", "--entry", "Gate", "--exit", "Stairs", "--passback", "hard")["id"]
    until = ("--from", "2099-01-01", "--until", "2099-12-31")
    issued = edge("pass", "add", "--apartment", "101", "--name", "Ann", *until, "--doors", "group:Outside")

    def explained(door: str, at: str, code: int = 3):
        told = edge("door", "explain", door, "--qr", "-", "--at", at, stdin=issued["value"] + "\n", code=code)
        return told["reason"], told.get("cause")

    assert explained("Gate", "2099-06-01", code=0) == ("granted", None)
    assert explained("Stairs", "2099-06-01") == ("door_not_served", None)
    assert explained("Gate", "2099-12-25") == ("outside_schedule", None)
    edge("door", "lock", "--building", "1")
    assert explained("Gate", "2099-06-01", code=0) == ("granted", None)  # the gate is every building's
    edge("door", "lock", "Gate")
    assert explained("Gate", "2099-06-01") == ("not_allowed", "lock_down")
    assert len(edge("door", "release", "Gate")["orders"]) == 1
    store = open_store(postgresql_url)
    with store.write() as connection:
        for inside in (False, True):
            save_passage(connection, Passage(issued["id"], AreaId(area), inside, 0), time.time_ns() // 1_000_000)
        gate = connection.exec_driver_sql("SELECT id FROM device WHERE name = 'Gate'").scalar_one()
        save_contact(connection, DeviceId(gate), is_open=True)
    store.close()
    assert edge("area", "list")[0]["inside"] == 1
    assert explained("Gate", "2099-06-01") == ("not_allowed", "passback")
    edge("area", "reset", "Cellar")
    assert explained("Gate", "2099-06-01", code=0) == ("granted", None)
    assert edge("pass", "list")[0]["state"] == "valid"
    edge("pass", "revoke", issued["id"])
    edge("group", "remove", "Outside")
    edge("area", "remove", "Cellar")
    edge("whitelist", "add", "+4930123456", "--opens", "Gate")
    edge("device", "remove", "Gate")
    assert edge("whitelist", "list") == [{"number": "+4930123456", "note": "", "opens": None}]
