"""The HTTP of a simulated Akuvox door phone: its API, its page where a provisioning URL is typed in, and its front.

The front (`/front/…`: the keypad, the reader, the call button, the plug) is no part of a real device; it stands for the
person before it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from edge.simulators.akuvox_panel import AkuvoxPanel, shown
from edge.simulators.http_login import DigestGate, basic_lets_in
from edge.simulators.serving import serving

REALM: Final = "HTTPAPI"
NO_AUTH, BASIC, ALLOW_LIST, DIGEST = "0", "1", "2", "4"
"""Values of APIFCGI.AuthMode."""


class AkuvoxWeb:
    """Serves *panel*. *think_s*: how long a request takes; a second one meanwhile is turned away and counted."""

    def __init__(self, panel: AkuvoxPanel, think_s: float = 0.0) -> None:
        self.panel = panel
        self.requests = 0
        self.collisions = 0
        self.app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        self._think_s = think_s
        self._busy = False
        self._gate = DigestGate(REALM)
        self._later: set[asyncio.Task[None]] = set()
        self.app.add_api_route("/api/{target}/{action}", self._api, methods=["GET", "POST"])
        self.app.add_api_route("/api", self._api_body, methods=["POST"])
        self.app.add_api_route("/fcgi/do", self._fcgi, methods=["GET"])
        self.app.add_api_route("/web/autop", self._web_autop, methods=["POST"])
        self.app.add_api_route("/front/{what}", self._front, methods=["GET", "POST"])

    async def settled(self) -> None:
        """Return when nothing is going on that a reply had left for later (a reboot, a reset)."""
        while self._later:
            await asyncio.gather(*self._later)

    # --- the API ----------------------------------------------------------------------------------------------------

    async def _api(self, target: str, action: str, request: Request) -> Response:
        body = await _body(request)
        return await self._one(request, lambda: self._ask(target, action, body, request))

    async def _api_body(self, request: Request) -> Response:
        body = await _body(request)
        target, action = str(body.get("target", "")), str(body.get("action", ""))
        return await self._one(request, lambda: self._ask(target, action, body, request))

    async def _one(self, request: Request, answer: Callable[[], Response]) -> Response:
        if self.panel.booting:
            return Response(status_code=503)
        if self._busy:
            self.collisions += 1
            return JSONResponse({"retcode": -1, "action": "", "message": "sytem is busy", "data": {}})
        self._busy = True
        self.requests += 1
        try:
            await asyncio.sleep(self._think_s)
            return self._refused(request) or answer()
        finally:
            self._busy = False

    def _refused(self, request: Request) -> Response | None:
        """What somebody without the login gets; None for who has it."""
        config = self.panel.device.config
        key = "Config.DoorSetting.APIFCGI."
        if config[f"{key}Enable"] != "1":
            return Response(status_code=404)
        mode, header = config[f"{key}AuthMode"], request.headers.get("authorization", "")
        user, password = config[f"{key}UserName"], config[f"{key}Password"]
        if mode == NO_AUTH:
            return None
        if mode == ALLOW_LIST:  # with nobody on the list
            return Response(status_code=403)
        if mode == BASIC:
            right = basic_lets_in(header, user, password)
            return None if right else Response(status_code=401, headers={"WWW-Authenticate": f'Basic realm="{REALM}"'})
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if self._gate.lets_in(header, request.method, target, user, password):
            return None
        return Response(status_code=401, headers={"WWW-Authenticate": self._gate.challenge})

    def _ask(self, target: str, action: str, body: Mapping[str, Any], request: Request) -> Response:
        device = self.panel.device
        page = int(request.query_params["page"]) if request.query_params.get("page", "").isdigit() else None
        if device.model.needs_target and body.get("target") != target and request.method == "POST":
            return JSONResponse({"retcode": -100, "action": action, "message": "targt is mising", "data": {}})
        if (target, action) == ("user", "set") and "action" in body:
            return JSONResponse(device.user_set(body, page))
        data = body.get("data", {})
        reply = device.ask(target, action, data if isinstance(data, dict) else {}, page)
        if reply["retcode"] == 0 and (target, action) == ("system", "reboot"):
            self._soon(self.panel.reboot)
        elif reply["retcode"] == 0 and (target, action) == ("config", "reset_factory"):
            self._soon(self.panel.reset)
        return JSONResponse(reply)

    def _soon(self, act: Callable[[], Awaitable[None]]) -> None:
        """After the reply is out; nobody is answered until it is over."""
        self.panel.booting = True

        async def later() -> None:
            await act()

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _fcgi(self, request: Request) -> Response:
        """The opening by an address with the login in it, where it is switched on for a relay of its own."""
        return Response(status_code=404)

    # --- its page ---------------------------------------------------------------------------------------------------

    async def _web_autop(self, request: Request) -> Response:
        """The installer types the provisioning URL, and presses *AutoP now*. By the page's own login."""
        config, header = self.panel.device.config, request.headers.get("authorization", "")
        login = config["Config.Settings.WEB_LOGIN.User"], config["Config.Settings.WEB_LOGIN.Password"]
        if not basic_lets_in(header, *login):
            return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="web"'})
        self.panel.device.config["Config.Autoprovision.GENERAL.Url"] = str((await _body(request)).get("url", ""))
        await self.panel.start()
        return JSONResponse({"ok": True})

    # --- its front --------------------------------------------------------------------------------------------------

    async def _front(self, what: str, request: Request) -> Response:
        told = await _body(request)
        device = self.panel.device
        if what == "pin":
            return JSONResponse({"opened": await self.panel.type_pin(str(told.get("pin", "")))})
        if what == "card":
            return JSONResponse({"opened": await self.panel.present_card(str(told.get("card", "")))})
        if what == "dial":
            return JSONResponse({"call": await self.panel.dial(str(told.get("number", "")))})
        if what == "cover":
            await self.panel.break_in()
            return JSONResponse({})
        if what == "plug":
            device.power_cut()
            await self.panel.start()
            return JSONResponse({})
        if what == "state":
            return JSONResponse({
                "model": device.model.name, "firmware": device.model.firmware, "config": shown(device.config),
                "users": len(device.users), "triggered": device.triggered,
                "factory": not device.config["Config.Account1.GENERAL.UserName"],
            })  # fmt: skip
        return Response(status_code=404)


@contextlib.asynccontextmanager
async def akuvox(
    panel: AkuvoxPanel, host: str, port: int = 0, think_s: float = 0.0
) -> AsyncIterator[tuple[AkuvoxWeb, str]]:
    """*panel* plugged in while the block lasts: its web side, and its base URL."""
    web = AkuvoxWeb(panel, think_s)
    async with serving(web.app, f"akuvox {panel.device.mac}", host, port) as url:
        try:
            await panel.start()
            yield web, url
        finally:
            await web.settled()
            await panel.stop()


async def _body(request: Request) -> dict[str, Any]:
    try:
        read = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
