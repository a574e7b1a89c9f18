"""The requests of the Akuvox driver against what a simulated device holds, without a network between."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from edge.simulators.akuvox import AkuvoxDevice, Model
from provisioning.api import Holder, Refusal, Section, Sight, Told
from provisioning.driver import ApiCall
from provisioning.drivers.akuvox import AKUVOX
from tests.unit.provisioning.states import ADMIN_PASSWORD, HOOK, door

API = AKUVOX.api
assert API is not None
USERS = API.holders
assert USERS is not None
DOOR = door("0c1105000001", "R29")
TOLD = Told("R29", "29.30.10.13", "0c1105000001")
ENTRY: dict[str, object] = {
    "credential": "k1", "kind": "pin", "method": "pin", "apartment": "101", "building": "1", "from": None,
    "until": None, "hours": None, "version": "v1", "value": "481516", "relays": [1, 2],
}  # fmt: skip


def send(device: AkuvoxDevice, calls: Sequence[ApiCall]) -> list[bytes]:
    """The device's replies. Each is checked as the edge does."""
    replies = []
    for call in calls:
        url = urlsplit(call.path)
        _, _, target, action = url.path.split("/")
        body: dict[str, Any] = json.loads(call.body or b"{}")
        pages = parse_qs(url.query).get("page")
        page = int(pages[0]) if pages else None
        whole = (target, action) == ("user", "set") and "action" in body
        told = device.user_set(body, page) if whole else device.ask(target, action, body.get("data", {}), page)
        replies.append(json.dumps(told).encode())
        API.check(replies[-1])
    return replies


def device(**model: Any) -> AkuvoxDevice:
    return AkuvoxDevice("0c1105000001", lambda: ("2026-11-25", "12:00:00"), Model(**model))


def differing(section: Section, has: dict[str, str]) -> dict[str, str]:
    extra = dict.fromkeys(has.keys() - section.wanted.keys(), "") if section.exact else {}
    return {key: value for key, value in section.wanted.items() if has.get(key) != value} | extra


def test_it_says_what_it_is() -> None:
    assert API.told(send(device(), [API.probe()])[0]) == TOLD


def test_a_device_from_the_factory_has_everything_after_one_round() -> None:
    panel = device()
    for section in API.sections(DOOR, TOLD):
        has = dict(section.parse(send(panel, section.read)))
        send(panel, section.write(differing(section, has), has))
        assert differing(section, dict(section.parse(send(panel, section.read)))) == {}
    assert panel.config["Config.DoorSetting.APIFCGI.Password"] == ADMIN_PASSWORD
    assert panel.config["Config.DoorSetting.RELAY.RelayATrigAlways"] == "0"
    assert panel.config["Config.DoorSetting.CLOUDSERVER.RpsEnable"] == "0"
    (row,) = panel.dial_list.values()
    assert (row["Prefix"], row["Replace1"], row["Replace2"]) == ("102", "102", "192.0.2.10")


def test_a_dial_that_is_wanted_no_more_goes() -> None:
    panel = device()
    panel.ask("dialreplace", "add", {"item": [{"Prefix": "999", "Replace1": "192.0.2.66"}]})
    (section,) = (each for each in API.sections(DOOR, TOLD) if each.name == "dial list")
    has = dict(section.parse(send(panel, section.read)))
    send(panel, section.write(differing(section, has), has))
    assert [row["Prefix"] for row in panel.dial_list.values()] == ["102"]


def test_no_action_url_has_what_was_typed() -> None:
    (settings, _) = API.sections(DOOR, TOLD)
    urls = [value for key, value in settings.wanted.items() if ".ACTIONURL." in key]
    assert any(HOOK in url for url in urls)
    assert not [url for url in urls if "$code" in url]
    assert {key for key in settings.wanted if HOOK in settings.wanted[key]} <= settings.secret


@pytest.mark.parametrize(
    "model", [{}, {"schedule_field": "Schedule-Relay"}, {"schedule_field": "Schedule", "users_by_set_only": True}]
)
def test_users_are_put_changed_found_and_removed(model: dict[str, Any]) -> None:
    panel = device(**model)
    wanted = [USERS.record({**ENTRY, "credential": f"k{n}", "value": f"48151{n:02}"}, TOLD) for n in range(12)]
    send(panel, USERS.put([holder for holder in wanted if holder is not None], TOLD))
    held = [holder for page in (1, 2) for holder in USERS.read(send(panel, [USERS.page(page, TOLD)])[0], TOLD).holders]
    assert [(one.key, one.fields) for one in held] == [(one.key, one.fields) for one in wanted if one is not None]
    changed = Holder("k0", {**held[0].fields, "PrivatePIN": "99887766"}, held[0].ref)
    send(panel, USERS.put([changed], TOLD))
    assert panel.who_has("PrivatePIN", "99887766") is not None
    send(panel, USERS.remove([one.ref for one in held], TOLD))
    assert panel.users == {}


@pytest.mark.parametrize("spoilt", [
    {"value": "12"}, {"kind": "face"}, {"hours": {"week": []}}, {"until": "2027-01-01T00:00:00Z"}, {"relays": []},
    {"kind": "rf_card", "value": "0" * 64},
])  # fmt: skip
def test_what_the_panel_cannot_say_stays_with_the_edge(spoilt: dict[str, object]) -> None:
    assert USERS.record({**ENTRY, **spoilt}, TOLD) is None


def test_a_refusal_is_known_by_its_code_whatever_the_words() -> None:
    with pytest.raises(Refusal, match="PrivatePIN is ilegal"):
        send(
            device(),
            USERS.put([Holder("k1", {"Name": "", "PrivatePIN": "1", "CardCode": "", "Opens": "1001-1;"})], TOLD),
        )


def test_an_opening_closes_by_itself() -> None:
    panel = device()
    call = API.trigger(2, 7)
    assert call is not None
    send(panel, [call])
    assert panel.triggered == [{"num": 2, "mode": 0, "level": 0, "delay": 7}]
    assert API.trigger(5, 7) is None


def test_the_door_log_is_read_with_its_numbers() -> None:
    panel = device()
    panel.log_door("PIN", "481516", {"Name": "101"}, relay="1")
    panel.log_door("Card", "04A1B2C3", None)
    assert hasattr(API.log, "page")
    rows = API.log.read(send(panel, [API.log.page(1)])[0])
    assert [(row.what, row.number) for row in rows] == [(Sight.CARD_REFUSED, 2), (Sight.CODE_OPENED, 1)]


def test_reports_are_read_and_others_refused() -> None:
    (card,) = API.heard({"event": "InvalidCardEntered", "card_sn": "04A1B2C3"}, b"")
    (code,) = API.heard({"event": "ValidCodeEntered", "code": "481516"}, b"")
    (relay,) = API.heard({"event": "RelayBTriggered"}, b"")
    assert (card.what, card.value, code.value, relay.relay) == (Sight.CARD_REFUSED, "04A1B2C3", "", 2)
    with pytest.raises(ValueError, match="no such event"):
        API.heard({"event": "OpenEverything"}, b"")
    line = API.heard_line("<134>x OPENDOOR_LOG:Type:PIN Result:Failed")
    assert line is not None
    assert line.what is Sight.CODE_REFUSED
    assert API.heard_line("<134>x SIP_LOG:MSG_S2P_ESTABLISHED_CALL") is None
