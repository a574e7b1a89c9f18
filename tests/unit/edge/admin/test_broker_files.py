"""`edge mqtt export`: whose logins stand in the files."""

import json
from pathlib import Path

import pytest

from edge.admin import broker_files
from edge.admin.site import Site, SiteError, make_site
from edge.store.secrets import SiteSecrets
from mqtt.accounts import HOME_ASSISTANT


def written(folder: Path, out: Path) -> dict[str, set[str]]:
    """User -> topics it may write, of the dynamic-security file."""
    site = Site.open(folder)
    try:
        *_, file = broker_files.write(site, out)
    finally:
        site.close()
    roles = json.loads(file.read_text())["roles"]
    return {
        role["rolename"]: {acl["topic"] for acl in role["acls"] if acl["acltype"] == "publishClientSend"}
        for role in roles
    }


def site_with(folder: Path, **settings: object) -> str:
    return make_site(folder, {"name": "House"}, settings={f"home_assistant.{k}": v for k, v in settings.items()})


def test_our_own_login_is_made_once_and_stays(tmp_path: Path) -> None:
    community = site_with(tmp_path)
    assert written(tmp_path, tmp_path / "out") == {
        "edge-live": {f"intercom/{community}/#"},
        "edge-events": {f"intercom/{community}/#"},
    }
    first = (tmp_path / "secrets" / "mqtt_password").read_text()
    assert first.startswith("edge-*:")
    written(tmp_path, tmp_path / "out")
    assert (tmp_path / "secrets" / "mqtt_password").read_text() == first


def test_home_assistant_comes_to_the_same_broker(tmp_path: Path) -> None:
    community = site_with(tmp_path, discovery=True)
    users = written(tmp_path, tmp_path / "out")
    assert users["edge-ha"] == {f"intercom/{community}/#", "homeassistant/#"}
    assert users[HOME_ASSISTANT] == {f"intercom/{community}/+/down/door/+/set", "homeassistant/#"}
    assert "homeassistant/#" not in users["edge-live"]


def test_home_assistant_with_a_broker_of_its_own_is_not_in_the_files(tmp_path: Path) -> None:
    site_with(tmp_path, discovery=True, url="mqtt://ha.example")
    assert set(written(tmp_path, tmp_path / "out")) == {"edge-live", "edge-events"}


def test_one_login_for_all_links_has_the_rights_of_all(tmp_path: Path) -> None:
    community = site_with(tmp_path, discovery=True)
    SiteSecrets.load(tmp_path).write_text("mqtt_password", "edge:secret")
    users = written(tmp_path, tmp_path / "out")
    assert set(users) == {"edge", HOME_ASSISTANT}
    assert users["edge"] == {f"intercom/{community}/#", "homeassistant/#"}


@pytest.mark.parametrize("login", ["house:secret", "edge", "edge:", ":secret"])
def test_a_login_that_cannot_be_used_is_told(login: str, tmp_path: Path) -> None:
    site_with(tmp_path)
    SiteSecrets.load(tmp_path).write_text("mqtt_password", login)
    with pytest.raises(SiteError, match="mqtt_password"):
        written(tmp_path, tmp_path / "out")
