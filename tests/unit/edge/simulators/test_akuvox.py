"""The simulated Akuvox holds and answers what is told of real ones."""

from typing import Any

import pytest

from edge.simulators.akuvox import FACTORY, ROWS_A_PAGE, AkuvoxDevice, Model

USER = {"UserID": "k1", "Name": "101", "PrivatePIN": "48151623", "ScheduleRelay": "1001-1;"}


def device(**model: Any) -> AkuvoxDevice:
    return AkuvoxDevice("0c1105000001", lambda: ("2026-11-25", "12:00:00"), Model(**model))


def add(panel: AkuvoxDevice, *items: dict[str, Any]) -> dict[str, Any]:
    return panel.ask("user", "add", {"item": list(items)})


def test_a_list_comes_in_pages_of_ten() -> None:
    panel = device()
    add(panel, *({**USER, "UserID": f"k{number}"} for number in range(23)))
    pages = [panel.ask("user", "get", {}, page)["data"]["item"] for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [ROWS_A_PAGE, ROWS_A_PAGE, 3, 0]
    assert panel.ask("user", "get", {})["data"]["num"] == 23


def test_a_set_replaces_the_whole_record() -> None:
    panel = device()
    add(panel, USER)
    (identity,) = panel.users
    panel.ask("user", "set", {"item": [{"ID": identity, "UserID": "k1", "Name": "102"}]})
    assert panel.users[identity]["PrivatePIN"] == ""
    assert panel.who_has("PrivatePIN", "48151623") is None


def test_the_card_field_is_cut() -> None:
    panel = device()
    add(panel, {**USER, "CardCode": ";".join(f"{number:014X}" for number in range(5))})
    (user,) = panel.users.values()
    assert len(user["CardCode"]) == 63
    assert panel.who_has("CardCode", f"{4:014X}") is None


def test_refusals_are_misspelt_and_change_nothing() -> None:
    panel = device(max_users=1)
    assert panel.ask("nothing", "get", {})["message"] == "unkown target or acton"
    assert add(panel, {**USER, "PrivatePIN": "12"})["message"] == "PrivatePIN is ilegal"
    assert add(panel, USER, {**USER, "UserID": "k2"})["message"] == "user is ful"
    assert panel.users == {}


def test_too_many_at_once_are_refused() -> None:
    panel = device(max_users_a_request=2)
    assert add(panel, *({**USER, "UserID": f"k{number}"} for number in range(3)))["retcode"] != 0


def test_some_models_take_changes_of_users_by_set_alone() -> None:
    panel = device(users_by_set_only=True)
    assert add(panel, USER)["message"] == "unsuport acton"
    assert panel.user_set({"action": "add", "data": {"item": [USER]}})["retcode"] == 0
    assert len(panel.users) == 1


def test_a_power_cut_takes_what_no_reboot_kept() -> None:
    panel = device()
    panel.ask("config", "set", {"Config.Account1.GENERAL.UserName": "30000001"})
    panel.power_cut()
    assert panel.config["Config.Account1.GENERAL.UserName"] == ""
    panel.ask("config", "set", {"Config.Account1.GENERAL.UserName": "30000001"})
    panel.reboot()
    panel.power_cut()
    assert panel.config["Config.Account1.GENERAL.UserName"] == "30000001"


def test_a_reset_brings_the_factory_state_back() -> None:
    panel = device()
    add(panel, USER)
    panel.ask("config", "set", {"Config.Account1.GENERAL.UserName": "30000001"})
    panel.reset()
    assert (panel.config, panel.users) == (dict(FACTORY), {})


@pytest.mark.parametrize("data", [{}, {"num": 5, "mode": 0, "delay": 5}, {"num": 1, "mode": 7, "delay": 5}])
def test_a_relay_is_triggered_by_whole_requests_only(data: dict[str, Any]) -> None:
    panel = device()
    assert panel.ask("relay", "trig", data)["message"] == "parm eror"
    assert panel.triggered == []


def test_the_door_log_has_the_newest_first() -> None:
    panel = device()
    add(panel, USER)
    panel.log_door("PIN", "48151623", panel.who_has("PrivatePIN", "48151623"), relay="1")
    panel.log_door("PIN", "0000", None)
    rows = panel.ask("doorlog", "get", {})["data"]["item"]
    assert [(row["ID"], row["Status"]) for row in rows] == [("2", "Failed"), ("1", "Succ")]
