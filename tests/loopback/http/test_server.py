"""The HTTP server on real sockets: who gets in, and what it says."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from edge.http.api import make_app
from edge.http.ports import Answer, Json, Sample
from edge.http.server import HttpServer
from edge.http.unix import short_path

TOKEN = "t" * 32


class FakeDaemon:
    """Answers what a test set; remembers what was opened."""

    def __init__(self) -> None:
        self.parts = {"store": "ok", "broker": "ok"}
        self.opened: list[tuple[str, int | None, str]] = []
        self.answer = Answer(0, {"ok": True})
        self.followers = 0

    def status(self) -> Json:
        return {"community": "c-1"}

    def health(self) -> Mapping[str, str]:
        return self.parts

    def samples(self) -> Iterable[Sample]:
        return [Sample("calls_total", 3, "Calls."), Sample("online", 1, "Devices.", {"mac": "0c1105000001"})]

    def live_devices(self) -> Mapping[str, Json]:
        return {}

    def live_apps(self) -> Mapping[str, Sequence[str]]:
        return {}

    def ladder(self, call_id: str) -> Json | None:
        return {"messages": []} if call_id == "known" else None

    def capture(self, call_id: str) -> bytes | None:
        return b"packets" if call_id == "known" else None

    def follow_sip(self, apartment: str | None, mac: str | None) -> AsyncIterator[Json] | None:
        return self._messages() if apartment != "none" else None

    async def _messages(self) -> AsyncIterator[Json]:
        self.followers += 1
        try:
            yield {}
            yield {"summary": "INVITE 101"}
            await asyncio.Event().wait()
        finally:
            self.followers -= 1

    async def order(self, mac: str, verb: str, lines: Sequence[str], actor: str) -> Answer:
        return self.answer

    def restore(self, prepared: str) -> Answer:
        return self.answer

    async def open_door(self, mac: str, relay: int | None, actor: str) -> Answer:
        self.opened.append((mac, relay, actor))
        return self.answer


@contextlib.asynccontextmanager
async def serving(server: HttpServer) -> AsyncIterator[HttpServer]:
    await server.start()
    running = asyncio.ensure_future(server.run())
    try:
        yield server
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await server.stop()


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
async def client(daemon: FakeDaemon) -> AsyncIterator[httpx.AsyncClient]:
    server = HttpServer(make_app(daemon, TOKEN), name="http", listen=("127.0.0.1",))
    async with serving(server), httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/devices/live", "/metrics", "/openapi.json"])
@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer", "Basic " + TOKEN])
async def test_no_route_answers_without_the_token(client: httpx.AsyncClient, path: str, given: str | None) -> None:
    headers = {"Authorization": given} if given else {}
    assert (await client.get(path, headers=headers)).status_code == 401


async def test_health_needs_no_login_and_tells_no_details(client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
    assert (await client.get("/healthz")).json() == {"ok": True}
    daemon.parts["broker"] = "connection refused by 10.0.0.7"
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "parts": {"store": "ok", "broker": "failed"}}


async def test_metrics_show_the_samples(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).text
    assert "intercom_edge_calls_total 3.0" in text
    assert 'intercom_edge_online{mac="0c1105000001"} 1.0' in text


@pytest.mark.parametrize(("code", "status"), [(0, 200), (1, 409), (3, 403)])
async def test_opening_answers_by_its_code(
    client: httpx.AsyncClient, daemon: FakeDaemon, code: int, status: int
) -> None:
    daemon.answer = Answer(code, {"ok": code == 0})
    answer = await client.post(
        "/api/v1/doors/0c1105000001/open", json={"relay": 2}, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code == status
    assert daemon.opened == [("0c1105000001", 2, "api")]


async def test_a_bad_body_opens_nothing(client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
    for body in ({"relay": 9}, {"relay": "x"}, {"relais": 1}, []):
        answer = await client.post(
            "/api/v1/doors/0c1105000001/open", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert answer.status_code == 422
    assert daemon.opened == []


async def test_the_unix_socket_is_the_owners_alone_however_deep_its_folder(daemon: FakeDaemon, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "run"
    server = HttpServer(make_app(daemon, None), name="local", uds=deep / "edge.sock")
    async with serving(server):
        assert (deep / "edge.sock").stat().st_mode & 0o777 == 0o600
        assert deep.stat().st_mode & 0o777 == 0o700
        with short_path(deep / "edge.sock") as path:
            async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=path), base_url="http://edge") as local:
                assert (await local.get("/api/v1/status")).json() == {"community": "c-1"}
    assert not (deep / "edge.sock").exists()


async def test_a_taken_port_is_an_error_of_ours_not_the_end_of_the_process(daemon: FakeDaemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = HttpServer(make_app(daemon, TOKEN), name="http", listen=("127.0.0.1",), port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await server.start()
        await server.stop()


async def test_a_capture_is_a_file_behind_the_token(client):
    assert (await client.get("/api/v1/calls/known/capture")).status_code == 401
    found = await client.get("/api/v1/calls/known/capture", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (found.status_code, found.content) == (200, b"packets")
    assert (await client.get("/api/v1/calls/x/capture", headers=found.request.headers)).status_code == 404


async def test_messages_are_followed_on_the_local_socket_only(client, daemon, tmp_path):
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert (await client.get("/api/v1/sip/trace", headers=token)).status_code == 404
    path = tmp_path / "run" / "edge.sock"
    server = HttpServer(make_app(daemon, None), name="local", uds=path)
    async with serving(server):
        with short_path(path) as address:
            transport = httpx.AsyncHTTPTransport(uds=address)
            async with httpx.AsyncClient(transport=transport, base_url="http://edge") as local:
                assert (await local.get("/api/v1/sip/trace?apartment=none")).status_code == 404
                async with local.stream("GET", "/api/v1/sip/trace") as answer:
                    lines = answer.aiter_lines()
                    assert [await anext(lines), await anext(lines)] == ["", '{"summary": "INVITE 101"}']
                    assert daemon.followers == 1
        async with asyncio.timeout(3):
            while daemon.followers:  # noqa: ASYNC110  # the server notices in its own time
                await asyncio.sleep(0.01)
