"""What the doctor says of devices that do not keep up, and of what is secret at rest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.admin import credentials, keys, site
from edge.admin.credentials import NewCredential
from edge.admin.device_list import listed
from edge.admin.edit import reading
from edge.admin.site import Site
from edge.commands.examine_devices import examine_devices
from edge.commands.examine_secrets import examine_consent, examine_files, examine_keys
from edge.commands.finding import Level, named
from edge.store import devices as device_facts
from edge.store import panels
from edge.store.panels import ConfigState, Pending
from models.access import CredentialKind
from models.device import DeviceType
from models.ids import CredentialId, DeviceId

CARD = CredentialId("k-card")
LONG_AGO_MS, CLOCK_MS = 1_700_000_000_000, 25_000


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Site]:
    site.make_site(tmp_path / "site", {})
    it = Site.open(tmp_path / "site")
    from edge.admin import apartments, buildings, devices, macs
    from edge.admin.devices import Placing

    with it.admin("test").edit() as edit:
        buildings.add(edit, "1")
        apartments.add(edit, "1/101")
        macs.add(edit, ["0C1105000001"])
        devices.add(edit, "0C1105000001", name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
    yield it
    it.close()


def gate(opened: Site) -> DeviceId:
    with opened.store.read() as connection:
        return DeviceId(connection.exec_driver_sql("SELECT id FROM device").scalar_one())


def found(opened: Site) -> list[tuple[str, Level, str]]:
    with reading(opened.store) as scope:
        return [(f.part, f.level, f.message) for f in examine_devices(scope)]


def test_a_device_that_keeps_up_is_no_finding(opened: Site) -> None:
    with opened.store.write() as connection:
        panels.want_configs(connection, {gate(opened): ConfigState(3, "d")}, LONG_AGO_MS)
        panels.confirm_config(connection, gate(opened), 3, LONG_AGO_MS)
    assert found(opened) == []
    with reading(opened.store) as scope:
        (row,) = listed(scope)
    assert row["revision"] == {"wanted": 3, "confirmed": 3}


def test_one_that_is_behind_is_named_with_its_revisions(opened: Site) -> None:
    with opened.store.write() as connection:
        panels.want_configs(connection, {gate(opened): ConfigState(3, "d")}, LONG_AGO_MS)
    ((part, level, message),) = found(opened)
    assert (part, level) == ("devices", Level.NOTE)
    assert message == "devices behind on revision: Gate (revision none of 3 since 2023-11-14T22:13:20.000Z)"


def test_a_panel_that_still_holds_what_was_revoked_is_wrong(opened: Site) -> None:
    with opened.store.write() as connection:
        panels.want_credentials(connection, gate(opened), {CARD: "v"}, revision=5, now_ms=LONG_AGO_MS)
        panels.confirm(connection, gate(opened), Pending(put={CARD: "v"}))
        panels.want_credentials(connection, gate(opened), {CARD: None}, revision=6, now_ms=LONG_AGO_MS)
    with reading(opened.store) as scope:
        (row,) = listed(scope)
    assert row["revision"] == {"wanted": 6, "confirmed": 5}
    assert row["keeps_up"]["pending_deletes"] == 1
    assert [(part, level) for part, level, _ in found(opened)] == [("panels", Level.WRONG), ("devices", Level.NOTE)]
    assert "still holds what was taken away: 1 credentials" in found(opened)[0][2]


def test_a_clock_that_is_off_is_told(opened: Site) -> None:
    with opened.store.write() as connection:
        device_facts.save_clock_offset(connection, gate(opened), CLOCK_MS)
    assert found(opened) == [("devices", Level.NOTE, "devices whose clock is off: Gate (+25 s)")]


def test_files_that_others_can_read_are_wrong(opened: Site) -> None:
    assert list(examine_files(opened)) == []
    (opened.folder / "secrets" / "pepper").chmod(0o640)
    (opened.folder / "edge.db.before-0001-upgrade").write_bytes(b"")
    (opened.folder / "edge.db.before-0001-upgrade").chmod(0o644)
    told = [finding.message for finding in examine_files(opened)]
    assert len(told) == 2
    assert all("is open to others" in message for message in told)


def test_old_tags_and_half_replaced_keys_are_told(opened: Site) -> None:
    with opened.admin("test").edit() as edit:
        credentials.add(edit, NewCredential(CredentialKind.RF_CARD, "1/101", "04A1B2C3D4"))
    keys.rotate_pepper(opened.admin("test"))
    (opened.folder / "secrets" / "store.key.next").write_bytes(bytes(32))
    (opened.folder / "secrets" / "store.key.next").chmod(0o600)
    with reading(opened.store) as scope:
        told = {finding.level: finding.message for finding in examine_keys(scope, opened)}
    assert told[Level.NOTE] == "1 credentials still have a tag of an older pepper"
    assert told[Level.WRONG].startswith("the replacement of store.key was interrupted")


def test_faces_without_consent_are_told(opened: Site) -> None:
    with opened.admin("test").edit() as edit:
        added = credentials.add(edit, NewCredential(CredentialKind.FACE, "1/101", "face-1"))
        credentials.add(edit, NewCredential(CredentialKind.FACE, "1/101", "face-2", consent=True))
    with reading(opened.store) as scope:
        (finding,) = examine_consent(scope)
    assert finding.message == f"faces without recorded consent: {added.id}"


def test_long_lists_are_cut() -> None:
    assert named(list(range(12))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
