"""Devices behind a proxy (RFC 3327): the way back is kept with the contact and put into every request to it."""

import pytest

from sip.bindings import Binding, Offline
from sip.keepalive import Pinger
from sip.message import Request
from sip.registrar import PATH_CHARS_MAX, PATH_MAX, Registrar
from tests.fakes.b2bua import MONITOR, CallBench, plan, target
from tests.fakes.sip import Bench, FakeBindingStore, request

USER = "10000001"
NEAR, FAR = "<sip:near.example;lr>", "<sip:192.0.2.9;lr;ob>"


def registered(*path: str) -> tuple[Bench, FakeBindingStore, Request]:
    """A device registers with *path*; the answer waits on the wire."""
    bench, store = Bench(), FakeBindingStore()
    registrar = Registrar(bench.settings, store, alive=bench.wire.alive, jitter=lambda: 0.5)
    bench.endpoint.handle("REGISTER", lambda tx: registrar.answer(tx, bench.clock.now_ms()))
    message = request("REGISTER", "sip:edge", headers={"Supported": "path"})
    if path:
        message.headers.set("Path", path)
    bench.receive(bench.authorised(message))
    return bench, store, message


@pytest.mark.parametrize("lines", [(f"{NEAR}, {FAR}",), (NEAR, FAR)])
def test_the_path_is_kept_in_order_and_told_back(lines):
    bench, store, _ = registered(*lines)
    answer = bench.wire.response()
    assert answer.status == 200
    assert answer.headers.get_all("Path") == list(lines)
    (row,) = store.rows.values()
    assert row.path == (NEAR, FAR)
    assert Binding.restored(row).path == (NEAR, FAR)


def test_without_one_there_is_none():
    bench, store, _ = registered()
    assert "Path" not in bench.wire.response().headers
    (row,) = store.rows.values()
    assert row.path == ()


@pytest.mark.parametrize(
    "path",
    [
        "near.example",
        "<sip:near.example",
        ", ".join(["<sip:a;lr>"] * (PATH_MAX + 1)),
        f"<sip:{'a' * PATH_CHARS_MAX};lr>",
    ],
)
def test_a_path_that_cannot_be_one_binds_nothing(path):
    bench, store, _ = registered(path)
    assert bench.wire.response().status == 400
    assert store.rows == {}


def test_an_invitation_goes_along_it_and_down_the_flow():
    bench = CallBench()
    bench.desk.plan_ = plan([target(MONITOR)])
    binding = bench.registrar.live(MONITOR, bench.clock.now_ms())[0]
    bench.registrar.table.put(binding._replace(path=(NEAR, FAR)))
    bench.door.invite()
    invite = bench.monitor.request("INVITE")
    assert invite.headers.get_all("Route") == [NEAR, FAR]
    assert invite.uri == binding.contact
    bench.monitor.respond(invite, 486)
    assert bench.monitor.request("ACK").headers.get_all("Route") == [NEAR, FAR]


def test_a_ping_goes_along_it():
    bench = CallBench()
    pinger = Pinger(bench.endpoint, bench.registrar.table, interval_s=0.1)
    binding = bench.registrar.live(MONITOR, bench.clock.now_ms())[0]
    bench.registrar.table.remove(binding.key, Offline.REPLACED)
    bench.registrar.table.put(binding._replace(path=(NEAR, FAR)))
    pinger.tick()
    assert bench.monitor.request("OPTIONS").headers.get_all("Route") == [NEAR, FAR]
