"""Offenders at the endpoint: what they are told, and who goes on as if nothing had happened."""

import pytest

from sip.flow import Flow
from sip.message import Response
from tests.fakes.sip import Bench, again, answer, flow_to, request

BAD, GOOD = flow_to("198.51.100.7", 5060), flow_to("192.0.2.50", 5060)


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.endpoint.handle("INVITE", lambda tx: tx.reply(486))
    return made


def answers(bench: Bench, flow: Flow, times: int, password: str = "guess") -> list[int]:
    """Statuses of *times* challenges and answers with *password*; 0 for silence."""
    found: list[int] = []
    for number in range(times):
        plain = request("INVITE", call_id=f"{flow.remote.port}-{number}")
        bench.receive(plain, flow)
        if not bench.wire.sent:
            found.append(0)
            continue
        challenge = bench.wire.response()
        bench.receive(answer(again(plain), challenge, password=password), flow)
        heard = [m.status for m in bench.wire.messages() if isinstance(m, Response)]
        bench.wire.sent.clear()
        found.append(heard[-1] if heard else 0)
    return found


def test_guesses_are_answered_alike_and_then_not_at_all(bench):
    found = answers(bench, BAD, 40)
    assert set(found) == {401, 0}
    assert found.index(0) in range(15, 20)
    assert 401 not in found[found.index(0) :]
    assert bench.endpoint.gate.banned(BAD.remote, bench.timers.time())
    assert bench.endpoint.counters["offenders_ignored"] >= 1


def test_a_registered_device_that_guesses_is_heard_where_it_is_right(bench):
    bench.endpoint.gate.registered(GOOD.remote)
    assert answers(bench, GOOD, 40)[-1] == 0
    assert answers(bench, GOOD, 1, "secret") == [486]


def test_who_asks_for_ever_and_never_answers_is_banned(bench):
    for number in range(250):
        bench.receive(request("INVITE", call_id=f"svwar-{number}", user=str(100 + number)), BAD)
    assert len(bench.wire.sent) < 201
    assert bench.endpoint.gate.banned(BAD.remote, bench.timers.time())


def test_scanners_that_give_their_name_get_no_answer(bench):
    knock = request("OPTIONS", "sip:100@edge", headers={"User-Agent": "friendly-scanner"})
    bench.receive(knock, BAD)
    assert bench.wire.sent == []
    assert bench.endpoint.gate.banned(BAD.remote, bench.timers.time())


def test_what_the_trunk_sends_is_never_held_against_it(bench):
    bench.endpoint.vouch = lambda _request, _flow: "trunk"
    for number in range(300):
        bench.receive(request("INVITE", call_id=f"t-{number}"), BAD)
    assert not bench.endpoint.gate.banned(BAD.remote, bench.timers.time())


def test_old_nonces_are_no_offence(bench):
    first = request("INVITE", call_id="stale")
    bench.receive(first, BAD)
    challenge = bench.wire.response()
    bench.timers.advance(400.0)
    for number in range(100):
        bench.receive(answer(request("INVITE", call_id=f"s-{number}"), challenge), BAD)
    assert all(m.status == 401 for m in bench.wire.messages())
    assert len(bench.wire.sent) == 100
