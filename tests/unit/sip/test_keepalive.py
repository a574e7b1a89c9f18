import pytest

from models.ids import SipUser
from sip.bindings import Binding, BindingTable, Offline
from sip.keepalive import ANSWER_WITHIN_S, TICKS_A_SECOND, Pinger
from sip.message import Request, response_to
from tests.fakes.sip import Bench, flow_to

INTERVAL_S = 25.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def table(bench: Bench) -> BindingTable:
    return BindingTable(bench.wire.alive, 3)


@pytest.fixture
def pinger(bench: Bench, table: BindingTable) -> Pinger:
    return Pinger(bench.endpoint, table, INTERVAL_S)


def device(number: int, transport: str = "UDP") -> Binding:
    flow = flow_to("192.0.2.50", 1000 + number, transport, number if transport == "TCP" else 0)
    return Binding(SipUser(f"{number:08}"), f"key-{number}", f"sip:d{number}@10.0.0.1:5070;ob", flow, 10**12)


def one_interval(bench: Bench, pinger: Pinger) -> None:
    for _ in range(round(INTERVAL_S * TICKS_A_SECOND)):
        pinger.tick()
        bench.timers.advance(1 / TICKS_A_SECOND)


def pings(bench: Bench) -> list[Request]:
    found = [m for m in bench.wire.messages() if isinstance(m, Request)]
    return [m for number, m in enumerate(found) if m.call_id not in {one.call_id for one in found[:number]}]


def test_everybody_is_pinged_once_an_interval_spread_and_down_their_own_flow(bench, table, pinger):
    for number in range(500):
        table.put(device(number))
    at_once = []
    for _ in range(round(INTERVAL_S * TICKS_A_SECOND)):
        before = len(bench.wire.sent)
        pinger.tick()
        at_once.append(len(bench.wire.sent) - before)
    assert sum(at_once) == 500
    assert max(at_once) <= 12
    flow, data = bench.wire.sent[0]
    assert data.startswith(b"OPTIONS sip:d%d@10.0.0.1:5070;ob SIP/2.0" % (flow.remote.port - 1000))


def test_any_answer_shows_that_somebody_is_there(bench, table, pinger):
    table.put(device(1))
    one_interval(bench, pinger)
    table.ping_missed("key-1")
    table.ping_missed("key-1")
    bench.wire.sent.clear()
    while not bench.wire.sent:
        pinger.tick()
    bench.receive(response_to(bench.wire.request(), 486, to_tag="x"), device(1).flow)
    table.ping_missed("key-1")
    table.ping_missed("key-1")
    assert table.is_live("key-1", 0)


def test_three_silent_intervals_make_a_device_unreachable(bench, table, pinger):
    table.put(device(1))
    gone: list[str] = []
    table.on_offline.append(lambda binding, why: gone.append(why.value))
    for _ in range(3):
        one_interval(bench, pinger)
    bench.timers.advance(ANSWER_WITHIN_S)
    assert gone == ["unreachable"]
    assert len(pings(bench)) == 3
    assert bench.timers.pending == 0
    assert not bench.endpoint._clients


def test_a_connection_that_is_gone_is_not_pinged(bench, table, pinger):
    binding = device(1, "TCP")
    table.put(binding)
    bench.wire.dead.add(binding.flow)
    one_interval(bench, pinger)
    assert bench.wire.sent == []


def test_who_is_unregistered_is_left_alone(bench, table, pinger):
    table.put(device(1))
    table.remove("key-1", Offline.UNREGISTERED)
    one_interval(bench, pinger)
    assert bench.wire.sent == []
