"""A site that was its own central store comes under one: ids kept, nothing lost, what can't travel works on."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

import cli
from edge.central import edges
from edge.central.tables import item
from edge.store.tables import credential
from tests.loopback.central.lab import Lab, open_edge
from tests.loopback.central.test_business import things

GATE, ROOM, READER = "0c1105000001", "0c1105000002", "0c1105000003"
SITE = [
    "init --name Linden --time-zone Europe/Warsaw --country PL --landline --plan premium",
    "building add 1",
    "building add 2",
    "apartment add 1/101 --floor 1 --accessible-floors 1,B1 --web-relay 3 --call-type 3 --handset --name Attic",
    "apartment add 2/201 --whitelisted --network-group east",
    "landline set 1/101 1 +48221234567",
    "landline set 1/101 2 +48221234568",
    "landline set 2/201 2 +48221234569",
    f"mac add {GATE} {ROOM} {READER}",
    "schedule add Day --week mon-fri_08:00-18:00;sat_22:00-02:00;hol_closed;2026-12-24_08:00-12:00",
    f"device add {GATE} --name Gate --type 0 --fire-group stairs --digest md5 --connection tls",
    f"device add {ROOM} --name Room --type 2 --apartment 1/101 --works-offline yes --static-address 10.0.0.9",
    f"device add {READER} --name Reader --type 50 --buildings 2 --schedule Day",
    f"relay add {GATE} 1 --hold-s 3 --methods pin,rf_card,dtmf --dtmf 7",
    f"relay add {GATE} 1 --security --two-factor yes --methods rf_card,pin --dtmf 9",
    f"relay add {READER} 2 --schedule Day --trigger-s 2",
    f"whitelist add +48601000001 --note Courier --opens {GATE}",
    f"credential add rf_card --apartment 1/101 --value 04A1B2C3D4 --home both --doors {GATE} --from 2026-01-01",
    "credential add rf_card --apartment 1/101 --value 04A1B2C3D5 --home panel --until 2030-01-01 --schedule Day",
    "credential add pin --apartment 2/201 --value 730518 --uses 5",
    "resident add 1/101 --first Ada --last Lovelace --email ada@example.org --mobile +48601234567 --language pl",
    "resident add 1/101 --first Bob --last Kahn",
]
Run = Callable[..., Any]


def edge_command(folder: Path, *words: str, code: int = 0, stdin: str | None = None) -> Any:
    result = CliRunner().invoke(cli.edge, ["--site", str(folder), "--json", *words], input=stdin)
    assert result.exit_code == code, (words, result.output, result.exception)
    return json.loads(result.stdout) if code == 0 and result.stdout else result.output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adopted") / "site"
    for line in SITE:
        edge_command(folder, *(word.replace("_", " ") if "--week" in line else word for word in line.split()))
    return folder


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Path:
    """A copy, made by SQLite, of the site."""
    folder = tmp_path / "site"
    (folder / "secrets").mkdir(parents=True, mode=0o700)
    for each in (*(made / "secrets").iterdir(), made / "edge.toml"):
        target = folder / each.relative_to(made)
        target.touch(0o600)
        target.write_bytes(each.read_bytes())
    with sqlite3.connect(made / "edge.db") as source, sqlite3.connect(folder / "edge.db") as target_db:
        source.backup(target_db)
    (folder / "edge.db").chmod(0o600)
    return folder


@pytest.fixture
def central(lab: Lab) -> Run:
    """`edge --site CENTRAL --json central …`, while the central store serves."""

    def run(*words: str, code: int = 0, stdin: str | None = None) -> Any:
        return edge_command(lab.here.folder, "central", *words, code=code, stdin=stdin)

    return run


def ids(folder: Path) -> set[str]:
    """Every id of the site's things."""
    with sqlite3.connect(folder / "edge.db") as store:
        kinds = ("building", "apartment", "device", "relay", "schedule", "resident", "credential")
        return {row[0] for kind in kinds for row in store.execute(f"SELECT id FROM {kind}")}


def content(folder: Path) -> dict[str, list[Any]]:
    """Everything that a door, a call or a person would miss, row by row."""
    columns = {
        "building": "id, name", "landline": "apartment_id, position, number", "schedule": "id, name",
        "apartment": "id, building_id, number, name, floor, accessible_floors, call_type, web_relay, has_handset,"
                     "whitelisted, network_group, service",
        "resident": "id, first_name, last_name, email, mobile, language, login, activation, sip_user, sip_password",
        "resident_apartment": "*", "schedule_row": "*", "schedule_day": "*", "device_building": "*", "relay": "*",
        "device": "id, mac, name, type, place, apartment_id, fire_group, digest, schedule_id, works_offline,"
                  "static_address, sip_user, sip_password, mqtt_password, connection",
        "credential": "id, kind, tag, apartment_id, resident_id, valid_from_ms, valid_until_ms, schedule_id,"
                      "uses_left, home",
        "credential_door": "*", "caller_whitelist": "*", "mac_library": "mac",
    }  # fmt: skip
    with sqlite3.connect(folder / "edge.db") as store:
        return {of: sorted(map(repr, store.execute(f"SELECT {what} FROM {of}"))) for of, what in columns.items()}


async def test_the_mapping_is_shown_then_applied_and_the_edge_goes_on_with_its_ids(
    lab: Lab, site: Path, central: Run
) -> None:
    before, known = content(site), ids(site)
    dry = central("adopt", str(site), "--dry-run")
    assert (dry["stored"], dry["clashes"], dry["there"]) == (False, 0, 0)
    stays = [(row["kind"], row["reason"]) for row in dry["things"] if row["state"] == "stays"]
    assert stays == [("credential", "its value is kept as a hash alone")]
    assert {row["id"] for row in dry["things"] if row["kind"] not in ("mac", "whitelist")} == known
    with lab.central.store.read() as connection:
        assert set(connection.execute(select(item.c.community)).scalars()) == {lab.community}, "nothing is stored"

    done = central("adopt", str(site))
    assert (done["name"], done["new"]) == ("Linden", dry["new"])
    assert content(site) == before, "the site itself is not touched"
    assert all(row["here"] == row["id"] for row in done["things"] if row["state"] == "new")
    _, code = edges.add(lab.central, "test", done["community"], "box")
    edge = open_edge(site)
    try:
        lab.community = done["community"]
        await lab.enrol(edge, code)
        async with edge.following():
            await edge.at(lab.rev())
        assert await lab.differences(edge) == []
        assert edge.read(lambda c: len(list(c.execute(select(credential.c.id))))) == 3, "the PIN is here still"
    finally:
        edge.close()
    assert content(site) == before
    assert edge_command(site, "building", "remove", "1", "--yes", code=3), "it is the central store's now"


async def test_a_backup_is_adopted_into_a_community_that_has_some_of_it(
    lab: Lab, site: Path, central: Run, tmp_path: Path
) -> None:
    await lab.change(
        ("building", "b-there", {"name": "1"}),
        ("apartment", "a-there", {"building": "b-there", "number": "101"}),
        ("mac", GATE, {"mac": GATE}),
        ("device", "d-there", {"mac": GATE, "name": "Main gate", "type": 0}),
    )
    word = tmp_path / "word"
    word.write_text("a word that nobody guesses\n")
    edge_command(site, "backup", str(tmp_path / "site.backup"), "--passphrase-file", str(word))
    asked = ("adopt", str(tmp_path / "site.backup"), "--community", lab.community, "--passphrase-file", str(word))
    done = central(*asked)
    there = {(row["kind"], row["here"]) for row in done["things"] if row["state"] == "there"}
    assert there == {("building", "b-there"), ("apartment", "a-there"), ("mac", GATE), ("device", "d-there")}
    people = await things(lab, "resident")
    assert {body["apartment"] for body in people.values()} == {"a-there"}
    assert {body["device"] for body in (await things(lab, "relay")).values()} >= {"d-there"}
    assert central(*asked)["new"] == 0, "once more is nothing more"


async def test_what_can_not_be_made_here_is_shown_and_nothing_is_adopted(lab: Lab, site: Path, central: Run) -> None:
    with sqlite3.connect(site / "edge.db") as store:
        (taken,) = store.execute("SELECT id FROM building WHERE name = '2'").fetchone()
    await lab.change(("building", taken, {"name": "Elsewhere"}))
    asked = ("adopt", str(site), "--community", lab.community)
    dry = central(*asked, "--dry-run")
    assert [(row["kind"], row["id"]) for row in dry["things"] if row["state"] == "clashes"] == [("building", taken)]
    central(*asked, code=3)
    assert list((await things(lab, "building")).values()) == [{"name": "Elsewhere"}]


async def test_a_site_of_another_kind_or_another_owner_is_refused(
    lab: Lab, site: Path, central: Run, tmp_path: Path
) -> None:
    basic = tmp_path / "basic"
    edge_command(basic, "init", "--name", "B", "--time-zone", "Europe/Warsaw", "--plan", "basic")
    assert "plan" in central("adopt", str(basic), "--community", lab.community, code=3)
    assert "no site" in central("adopt", str(tmp_path), code=1)
    _, code = edges.add(lab.central, "test", lab.community, "box")
    edge = open_edge(site)
    await lab.enrol(edge, code)
    edge.close()
    assert "must leave" in central("adopt", str(site), code=3)
