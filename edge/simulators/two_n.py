"""A simulated 2N IP intercom over HTTP: account, directory, switches and the log that is pulled, by the maker's manual.

Five wrong tries at its reader close it for half a minute, for a right one too; the password of an account never comes
back; a directory entry that was deleted stays as a deleted one.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from edge.simulators.http_login import DigestGate

REALM: Final = "HTTP API"
MAX_EVENTS_A_PULL: Final = 128
MAX_EVENTS: Final = 10_000
BLOCKED_S: Final = 30.0
WRONG_TRIES: Final = 5
NO_SUCH_FUNCTION: Final = 1
INVALID: Final = 12

Json = Mapping[str, Any]


class _Refused(Exception):
    def __init__(self, code: int, param: str = "") -> None:
        super().__init__(code, param)
        self.code, self.param = code, param


class TwoNDevice:
    """What it holds and answers. *clock*: seconds that never go back."""

    def __init__(self, mac: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.mac, self._clock = mac, clock
        self.account: dict[str, Any] = {
            "account": 1,
            "enabled": False,
            "sipNumber": "",
            "domain": "",
            "answerMode": "1",
        }
        self.password = ""
        self.users: dict[str, dict[str, Any]] = {}  # by uuid
        self.triggered: list[int] = []
        self.events: list[dict[str, Any]] = []
        self.restarts = 0
        self._channels: dict[int, int] = {}  # id -> number of the last event that was pulled
        self._wrong: list[float] = []

    # --- at the door ------------------------------------------------------------------------------------------------

    def type_code(self, code: str) -> bool:
        return self._entered("CodeEntered", "pin", code, {"code": code})

    def present_card(self, uid: str) -> bool:
        return self._entered("CardEntered", "card", uid, {"uid": uid})

    def _entered(self, event: str, field: str, value: str, params: Json) -> bool:
        now_s = self._clock()
        self._wrong = [at for at in self._wrong if now_s - at < BLOCKED_S]
        blocked = len(self._wrong) >= WRONG_TRIES
        values = (user["access"].get(field) for user in self.users.values() if not user.get("deleted"))
        known = any(value in held if isinstance(held, list) else value == held for held in values)
        valid = known and not blocked
        if not known:
            self._wrong.append(now_s)
        self.raise_event(event, **params, valid=valid)
        if valid:
            self.raise_event("SwitchStateChanged", switch=1, state=True)
        return valid

    def raise_event(self, event: str, **params: Any) -> None:
        number = len(self.events) + 1
        self.events.append({"id": number, "utcTime": int(time.time()), "event": event, "params": params})

    # --- requests ---------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, query: Json, body: Json) -> dict[str, Any]:
        """The reply to one request."""
        handler = _HANDLERS.get((method, path))
        try:
            if handler is None:
                raise _Refused(NO_SUCH_FUNCTION)
            return {"success": True, "result": handler(self, query, body)}
        except _Refused as error:
            return {"success": False, "error": {"code": error.code, "param": error.param}}

    def _info(self, query: Json, body: Json) -> Json:
        mac = "-".join(self.mac.upper()[i : i + 2] for i in range(0, 12, 2))
        return {"variant": "2N IP Verso", "serialNumber": "54-0000-0001", "macAddr": mac, "swVersion": "2.43.0.55.0"}

    def _restart(self, query: Json, body: Json) -> Json:
        self.restarts += 1
        return {}

    def _get_account(self, query: Json, body: Json) -> Json:
        return {"accounts": [dict(self.account)]}

    def _put_account(self, query: Json, body: Json) -> Json:
        for account in body.get("accounts", []):
            if account.get("account") != 1:
                raise _Refused(INVALID, "account")
            self.password = account.pop("password", self.password)
            self.account |= account
        return {}

    def _switch(self, query: Json, body: Json) -> Json:
        if query.get("switch") not in ("1", "2", "3", "4") or query.get("action") != "trigger":
            raise _Refused(INVALID, "switch")
        self.triggered.append(int(query["switch"]))
        return {}

    def _query(self, query: Json, body: Json) -> Json:
        return {"series": "1", "users": [dict(user) for user in self.users.values()]}

    def _create(self, query: Json, body: Json) -> Json:
        for user in body["users"]:
            if user["uuid"] in self.users and not self.users[user["uuid"]].get("deleted"):
                raise _Refused(INVALID, "uuid")
            self.users[user["uuid"]] = dict(user)
        return {"users": [{"uuid": user["uuid"]} for user in body["users"]]}

    def _update(self, query: Json, body: Json) -> Json:
        for user in body["users"]:
            if user["uuid"] not in self.users:
                raise _Refused(INVALID, "uuid")
            known = self.users[user["uuid"]]
            self.users[user["uuid"]] = {**known, **user, "access": {**known["access"], **user.get("access", {})}}
        return {}

    def _delete(self, query: Json, body: Json) -> Json:
        for user in body["users"]:
            if user["uuid"] in self.users:
                self.users[user["uuid"]] = {"uuid": user["uuid"], "deleted": True, "access": {}}
        return {}

    def _subscribe(self, query: Json, body: Json) -> Json:
        channel = len(self._channels) + 1
        self._channels[channel] = 0 if query.get("include") == "all" else len(self.events)
        return {"id": channel}

    def pull(self, channel: int) -> list[dict[str, Any]] | None:
        """What is new for *channel*, at most 128 events; None for one that is over."""
        if channel not in self._channels:
            return None
        new = [event for event in self.events if event["id"] > self._channels[channel]][:MAX_EVENTS_A_PULL]
        if new:
            self._channels[channel] = new[-1]["id"]
        return new


_HANDLERS: Final[Mapping[tuple[str, str], Callable[[TwoNDevice, Json, Json], Json]]] = {
    ("GET", "/api/system/info"): TwoNDevice._info,
    ("GET", "/api/system/restart"): TwoNDevice._restart,
    ("GET", "/api/phone/config"): TwoNDevice._get_account,
    ("PUT", "/api/phone/config"): TwoNDevice._put_account,
    ("GET", "/api/switch/ctrl"): TwoNDevice._switch,
    ("POST", "/api/dir/query"): TwoNDevice._query,
    ("PUT", "/api/dir/create"): TwoNDevice._create,
    ("PUT", "/api/dir/update"): TwoNDevice._update,
    ("PUT", "/api/dir/delete"): TwoNDevice._delete,
    ("GET", "/api/log/subscribe"): TwoNDevice._subscribe,
}


def two_n_app(device: TwoNDevice, user: str, password: str) -> FastAPI:
    """Its HTTP, with one account of the API, which a person made."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    gate = DigestGate(REALM)

    async def anything(path: str, request: Request) -> Response:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if not gate.lets_in(request.headers.get("authorization", ""), request.method, target, user, password):
            return Response(status_code=401, headers={"WWW-Authenticate": gate.challenge})
        query = dict(request.query_params)
        if request.url.path == "/api/log/pull":
            return JSONResponse(await _pull(device, query))
        return JSONResponse(
            device.ask(request.method, request.url.path, query, json.loads(await request.body() or b"{}"))
        )

    app.add_api_route("/{path:path}", anything, methods=["GET", "POST", "PUT"])
    return app


async def _pull(device: TwoNDevice, query: Json) -> dict[str, Any]:
    """Answered when something happens, or when the time is over."""
    until_s = time.monotonic() + float(query.get("timeout", "0"))
    while (events := device.pull(int(query.get("id", "0")))) == [] and time.monotonic() < until_s:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    if events is None:
        return {"success": False, "error": {"code": INVALID, "param": "id"}}
    return {"success": True, "result": {"events": events}}
