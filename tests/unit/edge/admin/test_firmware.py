"""The firmware library and its jobs, as an installer edits them."""

from pathlib import Path

import pytest

from edge.admin import buildings, devices, firmware, macs
from edge.admin.devices import Placing
from edge.admin.edit import NotFound, Reading, Refused, reading
from edge.admin.firmware import Stored, Terms
from edge.admin.site import Site
from edge.core.checks import RuleBroken
from edge.store.devices import save_hello
from models.device import DeviceType
from models.ids import DeviceId

GATE, HALL = "0c1105b00001", "0c1105b00002"


@pytest.fixture
def house(site: Site) -> Site:
    with site.admin("installer").edit() as edit:
        macs.add(edit, [GATE, HALL])
        buildings.add(edit, "1")
        for mac, name in ((GATE, "Gate"), (HALL, "Hall")):
            identity = devices.add(edit, mac, type=DeviceType.DOOR_PHONE, placing=Placing(), name=name)
            model = "R20" if mac == GATE else "R29"
            save_hello(edit.connection, DeviceId(identity), model=model, firmware="1", ip="", relays=1, now_ms=1)
    return site


@pytest.fixture
def stored(house: Site, tmp_path: Path) -> Stored:
    (tmp_path / "image").write_bytes(b"new" * 1000)
    return firmware.store_file(house.folder, tmp_path / "image")


def added(site: Site, stored: Stored, version: str = "2") -> None:
    with site.admin("installer").edit() as edit:
        firmware.add(edit, stored, model="R20", version=version)


def scheduled(site: Site, *macs: str, terms: Terms | None = None) -> str:
    with site.admin("installer").edit() as edit:
        return firmware.schedule(edit, "R20/2", macs, terms or Terms())


def test_a_file_is_kept_whole_and_private_under_its_hash(house: Site, stored: Stored, tmp_path: Path) -> None:
    kept = house.folder / "firmware" / stored.name
    assert kept.read_bytes() == b"new" * 1000
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.stem == stored.sha256
    assert firmware.store_file(house.folder, tmp_path / "image") == stored
    assert list(kept.parent.iterdir()) == [kept]


def test_an_empty_file_is_no_firmware(house: Site, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(RuleBroken, match="empty"):
        firmware.store_file(house.folder, tmp_path / "empty")
    assert list((house.folder / "firmware").iterdir()) == []


def test_a_version_is_there_once(house: Site, stored: Stored) -> None:
    added(house, stored)
    with pytest.raises(RuleBroken, match="is there already"):
        added(house, stored)
    with reading(house.store) as scope:
        assert [(row["model"], row["version"]) for row in firmware.listed(scope)] == [("R20", "2")]


def test_the_file_goes_with_the_last_version_that_has_it(house: Site, stored: Stored) -> None:
    added(house, stored, "2")
    added(house, stored, "2-again")
    with house.admin("installer").edit() as edit:
        assert firmware.remove(edit, "R20/2") is None
        assert firmware.remove(edit, "R20/2-again") == stored.name
    with house.admin("installer").edit() as edit, pytest.raises(NotFound):
        firmware.remove(edit, "R20/2")


def test_a_job_lists_its_devices(house: Site, stored: Stored) -> None:
    added(house, stored)
    job = scheduled(house, GATE)
    with reading(house.store) as scope:
        (row,) = firmware.jobs(scope)
        assert row == firmware.jobs(scope, job)[0]
        assert (row["state"], [(d["name"], d["state"]) for d in row["devices"]]) == ("pending", [("Gate", "waiting")])
        with pytest.raises(NotFound):
            firmware.jobs(scope, "u-nowhere")


@pytest.mark.parametrize(
    ("macs", "terms", "why"),
    [
        ((HALL,), Terms(), "is a R29, the firmware is for R20"),
        ((), Terms(), "no device of the model R20"),
        ((GATE,), Terms(until_ms=1), "is over before"),
        ((GATE,), Terms(at_ms=10**13, until_ms=10**13), "is over before"),
    ],
)
def test_a_job_that_makes_no_sense(house: Site, stored: Stored, macs: tuple[str, ...], terms: Terms, why: str) -> None:
    added(house, stored)
    with pytest.raises(RuleBroken, match=why):
        scheduled(house, *macs, terms=terms)


def test_a_device_is_in_one_job_at_a_time(house: Site, stored: Stored) -> None:
    added(house, stored)
    job = scheduled(house, GATE, GATE)
    with pytest.raises(RuleBroken, match=f"in the job {job} already"):
        scheduled(house, GATE)
    with house.admin("installer").edit() as edit, pytest.raises(Refused, match="cancel it first"):
        firmware.remove(edit, "R20/2")
    with house.admin("installer").edit() as edit:
        firmware.cancel(edit, job)
    with house.admin("installer").edit() as edit, pytest.raises(Refused, match="has ended"):
        firmware.cancel(edit, job)
    scheduled(house, GATE)


def test_models_are_what_devices_say(house: Site, stored: Stored) -> None:
    added(house, stored)
    with reading(house.store) as scope:
        assert isinstance(scope, Reading)
        assert firmware.models_of(scope) == {GATE: "R20", HALL: "R29"}
        assert firmware.model_of(scope, "R20/2") == "R20"
