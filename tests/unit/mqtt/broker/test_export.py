"""What an external broker's operator is given."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from models.ids import CommunityId
from mqtt.accounts import Account, Grant, Role
from mqtt.broker.export import export, service_accounts
from mqtt.broker.passwords import verify
from mqtt.topics import Topics

TOPICS = Topics("intercom", CommunityId("c-1"))
DOOR = "0c1105000001"
LOGINS = [
    *service_accounts("edge-*", "ours"),
    Account(DOOR, "door-secret", Role.DEVICE),
    Account("home", "home-secret", Role.INTEGRATOR, (Grant("write", "x/+"),)),
]


def test_files_are_readable_by_their_owner_only_and_hold_no_password(tmp_path: Path) -> None:
    files = export(tmp_path / "out", TOPICS, LOGINS)
    assert [file.name for file in files] == ["passwd", "acl", "dynamic-security.json"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert not any(account.password in file.read_text().split(":") for account in LOGINS)
        assert "secret" not in file.read_text()


def test_the_password_file_lets_each_in_with_its_own(tmp_path: Path) -> None:
    passwords, _, _ = export(tmp_path, TOPICS, LOGINS)
    lines = dict(line.split(":", 1) for line in passwords.read_text().splitlines())
    assert list(lines) == ["edge-live", "edge-events", DOOR, "home"]
    assert verify("door-secret", lines[DOOR])
    assert not verify("home-secret", lines[DOOR])


def test_each_login_has_a_role_of_its_own_and_nobody_any_right_beside(tmp_path: Path) -> None:
    *_, file = export(tmp_path, TOPICS, LOGINS)
    document = json.loads(file.read_text())
    assert document["defaultACLAccess"] == {
        "publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": True,
    }  # fmt: skip
    roles = {
        role["rolename"]: {(acl["acltype"], acl["topic"]) for acl in role["acls"] if acl["allow"]}
        for role in document["roles"]
    }
    root = f"intercom/c-1/{DOOR}"
    everything = {
        (kind, "intercom/c-1/#") for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
    }
    assert roles == {
        "edge-live": everything,
        "edge-events": everything,
        DOOR: {
            ("publishClientSend", f"{root}/up/#"),
            ("publishClientReceive", f"{root}/down/#"),
            ("subscribePattern", f"{root}/down/#"),
        },
        "home": {
            ("publishClientReceive", "intercom/c-1/edge/#"),
            ("subscribePattern", "intercom/c-1/edge/#"),
            ("publishClientSend", "x/+"),
        },
    }


def test_devices_and_our_links_are_bound_to_their_client_ids(tmp_path: Path) -> None:
    *_, file = export(tmp_path, TOPICS, LOGINS)
    clients = {client["username"]: client for client in json.loads(file.read_text())["clients"]}
    assert {user: client.get("clientid") for user, client in clients.items()} == {
        "edge-live": "intercom-edge-c-1-live",
        "edge-events": "intercom-edge-c-1-events",
        DOOR: DOOR,
        "home": None,
    }
    door = clients[DOOR]
    made = hashlib.pbkdf2_hmac("sha512", b"door-secret", base64.b64decode(door["salt"]), door["iterations"], 64)
    assert base64.b64decode(door["password"]) == made


def test_one_login_for_both_links_is_bound_to_neither(tmp_path: Path) -> None:
    accounts = service_accounts("edge", "ours")
    assert [account.user for account in accounts] == ["edge"]
    *_, file = export(tmp_path, TOPICS, accounts)
    assert "clientid" not in json.loads(file.read_text())["clients"][0]


@pytest.mark.parametrize("user", ["house", DOOR, "edge-1", "*", "edge-*\n"])
def test_a_login_of_ours_that_could_be_somebody_elses_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="mqtt login"):
        service_accounts(user, "ours")
