"""Billing, address requests, rosters and subscriptions at the central store, with their effect at an edge."""

import csv
import io
from typing import Any

import pytest
from sqlalchemy import select

from edge.central import operators
from edge.central.rights import Grant, Role
from edge.store.tables import apartment, resident
from tests.loopback.central.lab import DOOR, Lab, card, furniture
from tests.loopback.sync.lab import Edge


def account(identity: str = "k-1", state: str = "active", **more: Any) -> dict[str, Any]:
    return {"id": identity, "login": "client-7", "building": "1", "apartment": "101", "state": state, **more}


async def bill(lab: Lab, *accounts: dict[str, Any], expect: int = 200, **more: Any) -> Any:
    told = {"community": lab.community, "accounts": list(accounts), **more}
    answer = await lab.ask("POST", "/v1/billing/accounts", told, expect=expect)
    return [each["result"] for each in answer["accounts"]] if expect == 200 else answer["error"]["reason"]


async def things(lab: Lab, kind: str) -> dict[str, dict[str, Any]]:
    rows = await lab.ask("GET", f"/v1/communities/{lab.community}/things/{kind}")
    return {row["id"]: row["body"] for row in rows}


def logins(edge: Edge) -> list[str]:
    return sorted(edge.read(lambda c: list(c.execute(select(resident.c.login)).scalars())))


def service(edge: Edge, identity: str = "a-1") -> str:
    return str(edge.read(lambda c: c.execute(select(apartment.c.service).where(apartment.c.id == identity)).scalar()))


async def test_accounts_make_block_and_end_a_profile(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture(0))
    await lab.join(edge)
    async with edge.following():
        assert await bill(lab, account(first="Ada")) == ["processed"]
        await edge.at(lab.rev())
        assert (logins(edge), service(edge)) == (["client-7"], "ServiceState.ACTIVE")
        assert await bill(lab, account(first="Ada")) == ["processed"], "nothing of it is otherwise"
        assert await bill(lab, account(state="blocked")) == ["updated"]
        await edge.at(lab.rev())
        assert (logins(edge), service(edge)) == (["client-7"], "ServiceState.BLOCKED")
        assert await bill(lab, account(periodic_service=False)) == ["updated"]
        await edge.at(lab.rev())
        assert (logins(edge), service(edge)) == ([], "ServiceState.OFF")


async def test_one_login_at_two_addresses_is_one_profile(lab: Lab) -> None:
    await lab.change(*furniture(0), ("apartment", "a-2", {"building": "b-1", "number": "102"}))
    assert await bill(lab, account(), account("k-2", apartment="102")) == ["processed", "processed"]
    (person,) = (await things(lab, "resident")).values()
    assert (person["apartment"], person["apartments"]) == ("a-1", [{"apartment": "a-2"}])
    assert await bill(lab, account(state="off")) == ["updated"]
    (person,) = (await things(lab, "resident")).values()
    assert person["apartment"] == "a-2"


async def test_each_account_has_its_own_answer(lab: Lab) -> None:
    await lab.change(*furniture(0))
    results = await bill(lab, account(apartment="999"), {"id": "k-2"}, account("k-3", login=" "), account("k-4"))
    assert results == ["not_found", "invalid", "invalid", "processed"]


async def test_a_list_that_would_stop_most_accounts_needs_a_word(lab: Lab) -> None:
    await lab.change(
        *furniture(0), *(("apartment", f"a-1{n}", {"building": "b-1", "number": f"11{n}"}) for n in range(4))
    )
    running = [account(f"k-{n}", login=f"l-{n}", apartment=f"11{n}") for n in range(4)]
    await bill(lab, *running)
    stopped = [{**each, "state": "blocked"} for each in running[:3]]
    assert await bill(lab, *stopped, expect=409) == "guard"
    assert await bill(lab, stopped[0]) == ["updated"], "a short list leaves the others as they are"
    assert await bill(lab, *stopped, confirm=True) == ["processed", "updated", "updated"]
    states = {body["number"]: body.get("service") for body in (await things(lab, "apartment")).values()}
    assert [states[f"11{n}"] for n in range(4)] == ["blocked", "blocked", "blocked", "active"]


def as_resident(lab: Lab, phone: str) -> str:
    identity = operators.add(lab.central, operators.LOCAL, f"resident {phone}", Role.RESIDENT, login=phone)
    return operators.new_token(lab.central, operators.LOCAL, identity)


async def test_an_address_request_is_confirmed_and_the_resident_is_in(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture(0))
    await lab.join(edge)
    wish = {"community": lab.community, "building": "1", "apartment": "101", "has_handset": False}
    async with lab.client(as_resident(lab, "+48601234567")) as phone, edge.following():
        made = (await phone.post("/v1/address-requests", json=wish)).json()
        again = (await phone.post("/v1/address-requests", json=wish)).json()
        assert (made["state"], made["phone"], again["id"]) == ("new", "+48601234567", made["id"])
        assert (await phone.post(f"/v1/address-requests/{made['id']}/confirm")).status_code == 403
        (seen,) = await lab.ask("GET", "/v1/address-requests", community=lab.community)
        assert seen["id"] == made["id"]
        await lab.ask("POST", f"/v1/address-requests/{made['id']}/confirm")
        await edge.at(lab.rev())
        assert logins(edge) == ["+48601234567"]
        assert (await things(lab, "apartment"))["a-1"]["whitelisted"] is True
        for verb in ("confirm", "close", "cancel"):
            told = await lab.ask("POST", f"/v1/address-requests/{made['id']}/{verb}", expect=409)
            assert told["error"]["reason"] == "final"
        (mine,) = (await phone.get("/v1/address-requests")).json()
        assert mine["state"] == "confirmed"


@pytest.mark.parametrize("verb", ["close", "cancel"])
async def test_a_refused_request_is_not_seen_by_the_resident(lab: Lab, verb: str) -> None:
    await lab.change(*furniture(0))
    wish = {"community": lab.community, "building": "1", "apartment": "101", "has_handset": True}
    async with lab.client(as_resident(lab, "+48601234567")) as phone:
        made = (await phone.post("/v1/address-requests", json=wish)).json()
        await lab.ask("POST", f"/v1/address-requests/{made['id']}/{verb}")
        assert (await phone.get("/v1/address-requests")).json() == []
    assert await things(lab, "resident") == {}


@pytest.mark.parametrize("where", [{"building": "9"}, {"apartment": "999"}, {"building": "2", "apartment": "1"}])
async def test_no_request_where_no_intercom_is(lab: Lab, where: dict[str, str]) -> None:
    await lab.change(
        *furniture(0)[:3],
        ("building", "b-2", {"name": "2"}), ("apartment", "a-2", {"building": "b-2", "number": "1"}),
        ("device", "d-1", {"mac": DOOR, "name": "Gate", "type": 1, "place": "building", "buildings": ["b-1"]}),
    )  # fmt: skip
    wish = {
        "community": lab.community,
        "building": "1",
        "apartment": "101",
        "has_handset": True,
        "phone": "+48601234567",
    }
    told = await lab.ask("POST", "/v1/address-requests", {**wish, **where}, expect=409)
    assert told["error"]["reason"] == "not_connected"
    assert await lab.ask("GET", "/v1/address-requests", community=lab.community) == []


LEASES = [
    {"id": "L1", "unit": "Garden flat", "first": "Ada", "start": "2020-01-01", "until": "2020-02-01"},
    {"id": "L2", "unit": "Loft", "first": "Bob", "email": "bob@example.org", "start": "2020-01-01"},
    {"id": "L3", "unit": "Garden flat", "first": "Cy", "start": "2020-02-02"},
]


async def test_a_roster_makes_units_and_members_and_ends_leases(lab: Lab) -> None:
    path = f"/v1/rosters/{lab.community}"
    dry = await lab.ask("POST", path, {"leases": LEASES, "dry_run": True})
    assert (dry["started"], dry["units"], dry["stored"]) == (["L3", "L2"], ["Garden flat", "Loft"], False)
    assert await things(lab, "apartment") == {}
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "unit", "first", "email", "start", "until"])
    writer.writeheader()
    writer.writerows(LEASES)
    assert (await lab.ask("POST", path, {"csv": text.getvalue()}))["stored"]
    homes = {body["name"]: body["number"] for body in (await things(lab, "apartment")).values()}
    assert homes == {"Garden flat": "1", "Loft": "2"}
    people = {body["first"]: body["role"] for body in (await things(lab, "resident")).values()}
    assert people == {"Bob": "member", "Cy": "member"}
    assert (await lab.ask("POST", path, {"leases": []}, expect=409))["error"]["reason"] == "guard"
    ended = await lab.ask("POST", path, {"leases": LEASES[:2]})
    assert ended["ended"] == ["L3"]
    assert [body["first"] for body in (await things(lab, "resident")).values()] == ["Bob"]


async def test_a_roster_with_a_bad_lease_is_not_stored(lab: Lab) -> None:
    later = {"unit": "Loft", "first": "Di", "start": "2090-01-01"}
    bad = [
        *LEASES, {"id": "L4", "unit": "Loft", "first": "Di", "start": "soon"}, LEASES[0],
        {"id": "L5", **later, "mobile": "no number"}, {"id": "L6", **later, "email": "nobody"},
        {"id": "L7", **later, "first": "D\u0007i"},
    ]  # fmt: skip
    report = await lab.ask("POST", f"/v1/rosters/{lab.community}", {"leases": bad})
    assert [each["lease"] for each in report["errors"]] == ["L4", "L1", "L5", "L6", "L7"]
    assert report["stored"] is False
    assert await things(lab, "resident") == {}


async def test_rights_of_a_property_manager(lab: Lab) -> None:
    await lab.change(*furniture(1))
    root = operators.LOCAL
    other = operators.add(lab.central, root, "elsewhere", Role.MANAGER, grants=[Grant.DELETE_ACCOUNTS])
    here = operators.add(lab.central, root, "here", Role.MANAGER, communities=[lab.community])
    site = f"/v1/communities/{lab.community}"
    async with lab.client(operators.new_token(lab.central, root, other)) as stranger:
        assert (await stranger.get(f"{site}/things/resident")).status_code == 404
    async with lab.client(operators.new_token(lab.central, root, here)) as manager:
        assert (await manager.get(f"{site}/things/resident")).status_code == 200
        assert (await manager.put(f"{site}/things/credential/c-0", json=card(0)[2])).status_code == 200
        assert (await manager.delete(f"{site}/things/credential/c-0")).status_code == 403, "not without the right"
        assert (await manager.get(f"{site}/events")).status_code == 403
        assert (await manager.put(f"{site}/things/building/b-7", json={"name": "7"})).status_code == 403
    assert operators.revoke_tokens(lab.central, root, here) == 1
    async with lab.client("ct_nobody") as nobody:
        assert (await nobody.get(f"{site}/things/resident")).status_code == 401
