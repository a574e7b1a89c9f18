"""The command line as people and machines see it: flags, shapes, exit codes, what goes to which stream."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import openpyxl
import pytest
from click.testing import CliRunner, Result

import cli
from edge.admin.site import Site
from edge.store import journal
from models.log import LogEntry, LogKind
from tests.unit import cli_reference

ROOT = Path(__file__).parents[2]
GATE, ROOM = "0C11050B9814", "0C11050893C6"
Edge = Callable[..., Result]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with 1/101, a gate and a monitor; all its services on loopback."""
    folder = tmp_path_factory.mktemp("made") / "site"
    for line in (
        "init --name Test --time-zone Europe/Warsaw --country PL --landline",
        "building add 1",
        "apartment add 1/101 --floor 1 --accessible-floors 1,B1 --web-relay 3 --call-type 3 --handset",
        f"mac add {GATE} {ROOM}",
        f"device add {GATE} --name Gate --type 0",
        f"device add {ROOM} --name Room --type 2 --apartment 1/101",
        f"relay add {GATE} 1",
    ):
        result = CliRunner().invoke(cli.edge, ["--site", str(folder), *line.split()])
        assert result.exit_code == 0, result.output
    text = (folder / "edge.toml").read_text().replace('#listen = ["0.0.0.0", "::"]', 'listen = "127.0.0.1"')
    (folder / "edge.toml").write_text(text)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def edge(folder: Path) -> Edge:
    """Run `edge --site … <words>`; *stdin* is given, *code* expected."""

    def run(*words: str, stdin: str | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(cli.edge, ["--site", str(folder), *words], input=stdin)
        assert result.exit_code == code, (words, result.stdout, result.stderr, result.exception)
        return result

    return run


@pytest.fixture
def told(edge: Edge) -> Callable[..., Any]:
    """What a command prints with --json, parsed: that and nothing else is on standard output."""

    def run(*words: str, stdin: str | None = None, code: int = 0) -> Any:
        return json.loads(edge("--json", *words, stdin=stdin, code=code).stdout)

    return run


# --- the frame -------------------------------------------------------------------------------------------------------


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize("path", commands(cli.edge), ids=" ".join)
def test_every_command_explains_itself_and_takes_json(path):
    result = CliRunner().invoke(cli.edge, [*path, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.output
    assert len(result.output.splitlines()) > 5


def test_the_reference_is_what_the_commands_say():
    assert (ROOT / "docs" / "cli.md").read_text() == cli_reference.reference(cli.edge)


def test_help_imports_no_database(tmp_path):
    code = "import sys, cli; cli.edge(['--help'], standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert "Commands:" in run.stdout
    loaded = set(run.stderr.split())
    assert not loaded & {"sqlalchemy", "sqlmodel", "pydantic", "fastapi", "rich.table", "openpyxl", "httpx"}


def test_json_in_any_place(folder):
    for words in (["--json", "building", "list"], ["building", "--json", "list"], ["building", "list", "--json"]):
        result = CliRunner().invoke(cli.edge, ["--site", str(folder), *words])
        assert json.loads(result.stdout)[0]["name"] == "1"


def test_the_site_is_named_by_option_environment_or_folder(folder, monkeypatch, tmp_path):
    run = CliRunner().invoke
    assert run(cli.edge, ["building", "list"], env={"EDGE_SITE": str(folder)}).exit_code == 0
    assert run(cli.edge, ["building", "list", "--site", str(folder)], env={"EDGE_SITE": "/nowhere"}).exit_code == 0
    assert run(cli.edge, ["--site", str(folder), "building", "list"], env={"EDGE_SITE": "/nowhere"}).exit_code == 0
    monkeypatch.chdir(folder)
    assert run(cli.edge, ["building", "list"]).exit_code == 0
    monkeypatch.chdir(tmp_path)
    assert run(cli.edge, ["building", "list"]).exit_code == 2
    assert run(cli.edge, ["--site", str(tmp_path), "building", "list"]).exit_code == 1


def test_a_table_for_people_and_no_escapes_in_a_pipe(edge):
    output = edge("apartment", "list").stdout
    assert "1/101" in output
    assert "\x1b" not in output


def test_markup_in_a_name_is_text(edge, told):
    edge("building", "add", "[red]x[/red]")
    assert "[red]x[/red]" in edge("building", "list").stdout


# --- exit codes ------------------------------------------------------------------------------------------------------

CODES = [
    (2, "building add"),
    (2, "apartment add 1/102 --call-type 6"),
    (2, "device add 0C11050B9814 --name X --type 4"),
    (2, f"relay add {GATE} 5"),
    (2, f"relay add {GATE} 2 --hold-s 61"),
    (2, "apartment service 101 gone"),
    (2, "landline set 101 4 +48123456789"),
    (2, "credential add rf_card --apartment 101"),
    (2, "credential add rf_card --apartment 101 --value 04 --from yesterday"),
    (2, "door explain Gate"),
    (2, "door explain Gate --pin 1 --card 2"),
    (2, "door explain Gate --apt-pin 101"),
    (2, "log export x.txt"),
    (2, "export x.ods"),
    (1, "building add 1"),
    (1, "building remove 9"),
    (1, "apartment add 1/#5"),
    (1, "apartment add 9/101"),
    (1, "apartment show 999"),
    (1, "mac add nothing"),
    (1, f"mac remove {GATE}"),
    (1, f"device add {GATE} --name X --type 0"),
    (1, "device add 0C1105FFFFFF --name X --type 0"),
    (1, "device show Nobody"),
    (1, f"relay add {GATE} 1"),
    (1, f"relay add {GATE} 2 --dtmf 11"),
    (1, "credential add rf_card --apartment 101 --value xyz"),
    (1, "credential remove k-none"),
    (1, "resident set r-none --email a@b.org"),
    (1, "schedule show None"),
    (1, "community set --home-automation yes"),
    (1, "door open Gate"),
    (1, "call show c-none"),
    (1, "call test 101"),
    (3, "credential add pin --apartment 101 --value 123456"),
    (3, "apartment reset 101"),
    (3, "building remove 1"),
    (3, "door explain Gate --pin 730519"),
]


@pytest.mark.parametrize(("code", "line"), CODES)
def test_exit_codes(edge, code, line):
    result = edge(*line.split(), code=code)
    if "explain" not in line or code == 2:  # an explanation is an answer, also where it is no
        assert result.stderr
        assert result.stdout == ""


def test_an_ambiguous_number_names_its_candidates(edge):
    edge("building", "add", "2")
    edge("apartment", "add", "2/101")
    assert "1/101, 2/101" in edge("apartment", "show", "101", code=2).stderr
    edge("apartment", "show", "2*101")


def test_bytes_that_are_no_text_are_misuse(edge):
    for words in (
        ["resident", "show", "r-\udcff"],
        ["log", "list", "--door", "\udcff"],
        ["mqtt", "login", "add", "\udc80"],
    ):
        assert "not UTF-8" in edge(*words, code=2).stderr


def test_a_broken_configuration_is_told_whole(edge, folder):
    (folder / "edge.toml").write_text("[sip]\nport = -1\nfoo = 1\n")
    stderr = edge("building", "list", code=1).stderr
    assert "edge.toml:2" in stderr
    assert "edge.toml:3" in stderr


# --- init ------------------------------------------------------------------------------------------------------------


def test_init_makes_a_site_once(tmp_path):
    site = tmp_path / "new" / "site"
    words = ["--site", str(site), "init", "--plan", "basic", "--pin-mode", "apt_pin", "--permission", "public_only"]
    result = CliRunner().invoke(cli.edge, [*words, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["site"] == str(site)
    assert stat.S_IMODE((site / "secrets" / "store.key").stat().st_mode) == 0o600
    assert CliRunner().invoke(cli.edge, words).exit_code == 1
    status = json.loads(CliRunner().invoke(cli.edge, ["--site", str(site), "status", "--json"]).stdout)
    assert (status["plan"], status["pin_mode"], status["time_zone"], status["daemon"]) == (
        "basic",
        "apt_pin",
        "UTC",
        None,
    )
    refused = CliRunner().invoke(
        cli.edge, ["--site", str(site), "credential", "add", "pin", "--apartment", "1/1", "--generate"]
    )
    assert refused.exit_code == 3


def test_init_prints_what_to_do_next(tmp_path):
    result = CliRunner().invoke(cli.edge, ["--site", str(tmp_path / "s"), "init"])
    assert f"edge --site {tmp_path / 's'} building add 1" in result.stdout


def test_init_refuses_contradictions(tmp_path):
    words = ["--site", str(tmp_path / "s"), "init", "--plan", "basic", "--landline"]
    assert CliRunner().invoke(cli.edge, words).exit_code == 1
    assert not (tmp_path / "s").exists()


# --- things ----------------------------------------------------------------------------------------------------------


def test_apartments(edge, told):
    (row,) = told("apartment", "list", "--building", "1")
    assert row["apartment"] == "1/101"
    assert (row["accessible_floors"], row["web_relay"], row["call_type"], row["handset"]) == (["1", "B1"], 3, 3, True)
    edge("apartment", "set", "101", "--no-handset", "--whitelisted", "--name", "Studio")
    edge("apartment", "service", "1*101", "blocked")
    row = told("apartment", "show", "1/101")
    assert (row["handset"], row["whitelisted"], row["service"], row["name"]) == (False, True, "blocked", "Studio")
    edge("building", "set", "1", "--name", "One")
    assert told("building", "show", "One")["apartments"] == 1
    edge("apartment", "reset", "101", "--yes")
    edge("apartment", "remove", "101", "--yes")
    assert told("apartment", "list") == []
    edge("building", "remove", "One")
    assert told("building", "list") == []


def test_landlines(edge, told):
    edge("landline", "set", "101", "12 345 67 89")
    edge("landline", "set", "101", "3", "+442079460958")
    edge("landline", "set", "101", "1", "-")
    assert told("landline", "list") == [{"apartment": "1/101", "position": 3, "number": "+442079460958"}]


def test_residents(edge, told):
    identity = told("resident", "add", "101", "--first", "Anna", "--last", "M", "--mobile", "501234567")["id"]
    edge("resident", "set", identity, "--activation", "expired", "--expires", "2026-12-31", "--email", "a@b.org")
    (row,) = told("resident", "list", "--apartment", "101")
    assert (row["first"], row["role"], row["mobile"], row["email"]) == ("Anna", "master", "+48501234567", "a@b.org")
    assert (row["activation"], row["expires"]) == ("expired", "2026-12-31T23:00:00.000Z")
    edge("resident", "set", identity, "--expires", "-")
    assert told("resident", "show", identity)["expires"] is None
    before = told("resident", "secret", identity)
    assert set(before["sip"]) == {"user", "password", "realm", "server"}
    assert before["sip"]["server"] == "127.0.0.1:5060"
    after = told("resident", "secret", identity, "--renew")
    assert before["sip"]["user"] != after["sip"]["user"]
    edge("resident", "remove", identity)
    assert told("resident", "list") == []


def test_devices(edge, told):
    gate, room = told("device", "list")
    for key in ("mac", "name", "type", "model", "firmware", "place", "buildings", "sip", "mqtt", "revision"):
        assert key in gate
    assert set(gate["sip"]) == {"user", "online", "contact", "transport", "expires_at"}
    assert set(gate["mqtt"]) == {"online", "since"}
    assert set(gate["revision"]) == {"wanted", "confirmed"}
    assert (gate["mac"], gate["buildings"], room["apartment"]) == (GATE.lower(), "all", "1/101")
    edge("device", "set", "Gate", "--enabled", "no", "--buildings", "1", "--digest", "md5", "--fire-group", "A")
    shown = told("device", "show", GATE)
    assert (shown["enabled"], shown["buildings"], shown["digest"]) == (False, ["1"], "md5")
    edge("device", "set", GATE, "--buildings", "all")
    assert told("device", "show", GATE)["buildings"] == "all"
    edge("device", "remove", "Room")
    assert [row["bound"] for row in told("mac", "list")] == [False, True]


def test_a_devices_secret_is_all_that_it_needs(told):
    secret = told("device", "secret", "Gate")
    assert set(secret) == {"mac", "sip", "mqtt"}
    assert set(secret["sip"]) == {"user", "password", "realm", "server"}
    assert secret["mqtt"] == secret["mqtt"] | {
        "host": "127.0.0.1", "port": 1883, "tls": False, "ca_file": None, "user": GATE.lower(),
        "client_id": GATE.lower(), "prefix": "intercom", "community": secret["sip"]["realm"],
    }  # fmt: skip
    assert len(secret["mqtt"]["password"]) >= 24
    renewed = told("device", "secret", "Gate", "--renew")
    assert renewed["sip"]["user"] == secret["sip"]["user"]
    assert renewed["sip"]["password"] != secret["sip"]["password"]


def test_relays(edge, told):
    edge("relay", "add", GATE, "1", "--security", "--methods", "pin,dtmf", "--dtmf", "9", "--hold-s", "7")
    edge("relay", "set", "Gate", "1", "--enabled", "no", "--name", "Main", "--trigger-s", "2")
    first, security = told("relay", "list", "Gate")
    assert (first["enabled"], first["name"], first["dtmf"], first["trigger_s"]) == (False, "Main", "1", 2)
    assert (security["security"], security["methods"], security["hold_s"]) == (True, ["dtmf", "pin"], 7)
    edge("relay", "remove", "Gate", "1", "--security")
    assert len(told("relay", "list", "Gate")) == 1


def test_credentials(edge, told):
    edge("schedule", "add", "Work", "--week", "mon 08:00-18:00; sat 22:00-02:00")
    pin = told("credential", "add", "pin", "--apartment", "101", "--generate", "--schedule", "Work", "--uses", "2")
    assert set(pin) == {"id", "value"}
    card = told(
        "credential", "add", "rf_card", "--apartment", "1/101", "--value", "-", "--doors", f"Gate,{GATE}",
        "--until", "2026-03-01", "--by", "manager", stdin="04:a1:b2:c3:d4\n",
    )  # fmt: skip
    assert set(card) == {"id"}
    shown = {row["id"]: row for row in told("credential", "list", "--apartment", "101")}
    assert (shown[card["id"]]["value"], shown[card["id"]]["doors"]) == ("…C3D4", [GATE.lower()])
    assert shown[card["id"]]["until"] == "2026-03-01T23:00:00.000Z"
    assert (shown[pin["id"]]["value"], shown[pin["id"]]["schedule"], shown[pin["id"]]["uses_left"]) == ("", "Work", 2)
    assert told("schedule", "show", "Work")["week"] == "mon 08:00-18:00; sat 22:00-02:00"
    edge("schedule", "remove", "Work", code=1)
    edge("schedule", "set", "Work", "--week", "")
    edge("credential", "remove", pin["id"])
    edge("schedule", "remove", "Work")
    assert told("schedule", "list") == []


def test_closing_many_homes_is_confirmed(edge, told):
    homes = [f"1/{number}" for number in range(201, 209)]
    for home in homes:
        edge("apartment", "add", home)
    refused = edge("apartment", "service", *homes, "blocked", code=3)
    assert "8 of the 9 apartments of building 1" in refused.stderr
    edge("apartment", "service", "--building", "1", "off", code=3)
    assert {row["service"] for row in told("apartment", "list")} == {"active"}
    edge("apartment", "service", *homes, "blocked", "--confirm")
    assert sum(row["service"] == "blocked" for row in told("apartment", "list")) == 8
    edge("apartment", "service", "blocked", code=2)


def test_a_visitors_pass_by_hand(edge, told, tmp_path):
    edge("group", "add", "Outside", "--doors", "Gate")
    until = ("--apartment", "101", "--name", "Anna", "--until", "2100-01-01")
    edge("pass", "add", *until, code=1)  # longer than a year
    until = ("--apartment", "101", "--name", "Anna", "--from", "2099-01-01", "--until", "2099-06-01")
    picture = tmp_path / "pass.svg"
    issued = told("pass", "add", *until, "--uses", "1", "--doors", "group:Outside", "--qr", str(picture))
    assert picture.read_bytes().startswith(b"<?xml")
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert issued["value"] not in edge("pass", "list").stdout
    edge("pass", "add", *until, "--qr", str(picture), code=1)  # it is there already
    edge("pass", "add", *until, "--qr", str(tmp_path / "pass.gif"), code=2)
    edge("pass", "add", *until, "--pin", "--qr", str(tmp_path / "x.png"), code=2)
    assert [row["id"] for row in told("pass", "list")] == [issued["id"]]
    refused = told("door", "explain", "Gate", "--qr", "-", stdin=issued["value"] + "\n", code=3)
    assert refused["reason"] == "not_yet_valid"
    opened = ("door", "explain", "Gate", "--qr", "-", "--at", "2099-02-01")
    assert told(*opened, stdin=issued["value"] + "\n")["granted"] is True
    assert "█" in edge("pass", "add", *until).stdout
    delivery = told(
        "pass", "add", "--apartment", "101", "--name", "Parcel", "--delivery", *until[4:6], "--until", "2099-01-02"
    )
    assert delivery["value"].isdigit()
    edge("pass", "revoke", issued["id"])
    edge("pass", "revoke", issued["id"], code=1)
    assert told("group", "show", "Outside")["doors"] == [GATE.lower()]
    edge("group", "remove", "Outside")


def test_operators_see_alarms_and_orders(edge, told, folder):
    with Site.open(folder).admin("test").edit() as edit:
        for kind in ("duress", "lockout", "lockout"):
            journal.append(edit.connection, LogEntry(LogKind.ALARM, edit.now_ms, detail={"type": kind}))
    assert [row["detail"]["type"] for row in told("log", "list", "--kind", "alarm")] == ["duress", "lockout", "lockout"]
    edge("door", "lock", "Gate")
    findings = {row["part"]: row["message"] for row in json.loads(edge_doctor(folder))["findings"]}
    assert findings["alarms"] == "in the last 24 hours: 2 lockout, 1 duress"
    assert findings["doors"].startswith("Gate: lock down, by installer since ")


def edge_doctor(folder: Path) -> str:
    """What it prints; its exit code depends on the machine."""
    return CliRunner().invoke(cli.edge, ["--site", str(folder), "--json", "doctor"]).stdout


def test_an_area_by_hand(edge, told):
    edge("area", "add", "Cellar", "--entry", "Gate", "--passback", "hard", "--forget-h", "8")
    (area,) = told("area", "list")
    assert (area["entry"], area["exit"], area["passback"], area["forget_h"]) == (["Gate"], [], "hard", 8)
    assert told("device", "show", GATE)["area"] == "Cellar"
    edge("area", "set", "Cellar", "--entry", "", "--exit", "Gate", "--passback", "soft")
    assert told("device", "show", GATE)["area_side"] == "exit"
    edge("area", "reset", "Cellar")
    edge("area", "remove", "Cellar")
    edge("area", "remove", "Cellar", code=1)
    assert told("device", "show", GATE)["area"] is None


def test_a_lock_down_by_hand(edge, told):
    card = ("door", "explain", "Gate", "--card", "04A1B2C3D4")
    edge("credential", "add", "rf_card", "--apartment", "101", "--value", "04A1B2C3D4")
    assert told(*card)["granted"] is True
    edge("door", "lock", "Gate")
    refused = told(*card, code=3)
    assert (refused["reason"], refused["cause"]) == ("not_allowed", "lock_down")
    assert "release" in refused["change"]
    assert [(row["order"], row["door"]) for row in told("door", "orders")] == [("lock_down", "Gate")]
    edge("door", "hold", "Gate", "--minutes", "5", code=3)
    assert told("door", "release", "Gate") == {"ended": 1, "orders": []}
    assert told(*card)["granted"] is True
    held = told("door", "hold", "Gate", "--minutes", "5", code=1)  # nobody tells the door
    assert held["result"] is None
    assert [row["order"] for row in told("door", "orders")] == ["hold_open"]
    edge("door", "lock", "--all", "--until", "2030-01-01")
    assert [row["order"] for row in told("door", "orders")] == ["lock_down"]
    for words in (("lock",), ("lock", "Gate", "--all"), ("release",), ("hold", "Gate")):
        edge("door", *words, code=2)


def test_hours_of_doors_and_holidays_by_hand(edge, told):
    edge("schedule", "add", "Office", "--week", "mon 08:00-18:00; hol closed; 2026-12-24 08:00-12:00")
    edge("holiday", "add", "12-25", "--name", "Christmas")
    assert told("holiday", "list") == [{"day": "12-25", "name": "Christmas"}]
    edge("relay", "set", GATE, "1", "--schedule", "Office", "--two-factor", "yes")
    (relay,) = told("relay", "list", GATE)
    assert (relay["schedule"], relay["two_factor"]) == ("Office", True)
    edge("device", "set", GATE, "--schedule", "Office", "--open-schedule", "Office", "--interlock", "yard")
    gate = told("device", "show", GATE)
    assert (gate["schedule"], gate["open_schedule"], gate["interlock"]) == ("Office", "Office", "yard")
    edge("schedule", "remove", "Office", code=1)
    assert told("schedule", "show", "Office")["week"] == "mon 08:00-18:00; hol closed; 2026-12-24 08:00-12:00"
    edge("relay", "set", GATE, "1", "--schedule", "")
    edge("device", "set", GATE, "--schedule", "", "--open-schedule", "")
    edge("schedule", "remove", "Office")
    edge("holiday", "remove", "12-25")


def test_no_secret_is_in_any_output_or_file(edge, folder):
    edge("credential", "add", "rf_card", "--apartment", "101", "--value", "04A1B2C3D4")
    edge("credential", "add", "pin", "--apartment", "101", "--value", "730519")
    refused = edge("credential", "add", "pin", "--apartment", "101", "--value", "730519", code=3)
    bad = edge("credential", "add", "rf_card", "--apartment", "101", "--value", "xyz-secret", code=1)
    outputs = [edge(*line.split()).output for line in ("credential list", "log list", "log list --json", "status")]
    for text in (*outputs, refused.output, bad.output):
        for secret in ("04A1B2", "730519", "xyz-secret"):
            assert secret not in text
    stored = b"".join(path.read_bytes() for path in folder.glob("edge.db*"))
    assert b"730519" not in stored
    assert b"04A1B2C3D4" not in stored


def test_the_rest_of_the_things(edge, told):
    edge("whitelist", "add", "+48123456789", "--note", "post")
    assert told("whitelist", "list") == [{"number": "+48123456789", "note": "post", "opens": None}]
    edge("whitelist", "set", "+48123456789", "--opens", "Gate")
    assert told("whitelist", "list")[0]["opens"] == "Gate"
    edge("whitelist", "remove", "+48123456789")
    edge("camera", "add", "Yard", "--rtsp", "rtsp://cam:554/1", "--password", "-", "--device", "Gate", stdin="pw\n")
    assert told("camera", "list")[0]["device"] == GATE.lower()
    edge("camera", "remove", "Yard")
    login = told("mqtt", "login", "add", "lights")
    assert (login["user"], login["client_id"], login["prefix"]) == ("lights", "lights", "intercom")
    assert len(login["password"]) >= 24
    assert told("mqtt", "login", "list") == [{"name": "lights", "role": "integrator"}]
    edge("mqtt", "login", "remove", "lights")
    edge("community", "set", "--community-calls", "yes", "--date-format", "dmy", "--emergency-numbers", "112")
    shown = told("community", "show")
    assert (shown["community_calls"], shown["date_format"], shown["emergency_numbers"]) == (True, "dmy", ["112"])


# --- doors, calls, log -----------------------------------------------------------------------------------------------


def test_a_door_explains_itself(edge, told):
    edge("credential", "add", "rf_card", "--apartment", "101", "--value", "04A1B2C3D4", "--until", "2026-03-01")
    answer = told("door", "explain", "Gate", "--card", "04a1b2c3d4", "--at", "2026-03-01T23:59:59")
    assert (answer["granted"], answer["reason"], answer["relays"], answer["web_relay"]) == (True, "granted", [1], 3)
    assert (answer["apartment"], answer["floors"], answer["seconds"]) == ("1/101", ["1", "B1"], 5)
    assert answer["change"]
    late = told("door", "explain", GATE, "--card", "-", "--at", "2026-03-02", stdin="04A1B2C3D4\n", code=3)
    assert (late["granted"], late["reason"]) == (False, "expired")
    wrong = told("door", "explain", "Gate", "--apt-pin", "101+1234", code=3)
    assert wrong["reason"] == "method_not_on_relay"
    assert [row for row in told("log", "list") if row["kind"] == "access"] == []


def test_a_plan_is_told_with_every_leg(edge, told):
    edge("resident", "add", "101", "--first", "Anna", "--last", "M")
    plan = told("call", "plan", "101", "--door", "Gate")
    assert (plan["allowed"], plan["reason"]) == (True, None)
    assert [[leg["kind"] for leg in stage["legs"]] for stage in plan["stages"]] == [["monitor"], ["app"]]
    assert set(plan["stages"][0]["legs"][0]) == {"kind", "target", "in", "why"}
    edge("apartment", "service", "101", "blocked")
    refused = told("call", "plan", "101", code=3)
    assert (refused["allowed"], refused["reason"], refused["status"]) == (False, "blocked", 403)
    assert "refused: blocked" in edge("call", "plan", "101", code=3).stdout


def test_the_log(edge, told, tmp_path):
    rows = told("log", "list")
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    for key in ("seq", "at", "door", "device", "method", "outcome", "reason", "apartment", "resident", "relays"):
        assert key in rows[0]
    assert {"id", "device_at", "kind", "duress"} <= set(rows[0])
    assert told("log", "list", "--limit", "2") == rows[-2:]
    assert told("log", "list", "--after", "1", "--limit", "2") == rows[1:3]
    assert told("log", "list", "--kind", "access") == []
    assert [row["door"] for row in told("log", "list", "--door", "0c:11:05:0b:98:14")] == ["Gate", "Gate"]
    assert told("log", "list", "--door", "Gate", "--since", "2100-01-01") == []
    assert {row["apartment"] for row in told("log", "list", "--apartment", "101")} == {"1/101"}
    for name in ("x.csv", "x.jsonl"):
        assert told("log", "export", str(tmp_path / name))["rows"] == len(rows)
    lines = (tmp_path / "x.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert (tmp_path / "x.csv").read_text().startswith("seq,")
    assert told("call", "list") == []


# --- sheets ----------------------------------------------------------------------------------------------------------


def test_the_log_as_one_json_array(told, tmp_path):
    rows = told("log", "list")
    assert told("log", "export", str(tmp_path / "log.json"))["rows"] == len(rows) > 1
    assert json.loads((tmp_path / "log.json").read_text()) == rows
    assert told("log", "export", str(tmp_path / "none.json"), "--kind", "ring")["rows"] == 0
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_a_row_that_was_edited_or_taken_out_is_found(edge, told, folder):
    rows = told("log", "list")
    found = told("log", "verify")
    assert (found["sound"], found["rows"], found["newest"], found["broken"]) == (True, len(rows), rows[-1]["seq"], None)
    with sqlite3.connect(folder / "edge.db") as connection:
        connection.execute("UPDATE journal SET detail = '{}' WHERE seq = 3")
    assert json.loads(edge("--json", "log", "verify", code=1).stdout)["broken"] == 3
    with sqlite3.connect(folder / "edge.db") as connection:
        connection.execute("DELETE FROM journal WHERE seq >= 3")
    assert json.loads(edge("--json", "log", "verify", code=1).stdout)["missing"] == len(rows) - 2
    assert "rows are missing" in edge("log", "verify", code=1).stdout


def test_import_and_export(edge, told, tmp_path):
    edge("template", str(tmp_path / "t.xlsx"))
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    book["Import"].append(["2", "201", "", "", "Ola", "Nowak"])
    book.save(tmp_path / "t.xlsx")
    counts = {"ok": True, "rows": 1, "buildings": 1, "apartments": 1, "residents": 1, "devices": 0, "errors": []}
    assert told("import", str(tmp_path / "t.xlsx"), "--dry-run") == counts
    assert told("import", str(tmp_path / "t.xlsx")) == counts
    again = told("import", str(tmp_path / "t.xlsx"), code=1)
    (error,) = again["errors"]
    assert (again["ok"], error["row"], error["column"], error["code"]) == (False, 2, "Apt", "duplicate")
    assert "nothing was stored" in edge("import", str(tmp_path / "t.xlsx"), code=1).stderr
    assert told("export", str(tmp_path / "out.csv"))["rows"] == 3
    edge("import", str(tmp_path / "none.csv"), code=2)


def test_windows_1251_is_noticed_on_stderr(edge, tmp_path):
    (tmp_path / "x.csv").write_bytes("Building;Apt\nДом;1\n".encode("cp1251"))
    assert "Windows-1251" in edge("import", str(tmp_path / "x.csv"), "--json").stderr


def test_macs_from_a_file(edge, told, tmp_path):
    (tmp_path / "x.csv").write_text("MAC\n0C1105AAAA00\n0C1105AAAA02\n")
    assert told("mac", "import", str(tmp_path / "x.csv"))["added"] == 2
    (tmp_path / "x.csv").write_text("MAC\n0C1105AAAA04\nnothing\n")
    assert told("mac", "import", str(tmp_path / "x.csv"), code=1)["errors"][0]["row"] == 3
    assert len(told("mac", "list")) == 4
    (tmp_path / "x.csv").write_bytes(b"\0")
    assert told("mac", "import", str(tmp_path / "x.csv"), code=1)["errors"][0]["code"] == "format"


def test_credentials_from_a_file(edge, told, tmp_path):
    (tmp_path / "x.csv").write_text("kind,apartment,value,generate\nrf_card,101,04A1,\npin,101,,yes\n")
    made = told("credential", "import", str(tmp_path / "x.csv"))
    assert (made["ok"], made["rows"], made["credentials"][0]["value"]) == (True, 2, None)
    assert len(made["credentials"][1]["value"]) == 6
    result = CliRunner().invoke(
        cli.edge, ["credential", "import", str(tmp_path / "x.csv")], env={"EDGE_SITE": str(tmp_path / "site")}
    )
    assert result.exit_code == 1


# --- state -----------------------------------------------------------------------------------------------------------


def test_status_without_a_daemon(edge, told):
    status = told("status")
    assert status["daemon"] is None
    assert {"community", "time_zone", "plan", "pin_mode", "revision"} <= set(status)
    assert "no daemon" in edge("status").stderr


def test_the_doctor_finds_what_is_wrong(told, folder, monkeypatch):
    monkeypatch.setattr("edge.commands.examine._ports", lambda site: iter(()))  # no sockets in unit tests
    well = told("doctor")
    assert well["ok"] is True
    assert {"part", "level", "message", "do"} == set(well["findings"][0])
    (folder / "edge.db").chmod(0o644)
    (folder / "edge.toml").chmod(0o666)
    ill = told("doctor", code=1)
    wrong = [finding["message"] for finding in ill["findings"] if finding["level"] == "wrong"]
    assert any("edge.db is open to others" in message for message in wrong)
    assert any("edge.toml can be changed by others" in message for message in wrong)
    (folder / "edge.toml").write_text("[sip]\nport = -1\nfoo = 1\n")
    assert len([f for f in told("doctor", code=1)["findings"] if f["part"] == "configuration"]) == 2


def test_the_installed_command_runs():
    path = Path(sys.executable).with_name("edge")
    run = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=60, env={**os.environ}, check=True
    )
    assert run.stdout.startswith("edge, version ")
