"""The routes: one application for the local Unix socket (trusted, its folder is 0700), one for TCP (bearer token)."""

import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel, ConfigDict, Field

from edge.http.app_api import AppApi, app_api_routes
from edge.http.app_pages import app_page_routes
from edge.http.autop import Provisioning, autop_routes
from edge.http.device_push import PushDoor, device_push_routes
from edge.http.hooks import Reports, hook_routes
from edge.http.passes import pass_routes
from edge.http.ports import Daemon, Json, Sample, SyncDoor
from edge.http.provision import DeviceFiles, provision_routes
from edge.http.sync import local_routes, push_routes
from edge.http.trust import trust_routes
from edge.http.tunnel import WebDoor, tunnel_routes
from edge.http.whep import Looks, whep_routes
from edge.http.ws import AppDoor, ws_routes

_STATUS_OF_CODE = {0: 200, 1: 409, 3: 403}


class OpenRequest(BaseModel):
    """Body of an opening. No relay: every relay of the door that lists the method *remote*."""

    model_config = ConfigDict(extra="forbid")
    relay: Annotated[int, Field(ge=1, le=4)] | None = None
    actor: Annotated[str, Field(max_length=64)] = ""


class OrderRequest(BaseModel):
    """Body of an order to a device. *lines*: ``KEY = VALUE`` for ``autop``."""

    model_config = ConfigDict(extra="forbid")
    lines: Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=64)] = []
    actor: Annotated[str, Field(max_length=64)] = ""


class RestoreRequest(BaseModel):
    """Body of a restore: the name of a folder inside the site's, which `edge.admin.restoring.prepare` made."""

    model_config = ConfigDict(extra="forbid")
    prepared: Annotated[str, Field(max_length=32)]


class _Samples(Collector):
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for sample in self._daemon.samples():
            families.setdefault(sample.name, _family(sample)).add_metric(
                list((sample.labels or {}).values()), sample.value
            )
        return list(families.values())


def _family(sample: Sample) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if sample.name.endswith("_total") else GaugeMetricFamily
    return kind(f"intercom_edge_{sample.name}", sample.help, labels=list(sample.labels or {}))


class Apps(AppDoor, AppApi, Protocol):
    """Who lets apps in and answers them."""

    @property
    def cameras(self) -> Looks: ...


def make_app(
    daemon: Daemon,
    token: str | None,
    sync: SyncDoor | None = None,
    files: DeviceFiles | None = None,
    autop: Provisioning[Any, Any] | None = None,
    apps: Apps | None = None,
    push: PushDoor | None = None,
    reports: Reports | None = None,
    web: WebDoor | None = None,
    authority: Path | None = None,
) -> FastAPI:
    """The HTTP application. *token* None: every caller is trusted (the Unix socket); else a bearer token is asked.

    *files*, *autop*: what devices may fetch by their own login. *apps*: where residents' apps are let in. *push*: tells
    devices what they should have; *reports*: hears what devices report by asking an address. *authority*: the file of
    the house's own certificate authority, for residents' phones.
    """
    app = FastAPI(title="intercom-edge", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_health_routes(daemon))
    if token is not None:
        app.include_router(pass_routes())
    if authority is not None:
        app.include_router(trust_routes(authority))
    if files is not None:
        app.include_router(provision_routes(files))
    if autop is not None:
        app.include_router(autop_routes(autop))
    if reports is not None:
        app.include_router(hook_routes(reports))
    if apps is not None:
        app.include_router(ws_routes(apps))
        app.include_router(app_api_routes(apps))
        app.include_router(whep_routes(apps.cameras, apps.session_of))
        app.include_router(app_page_routes())
    guarded = [Depends(_bearer(token))] if token is not None else []
    if push is not None:
        app.include_router(device_push_routes(push), dependencies=guarded)
    if web is not None:
        app.include_router(tunnel_routes(web), dependencies=guarded)
    app.include_router(_api_routes(daemon), dependencies=guarded)
    app.include_router(_call_routes(daemon), dependencies=guarded)
    if token is None:
        app.include_router(_trace_routes(daemon))
        app.include_router(_restore_routes(daemon))
    if sync is not None:
        app.include_router(local_routes(sync), dependencies=guarded)
        app.include_router(push_routes(sync, lambda request: token is None or _shows(request, token)))
    app.include_router(_seeing_routes(app, daemon), dependencies=guarded)
    return app


def _bearer(token: str) -> Callable[[Request], Awaitable[None]]:
    async def check(request: Request) -> None:
        if not _shows(request, token):
            raise HTTPException(401, "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})

    return check


def _shows(request: Request, token: str) -> bool:
    """Whether the caller has the site's bearer token."""
    given = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, f"Bearer {token}".encode())


def _health_routes(daemon: Daemon) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> Json:
        """The process answers."""
        return {"ok": True}

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 if every part works, 503 naming those that do not. Says nothing more: no login is asked here."""
        parts = {name: "ok" if state == "ok" else "failed" for name, state in daemon.health().items()}
        ready = all(state == "ok" for state in parts.values())
        return JSONResponse({"ok": ready, "parts": parts}, 200 if ready else 503)

    return routes


def _seeing_routes(app: FastAPI, daemon: Daemon) -> APIRouter:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Samples(daemon))
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    return routes


def _call_routes(daemon: Daemon) -> APIRouter:
    routes = APIRouter(prefix="/api/v1/calls", tags=["api"])

    @routes.get("/{call_id}/ladder")
    async def ladder(call_id: str) -> Json:
        """The SIP messages of a call that is not long past."""
        found = daemon.ladder(call_id)
        if found is None:
            raise HTTPException(404, "no messages of this call are kept")
        return found

    @routes.get("/{call_id}/capture")
    async def capture(call_id: str) -> Response:
        """The same as a capture file, for Wireshark."""
        found = daemon.capture(call_id)
        if found is None:
            raise HTTPException(404, "no messages of this call are kept")
        return Response(found, media_type="application/vnd.tcpdump.pcap")

    return routes


def _trace_routes(daemon: Daemon) -> APIRouter:
    """Only on the local socket: whole messages, with everything that phones say in them."""
    routes = APIRouter(prefix="/api/v1/sip")

    @routes.get("/trace", include_in_schema=False)
    async def trace(apartment: str | None = None, mac: str | None = None) -> StreamingResponse:
        followed = daemon.follow_sip(apartment, mac)
        if followed is None:
            raise HTTPException(404, "there is no such apartment or device")
        return StreamingResponse(_lines(followed), media_type="application/x-ndjson")

    return routes


def _restore_routes(daemon: Daemon) -> APIRouter:
    """Only on the local socket: who can write into the site's folder can do as much without it."""
    routes = APIRouter(prefix="/api/v1")

    @routes.post("/restore", include_in_schema=False)
    async def restore(body: RestoreRequest) -> JSONResponse:
        answer = daemon.restore(body.prepared)
        return JSONResponse(dict(answer.body), 202 if answer.code == 0 else _STATUS_OF_CODE[answer.code])

    return routes


async def _lines(things: AsyncIterator[Json]) -> AsyncIterator[bytes]:
    """A line each; an empty thing is an empty line."""
    async for thing in things:
        yield (json.dumps(thing, ensure_ascii=False).encode() if thing else b"") + b"\n"


def _api_routes(daemon: Daemon) -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["api"])

    @routes.get("/status")
    async def status() -> Json:
        """What `edge status --json` prints."""
        return daemon.status()

    @routes.get("/health")
    async def health() -> Json:
        """Each part of the daemon and what is wrong with it, in words."""
        return dict(daemon.health())

    @routes.get("/devices/live")
    async def live_devices() -> Json:
        """What only the running daemon knows of each device."""
        return daemon.live_devices()

    @routes.get("/apps/live")
    async def live_apps() -> Json:
        """Residents' apps that can be rung now, by the resident's id."""
        return daemon.live_apps()

    @routes.post("/doors/{mac}/open")
    async def open_door(mac: str, body: OpenRequest) -> JSONResponse:
        """Open a door now; audited. 403: not allowed; 409: not carried out; the body says why."""
        answer = await daemon.open_door(mac, body.relay, body.actor or "api")
        return JSONResponse(dict(answer.body), _STATUS_OF_CODE[answer.code])

    @routes.post("/devices/{mac}/{verb}")
    async def order(
        mac: str, verb: Literal["reboot", "reset", "autop", "arm", "disarm"], body: OrderRequest
    ) -> Response:
        """Have a device do something; audited. 403: not for this device; 409: not carried out; the body says why."""
        answer = await daemon.order(mac, verb, body.lines, body.actor or "api")
        return JSONResponse(dict(answer.body), _STATUS_OF_CODE[answer.code])

    return routes
