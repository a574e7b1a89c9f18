"""What every driver does whatever is asked: nothing opens by itself, by everybody's code, or by a factory login."""

import json
from dataclasses import replace
from typing import Final

import pytest

from models.access import CredentialKind
from provisioning.api import Section, Told
from provisioning.desired import DesiredState, PanelCredential
from provisioning.registry import DRIVERS
from tests.unit.provisioning.states import ADMIN_PASSWORD, door, monitor

FACTORY: Final = ("httpapi", "admin:admin", "123456", '"1234"', "4321")
DOOR: Final = door("0c1105000001", "")
MODELS: Final = {"akuvox": "R29", "basip": "AA-07FB", "beward": "DKS15122", "sokol": "Sokol", "2n": "2N IP Verso"}


def told(name: str, desired: DesiredState) -> str:
    """Everything that a device of the family is told, by file and by request."""
    driver = DRIVERS[name]
    bodies = [file.body for file in driver.render(desired)] + [call.body for call in driver.calls(desired)]
    text = b"\n".join(bodies).decode()
    if driver.api is not None:
        for section in driver.api.sections(desired, Told(desired.model)):
            text += "\n" + json.dumps(dict(section.wanted))
    return text


def settings(name: str, desired: DesiredState) -> dict[str, str]:
    api = DRIVERS[name].api
    assert api is not None
    sections: list[Section] = list(api.sections(desired, Told(desired.model)))
    return {f"{section.name}/{key}": value for section in sections for key, value in section.wanted.items()}


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_no_driver_tells_a_password_of_the_factory(name: str) -> None:
    text = told(name, replace(DOOR, model=MODELS.get(name, "")))
    assert not [known for known in FACTORY if known in text]


@pytest.mark.parametrize("name", ["akuvox", "fanvil", "grandstream"])
def test_the_password_of_the_web_page_is_replaced(name: str) -> None:
    assert ADMIN_PASSWORD in told(name, DOOR)


@pytest.mark.parametrize("model", ["R29", ""])
def test_akuvox_holds_no_door_open_at_any_relay(model: str) -> None:
    items = settings("akuvox", replace(DOOR, model=model, relays=()))
    letters = "ABCD" if model else "A"
    for number, letter in enumerate(letters, start=1):
        assert items[f"settings/Config.DoorSetting.RELAY.Relay{letter}TrigAlways"] == "0"
        assert items[f"settings/Config.DoorSetting.RELAYSCHEDULE.Relay{letter}Enable"] == "0"
        assert items[f"settings/Config.DoorSetting.DTMF.Code{number}"] == ""
    assert items["settings/Config.DoorSetting.CLOUDSERVER.RpsEnable"] == "0"
    assert items["settings/Config.DoorSetting.APIFCGI.AuthMode"] == "4"
    assert items["settings/Config.Settings.GENERAL.DirectIP"] == "0"


def test_basip_has_no_common_code_and_no_free_access() -> None:
    items = settings("basip", replace(DOOR, relays=()))
    assert items["common code off/input_code_enable"] == "false"
    assert items["free access off/enable"] == "false"
    assert [items[f"relay {number} DTMF/dtmf_code"] for number in (1, 2)] == ["", ""]


def test_beward_keeps_its_door_shut_while_the_server_is_away() -> None:
    assert "DoorOpenSipFail=off" in told("beward", DOOR)


def test_sokol_keeps_its_door_shut_and_has_no_common_code() -> None:
    assert '"alwaysOpen": false' in told("sokol", DOOR)
    assert ("DELETE", "/openCode/0") in [(call.method, call.path) for call in DRIVERS["sokol"].calls(DOOR)]


def test_the_dial_list_for_the_day_the_edge_is_dead_is_in_the_file_and_in_the_push() -> None:
    known = replace(DOOR, model="R29")
    (table,) = (file for file in DRIVERS["akuvox"].render(known) if file.path.endswith("DialReplace.xml"))
    assert b"192.0.2.10" in table.body
    assert settings("akuvox", known)["dial list/102"] == "102;192.0.2.10"
    assert settings("akuvox", replace(known, fallback=())).keys().isdisjoint({"dial list/102"}), "and goes with it"


def test_a_monitor_sends_only_codes_of_its_own_door() -> None:
    items = settings("akuvox", monitor("0c1105000003", "C313"))
    keys = ("", "2", "3")
    assert [items[f"settings/Config.DoorSetting.RELAY.DTMFCode{key}"] for key in keys] == ["1", "", ""]


def test_a_pin_that_opens_behind_an_apartment_only_is_not_told_to_a_device_that_would_take_it_alone() -> None:
    short = PanelCredential("k-9", CredentialKind.PIN, "4711", "101", after_apartment=True)
    whole = PanelCredential("k-8", CredentialKind.PIN, "482915", "101")
    files = DRIVERS["akuvox"].render(replace(door("0c1105000001", "R29"), credentials=(short, whole)))
    (keys,) = (file.body for file in files if file.path.endswith("PrivateKey.xml"))
    assert b"482915" in keys
    assert b"4711" not in keys
