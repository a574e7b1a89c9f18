"""A simulated BasIP panel over HTTP: settings that are asked for and set at one address, identifiers, and a webhook
whose queue is told again, whole, after an outage."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from edge.simulators.http_login import basic_lets_in

HIDDEN: Final = "We will not show it"
_FACTORY: Final[Mapping[str, Mapping[str, Any]]] = {
    "/api/v1/device/sip/settings": {"user": "", "realm": "", "password": ""},
    "/api/v1/device/sip/enable": {"sip_enable": False},
    "/api/v1/device/call/talk/timeout": {"talk_timeout": 90},
    "/api/v1/access/general/unlock/input/code": {"input_code_enable": True, "input_code_number": 1234},
    "/api/v1/access/freeaccess": {"enable": True},
    **{f"/api/v1/access/general/lock/timeout/{n}": {"lock_timeout": 3} for n in (1, 2)},
    **{f"/api/v1/access/general/lock/dtmf/{n}": {"dtmf_code": "#"} for n in (1, 2)},
}
_IDENTIFIERS: Final = "/api/v1/access/identifier"
_OPEN: Final = "/api/v1/access/general/lock/open/remote/accepted/"

Post = Callable[[bytes], Awaitable[int]]
"""Sends a body to the webhook; the HTTP status of the answer."""


class BasIpDevice:
    """What it holds and answers."""

    def __init__(self, mac: str) -> None:
        self.mac, self.password = mac, "123456"
        self.settings: dict[str, dict[str, Any]] = {path: dict(body) for path, body in _FACTORY.items()}
        self.identifiers: dict[int, dict[str, Any]] = {}
        self.opened: list[int] = []
        self.queue: list[str] = []  # lines that the webhook has not taken
        self._next_uid = 1

    def ask(self, method: str, target: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the reply to one request."""
        path, _, query = target.partition("?")
        asked = dict(parse_qsl(query))
        if path in self.settings:
            return self._setting(method, path, body)
        if path == "/api/info":
            return 200, {"device_serial_number": self.mac, "device_model": "AA-07FB", "firmware_version": "2.5.1"}
        if path.startswith(_OPEN) and path[-1] in "12":
            self.opened.append(int(path[-1]))
            return 200, {}
        if path.startswith(_IDENTIFIERS):
            return self._identifier(method, path, asked, body)
        if path == "/api/v1/security/password/admin":
            if asked.get("oldPassword") != self.password:
                return 400, {"error": "old pasword is wrong"}
            self.password = asked["newPassword"]
            return 200, {}
        return 404, {}

    def _setting(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if method == "POST":
            self.settings[path] |= body
            return 200, {}
        told = dict(self.settings[path])
        if told.get("password"):
            told["password"] = HIDDEN
        return 200, told

    def _identifier(
        self, method: str, path: str, asked: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        if method == "POST":
            uid, self._next_uid = self._next_uid, self._next_uid + 1
            self.identifiers[uid] = {**body, "identifier_uid": uid}
            return 200, {"uid": uid}
        if method == "DELETE":
            for uid in body["uid_items"]:
                self.identifiers.pop(uid, None)
            return 200, {}
        limit, page = int(asked.get("limit", "50")), int(asked.get("page_number", "1"))
        rows = list(self.identifiers.values())
        return 200, {"list_items": rows[(page - 1) * limit : page * limit]}

    # --- at the door ------------------------------------------------------------------------------------------------

    def type_code(self, code: str) -> bool:
        known = any(row["identifier_number"] == code for row in self.identifiers.values())
        if known:
            self.queue.append(
                f"<134>{self.mac} Code: number: {code}: name: 101: lock: Door opened by access code. Info: 1"
            )
        return known

    def press_exit(self) -> None:
        self.queue.append(f"<134>{self.mac} Event: exit: Door opened by exit button: 1")

    async def report(self, post: Post) -> bool:
        """Tell all that waits; whether it was taken. What was not is told again."""
        body = "\n".join(self.queue).encode()
        if not self.queue or await post(body) != 200:
            return False
        self.queue.clear()
        return True


def basip_app(device: BasIpDevice) -> FastAPI:
    """Its HTTP, by Basic."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    async def anything(path: str, request: Request) -> Response:
        if not basic_lets_in(request.headers.get("authorization", ""), "admin", device.password):
            return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="basip"'})
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        status, reply = device.ask(request.method, target, json.loads(await request.body() or b"{}"))
        return JSONResponse(reply, status)

    app.add_api_route("/{path:path}", anything, methods=["GET", "POST", "DELETE"])
    return app
