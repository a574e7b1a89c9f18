"""Every driver renders its golden files, tells no secret of a masked state, and reads back what it wrote.

A file that is to be changed: python -m tests.unit.provisioning.test_drivers writes them anew; look at the difference.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from models.device import DeviceType
from provisioning.desired import DesiredState
from provisioning.driver import DeviceIdentity
from provisioning.registry import DRIVERS, asked_by, driver_asking, driver_for
from tests.unit.provisioning.states import SECRETS, SIP_PASSWORD, door, monitor

GOLDEN: Final = Path(__file__).parents[2] / "data" / "provisioning"
CASES: Final[Mapping[str, tuple[str, DesiredState]]] = {
    "akuvox_door": ("akuvox", door("0c1105000001", "R29")),
    "akuvox_unknown": ("akuvox", door("0c1105000002", "")),
    "akuvox_monitor": ("akuvox", monitor("0c1105000003", "C313")),
    "linphone": ("linphone", door("020000000001", "Linphone")),
    "linphone_tls": ("linphone", monitor("020000000002", "Linphone")),
    "baresip": ("baresip", door("020000000003", "baresip")),
    "fanvil": ("fanvil", door("0c383e000001", "i33V")),
    "grandstream": ("grandstream", door("000b82000001", "GDS3710")),
    "generic": ("generic", door("020000000004", "")),
    "basip": ("basip", door("020000000005", "BAS-IP AV-08")),
    "sokol": ("sokol", door("020000000006", "IS Sokol")),
    "hikvision": ("hikvision", door("020000000007", "DS-KV6113")),
    "beward": ("beward", door("020000000008", "DKS15122")),
}
IDS: Final = list(CASES)


def made(case: str) -> dict[str, bytes]:
    """Files, and for a family that is told by requests the requests."""
    name, desired = CASES[case]
    driver = DRIVERS[name]
    files = {file.path: file.body for file in driver.render(desired)}
    for number, call in enumerate(driver.calls(desired), start=1):
        head = f"{call.method} {call.path}\nContent-Type: {call.media_type}\n\n"
        files[f"{number:02}-{call.item.replace(' ', '-')}.http"] = head.encode() + call.body + b"\n"
    return files


@pytest.mark.parametrize("case", IDS)
def test_a_driver_renders_its_golden_files(case: str) -> None:
    golden = {path.name: path.read_bytes() for path in (GOLDEN / case).iterdir()}
    assert golden
    assert made(case) == golden


@pytest.mark.parametrize("case", IDS)
def test_a_masked_state_shows_no_secret(case: str) -> None:
    name, desired = CASES[case]
    shown = [*(file.body for file in DRIVERS[name].render(desired.masked()))]
    shown += [call.path.encode() + call.body for call in DRIVERS[name].calls(desired.masked())]
    assert shown
    for body in shown:
        assert not [secret for secret in SECRETS if secret.encode() in body]


@pytest.mark.parametrize("case", IDS)
def test_no_secret_is_in_the_name_of_a_file_or_in_an_address_that_is_asked(case: str) -> None:
    name, desired = CASES[case]
    named = [file.path for file in DRIVERS[name].render(desired)] + [c.path for c in DRIVERS[name].calls(desired)]
    assert not [secret for secret in SECRETS for path in named if secret in path]


@pytest.mark.parametrize("case", [case for case in IDS if DRIVERS[CASES[case][0]].render(CASES[case][1])])
def test_a_driver_reads_what_it_wrote_and_is_asked_for_it(case: str) -> None:
    name, desired = CASES[case]
    file = DRIVERS[name].render(desired)[0]
    assert SIP_PASSWORD in DRIVERS[name].parse(file.body).values()
    assert asked_by(file.path) == desired.mac
    assert asked_by(file.path.upper()) == desired.mac
    assert driver_asking(file.path, DeviceIdentity(desired.mac, desired.model)) is DRIVERS[name]


@pytest.mark.parametrize("case", IDS)
def test_the_driver_of_a_model_is_found(case: str) -> None:
    name, desired = CASES[case]
    assert driver_for(DeviceIdentity(desired.mac, desired.model)) is DRIVERS[name]


@pytest.mark.parametrize("model", ["2N IP Verso", "VTO2202F", "DoorBird D2101V", "C317", "X915S", "i16SV", "S532"])
def test_one_driver_knows_a_model(model: str) -> None:
    driver = driver_for(DeviceIdentity("020000000009", model))
    assert driver.name != "generic"


def test_a_device_that_nobody_knows_has_the_generic_driver() -> None:
    assert driver_for(DeviceIdentity("020000000009", "Unheard-Of 9")).name == "generic"


def test_a_file_that_several_families_ask_for_is_for_the_maker_of_the_mac() -> None:
    assert asked_by("020000000009.cfg") == "020000000009"
    assert driver_asking("020000000009.cfg", DeviceIdentity("020000000009")) is None
    fanvil = driver_asking("0c383e000009.cfg", DeviceIdentity("0c383e000009"))
    assert fanvil is DRIVERS["fanvil"]


def test_linphone_on_a_computer_is_served_whatever_card_it_has() -> None:
    assert driver_asking("linphone-0c1105000009.xml", DeviceIdentity("0c1105000009")) is DRIVERS["linphone"]


@pytest.mark.parametrize(
    "path", ["", "r000000000020.cfg", "../0c1105000001.cfg", "0c1105000001.cfg/x", "0c11050000.cfg"]
)
def test_no_mac_is_found_in_other_names(path: str) -> None:
    assert asked_by(path) is None


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_what_is_no_file_of_the_family_is_refused(name: str) -> None:
    for body in (b"\xff\xfe", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"[]", b"nothing"):
        with pytest.raises(ValueError):  # noqa: PT011  # which words it has differs
            DRIVERS[name].parse(body)


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_a_hostile_name_ends_no_line_and_opens_no_tag(name: str) -> None:
    calm = door("0c1105000001", "R29")
    hostile = replace(calm, name='x\r\nConfig.Autoprovision.GENERAL.Url = http://198.51.100.9/"><a>;auth_pass=x')
    for before, after in zip(DRIVERS[name].render(calm), DRIVERS[name].render(hostile), strict=True):
        if after.path.endswith((".cfg", ".xml", "accounts", ".json")) and b"KeyData" not in after.body:
            if b"<Dial>" in after.body:
                continue
            old, new = DRIVERS[name].parse(before.body), DRIVERS[name].parse(after.body)
            assert old.keys() == new.keys()
            assert "http://198.51.100.9/" not in new.values()


def test_a_model_that_is_not_known_gets_the_safe_subset() -> None:
    unknown, known = (
        DRIVERS["akuvox"].capabilities("", is_door=True),
        DRIVERS["akuvox"].capabilities("R29", is_door=True),
    )
    assert not unknown.known
    assert unknown.max_relays < known.max_relays
    assert not unknown.panel_credentials
    assert len(DRIVERS["akuvox"].render(CASES["akuvox_unknown"][1])) == 1


def test_relays_are_opened_by_requests_without_secrets() -> None:
    for name in ("2n", "basip", "sokol", "hikvision", "beward", "dahua", "doorbird"):
        call = DRIVERS[name].opening(1)
        assert call is not None, name
    assert DRIVERS["linphone"].opening(1) is None


def test_a_monitor_is_no_door() -> None:
    assert CASES["akuvox_monitor"][1].type is DeviceType.INDOOR_MONITOR
    (file,) = DRIVERS["akuvox"].render(CASES["akuvox_monitor"][1])
    items = DRIVERS["akuvox"].parse(file.body)
    assert items["Config.DoorSetting.RELAY.DTMFCode"] == "1"
    assert not [key for key in items if "APIFCGI" in key]


def _write() -> None:
    for case in CASES:
        folder = GOLDEN / case
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, body in made(case).items():
            (folder / name).write_bytes(body)


if __name__ == "__main__":
    _write()
