"""Who may do what at the central store (domain.md §11): every route that an operator can ask, for every role."""

import json
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

from edge.central import communities, operators
from edge.central.rights import Caller, Grant, Role
from edge.central.tables import audit
from tests.loopback.central.lab import SITE, Lab, furniture

PHONE: Final = "+48601234567"
BUILDERS: Final = "super distributor installer sub_installer"
STAFF: Final = f"{BUILDERS} manager bare_manager"
TRUSTED: Final = f"{BUILDERS} manager"  # a manager needs to have been given it
EVERYBODY: Final = f"{STAFF} resident"
LEASES: Final = {"leases": [], "confirm": True}
ACCOUNTS: Final = {"community": "{c}", "accounts": []}
WISH: Final = {"community": "{c}", "building": "1", "apartment": "101", "has_handset": True, "phone": PHONE}
URL: Final = {"url": "https://pms.example/", "service": "Intercom"}
S: Final = "/v1/communities/{c}"
# method, path, body, who may. A community of somebody else's is answered 404 to all but super managers.
TABLE: Final[list[tuple[str, str, Any, str]]] = [
    ("POST", "/v1/communities", {"name": "New", **SITE}, "super installer sub_installer"),
    ("GET", f"{S}/edges", None, BUILDERS),
    ("POST", f"{S}/edges?name=box", None, BUILDERS),
    ("GET", f"{S}/things/resident", None, STAFF),
    ("PUT", f"{S}/things/building/b-9", {"name": "9"}, BUILDERS),
    ("PUT", f"{S}/things/resident/r-9", {"first": "Bob", "apartment": "a-1"}, STAFF),
    ("DELETE", f"{S}/things/building/b-none", None, BUILDERS),
    ("DELETE", f"{S}/things/resident/r-none", None, TRUSTED),
    ("POST", f"{S}/changes", {"changes": [{"kind": "building", "id": "b-9", "body": {"name": "9"}}]}, BUILDERS),
    ("POST", f"{S}/import", {"csv": "Building,Apt\n1,999\n", "dry_run": True}, BUILDERS),
    ("POST", f"{S}/import/file?dry_run=true", None, BUILDERS),
    ("GET", f"{S}/events", None, TRUSTED),
    ("GET", f"{S}/audit", None, TRUSTED),
    ("POST", "/v1/billing/accounts", ACCOUNTS, STAFF),
    ("POST", "/v1/billing/{c}/vgroups", {"vgroups": [], "service": "Intercom"}, STAFF),
    ("PUT", "/v1/billing/{c}/source", URL, STAFF),
    ("GET", "/v1/billing/{c}/source", None, STAFF),
    ("DELETE", "/v1/billing/{c}/source", None, STAFF),
    ("POST", "/v1/billing/{c}/pull", {}, STAFF),
    ("POST", "/v1/address-requests", WISH, EVERYBODY),
    ("GET", "/v1/address-requests?community={c}", None, EVERYBODY),
    ("POST", "/v1/address-requests/{q}/confirm", None, STAFF),
    ("POST", "/v1/rosters/{c}", LEASES, STAFF),
    ("PUT", "/v1/rosters/{c}/source", {"url": "https://pms.example/"}, STAFF),
    ("GET", "/v1/rosters/{c}/source", None, STAFF),
    ("DELETE", "/v1/rosters/{c}/source", None, STAFF),
    ("POST", "/v1/rosters/{c}/pull", {}, STAFF),
    ("PUT", "/v1/subscriptions/{c}/r-0", {"until": "2020-01-01"}, TRUSTED),
    ("DELETE", "/v1/subscriptions/{c}/r-0", None, TRUSTED),
    ("GET", "/v1/operators", None, "super distributor installer"),
    ("POST", "/v1/operators", {"name": "new", "role": "resident", "login": PHONE}, "super installer"),
    ("POST", "/v1/operators/{o}/tokens", {"days": 1}, "super"),
    ("DELETE", "/v1/operators/{o}/tokens", None, "super"),
    ("PUT", "/v1/operators/me/lets-in", {"yes": True}, "installer"),
    ("GET", "/v1/audit", None, "super"),
]  # fmt: skip
EDGES_OWN: Final = {"/v1/enrol", "/v1/edge/{edge}/sync", "/v1/edge/{edge}/ack", "/v1/edge/{edge}/events"}
FORBIDDEN: Final = 403
AWAY: Final = 404


class Staff:
    """A community of an installer's, and somebody of each role, each with a token."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.central = lab, lab.central
        self.distributor = self._add("distributor", Role.DISTRIBUTOR)
        self.installer = self._add("installer", Role.INSTALLER, parent=self.distributor)
        self.community, _ = communities.add(self.central, "test", {"name": "Theirs", **SITE}, installer=self.installer)
        lab.community = self.community
        here = {"communities": [self.community]}
        self.outsider = self._add("outsider", Role.MANAGER)
        self.ids = {
            "super": self._add("second super", Role.SUPER),
            "distributor": self.distributor,
            "installer": self.installer,
            "sub_installer": self._add("sub", Role.SUB_INSTALLER, parent=self.installer),
            "manager": self._add("manager", Role.MANAGER, parent=self.installer, grants=list(Grant), **here),
            "bare_manager": self._add("bare", Role.MANAGER, parent=self.installer, **here),
            "resident": self._add("resident", Role.RESIDENT, login=PHONE),
        }
        self.strangers = {
            "other installer": self._add("other", Role.INSTALLER),
            "other distributor": self._add("other distributor", Role.DISTRIBUTOR),
            "manager elsewhere": self._add("elsewhere", Role.MANAGER, grants=list(Grant)),
        }

    def _add(self, name: str, role: Role, **more: Any) -> str:
        return operators.add(self.central, operators.LOCAL, name, role, **more)

    def token(self, identity: str) -> str:
        return operators.new_token(self.central, operators.LOCAL, identity)

    def let_in(self, yes: bool) -> None:
        operators.let_in(self.central, operators.LOCAL, self.installer, yes)


@pytest.fixture
async def staff(lab: Lab) -> Staff:
    found = Staff(lab)
    await lab.change(*furniture(1))
    return found


async def ask(http: httpx.AsyncClient, staff: Staff, method: str, path: str, body: Any) -> int:
    def told(text: str) -> str:
        known = {"{c}": staff.community, "{o}": staff.outsider, "{q}": REQUEST["id"]}
        for word, value in known.items():
            text = text.replace(word, value)
        return text

    content = json.loads(told(json.dumps(body))) if body is not None else None
    if "import/file" in path:
        answer = await http.request(method, told(path), content=b"Building,Apt\n1,998\n")
    else:
        answer = await http.request(method, told(path), json=content)
    return answer.status_code


REQUEST: Final = {"id": ""}


async def a_request(staff: Staff) -> None:
    made = await staff.lab.ask("POST", "/v1/address-requests", {**WISH, "community": staff.community}, expect=201)
    REQUEST["id"] = made["id"]


async def test_each_role_may_do_what_the_table_says_and_nothing_else(staff: Staff) -> None:
    staff.let_in(True)
    wrong: list[str] = []
    for role, identity in staff.ids.items():
        async with staff.lab.client(staff.token(identity)) as http:
            for method, path, body, who in TABLE:
                if "{q}" in path:
                    await a_request(staff)
                status = await ask(http, staff, method, path, body)
                may = role in who.split()
                # What may be asked can still be refused for what it says: 404 of a thing, 409, 422.
                if (status == FORBIDDEN) is may:
                    wrong.append(f"{role}: {method} {path}: {status}")
                if not may and status < 400:
                    wrong.append(f"{role}: {method} {path} was done")
    assert wrong == []


async def test_whose_community_it_is_not_is_told_that_there_is_none(staff: Staff) -> None:
    staff.let_in(False)
    await a_request(staff)
    people = {**staff.strangers, "distributor that is not let in": staff.distributor}
    for name, identity in people.items():
        async with staff.lab.client(staff.token(identity)) as http:
            for method, path, body, _ in TABLE:
                if "{c}" in path + json.dumps(body) or "{q}" in path:
                    status = await ask(http, staff, method, path, body)
                    assert status in (FORBIDDEN, AWAY), f"{name}: {method} {path}: {status}"


async def test_nobody_does_nothing_and_every_route_is_in_the_table(staff: Staff) -> None:
    await a_request(staff)
    async with staff.lab.client("ct_nobody") as http:
        for method, path, body, _ in TABLE:
            assert await ask(http, staff, method, path, body) == 401, path
        document = (await http.get("/openapi.json")).json()
    routes = {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    known = {(method, _shape(path)) for method, path, _, _ in TABLE}
    missing = {(m, p) for m, p in routes if p not in EDGES_OWN and (m, _shape(p)) not in known}
    assert missing == set()


def _shape(path: str) -> str:
    """A path with every name in it left blank."""
    blank = {"b-9", "r-9", "b-none", "r-none", "r-0", "resident", "building", "confirm"}
    words = path.partition("?")[0].split("/")
    return "/".join("*" if word.startswith("{") or word in blank else word for word in words)


async def test_operators_are_made_from_above_and_so_are_their_tokens(staff: Staff) -> None:
    async with staff.lab.client(staff.token(staff.installer)) as installer:
        new = {"name": "Ms Manager", "role": "manager", "rights": ["see_logs"], "communities": [staff.community]}
        made = (await installer.post("/v1/operators", json=new)).json()["operator"]
        token = (await installer.post(f"/v1/operators/{made}/tokens", json={"days": 1})).json()["token"]
        async with staff.lab.client(token) as manager:
            assert (await manager.get(f"/v1/communities/{staff.community}/events")).status_code == 200
            own = await manager.post(f"/v1/operators/{made}/tokens", json={})
            assert own.status_code == 403, "a token for a day makes none for ever"
            assert (await installer.delete(f"/v1/operators/{made}/tokens")).json() == {"revoked": 1}
            assert (await manager.get(f"/v1/communities/{staff.community}/events")).status_code == 401
        for role in ("super", "distributor", "installer"):
            told = await installer.post("/v1/operators", json={"name": f"my {role}", "role": role})
            assert told.status_code == 403
        elsewhere, _ = communities.add(staff.central, "test", {"name": "Elsewhere", **SITE})
        told = await installer.post("/v1/operators", json={**new, "name": "Spy", "communities": [elsewhere]})
        assert told.status_code == 404


async def test_a_token_ends_on_its_day(staff: Staff) -> None:
    token = operators.new_token(staff.central, operators.LOCAL, staff.installer, life_s=0)
    async with staff.lab.client(token) as late:
        assert (await late.get("/v1/operators")).status_code == 401


CHANGES: Final = [
    ("POST", f"{S}/changes", {"changes": [{"kind": "building", "id": "b-9", "body": {"name": "9"}}]}, "change"),
    ("PUT", f"{S}/things/building/b-8", {"name": "8"}, "change"),
    ("DELETE", f"{S}/things/building/b-8", None, "change"),
    ("POST", f"{S}/import", {"csv": "Building,Apt\n1,999\n"}, "import"),
    ("POST", f"{S}/edges?name=box", None, "edge.add"),
    ("POST", "/v1/billing/accounts", ACCOUNTS, "billing"),
    ("PUT", "/v1/billing/{c}/source", URL, "billing.source"),
    ("POST", "/v1/address-requests", {**WISH, "phone": "+48601234568"}, "request.ask"),
    ("POST", "/v1/address-requests/{q}/confirm", None, "request.confirm"),
    ("POST", "/v1/rosters/{c}", LEASES, "roster"),
    ("PUT", "/v1/rosters/{c}/source", {"url": "https://pms.example/"}, "roster.source"),
    ("DELETE", "/v1/subscriptions/{c}/r-0", None, "subscription"),
    ("POST", "/v1/operators", {"name": "new", "role": "resident", "login": PHONE}, "operator.add"),
    ("PUT", "/v1/operators/me/lets-in", {"yes": True}, "operator.lets_in"),
]  # fmt: skip


async def test_every_change_is_in_the_audit_log_with_who_made_it(staff: Staff) -> None:
    async with staff.lab.client(staff.token(staff.installer)) as http:
        for method, path, body, action in CHANGES:
            await a_request(staff)
            assert await ask(http, staff, method, path, body) < 300, path
            with staff.central.store.read() as connection:
                newest = connection.execute(select(audit).where(audit.c.actor == staff.installer)).all()
            assert action in {row.action for row in newest}, path
        told = (await http.get(f"/v1/communities/{staff.community}/audit")).json()
    assert {"billing", "request.confirm", "roster", "subscription", "import"} <= {row["action"] for row in told}
    assert staff.installer in {row["actor"] for row in told}
    assert PHONE not in json.dumps(told), "the log names requests, not people"
    everything = await staff.lab.ask("GET", "/v1/audit")
    assert {"operator.add", "operator.lets_in"} <= {row["action"] for row in everything}


def test_a_caller_never_shows_its_telephone_number() -> None:
    assert PHONE not in repr(Caller("o", Role.RESIDENT, login=PHONE))
