"""Reliable provisional answers, each leg its own (RFC 3262)."""

from dataclasses import replace

import pytest

from models.call import CallOutcome
from sip.message import Response
from tests.fakes.b2bua import CallBench, plan, sdp, target


@pytest.fixture
def bench() -> CallBench:
    bench = CallBench()
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    return bench


def rack(response: Response) -> str:
    return f"{response.headers.get('RSeq')} {response.cseq.number} INVITE"


def test_a_caller_that_requires_100rel_gets_its_ringing_until_it_acknowledges(bench):
    bench.door.invite(Require="100rel")
    leg = bench.monitor.request("INVITE")
    assert "100rel" not in leg.options("Require") | leg.options("Supported")  # never bridged
    bench.monitor.respond(leg, 180)
    ringing = bench.door.response(180)
    assert "100rel" in ringing.options("Require")
    bench.advance(1.6)
    repeated = [bench.door.response(180), bench.door.response(180)]  # after 0.5 and 1.5 s
    assert {r.headers.get("RSeq") for r in repeated} == {ringing.headers.get("RSeq")}
    bench.door.inside(ringing, "PRACK", RAck="1 1 INVITE")
    bench.door.response(481)
    bench.door.inside(ringing, "PRACK", RAck=rack(ringing))
    bench.door.response(200)
    bench.advance(10)
    assert bench.door.quiet()


def test_an_answer_waits_for_the_prack(bench):
    bench.door.invite(Require="100rel")
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 183, sdp("192.0.2.60"))
    early = bench.door.response(183)
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    assert bench.door.quiet()  # RFC 3262 §3
    bench.door.inside(early, "PRACK", RAck=rack(early))
    bench.door.response(200)
    assert bench.door.response(200).cseq.method == "INVITE"


def test_one_reliable_answer_at_a_time(bench):
    bench.door.invite(Require="100rel")
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    ringing = bench.door.response(180)
    bench.monitor.respond(leg, 183, sdp("192.0.2.60"))
    assert bench.door.quiet()
    bench.door.inside(ringing, "PRACK", RAck=rack(ringing))
    bench.door.response(200)
    assert int(bench.door.response(183).headers.get("RSeq")) == int(ringing.headers.get("RSeq")) + 1


def test_a_caller_that_never_acknowledges_is_given_up(bench):
    patient = bench.desk.plan_.stages[0]
    bench.desk.plan_ = replace(bench.desk.plan_, stages=(replace(patient, ring_s=60.0),))
    bench.door.invite(Require="100rel")
    bench.monitor.respond(bench.monitor.request("INVITE"), 180)
    bench.advance(31.9)
    assert {m.status for m in bench.door.waiting()} == {180}
    bench.wire.sent.clear()
    bench.advance(0.2)
    assert bench.door.take().status == 504
    assert bench.monitor.request("CANCEL")
    assert bench.desk.record.outcome is CallOutcome.CANCELLED


def test_a_called_side_that_requires_it_is_asked_again_with_support(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 421, headers={"Require": "100rel"})
    bench.monitor.request("ACK")
    again = bench.monitor.request("INVITE")
    assert "100rel" in again.options("Supported")
    assert (again.call_id, again.cseq.number) == (leg.call_id, leg.cseq.number + 1)
    for _ in range(2):  # the second is a repetition
        bench.monitor.respond(again, 180, headers={"Require": "100rel", "RSeq": "77"})
    prack = bench.monitor.request("PRACK")
    assert prack.headers.get("RAck") == f"77 {again.cseq.number} INVITE"
    assert bench.monitor.quiet()
    bench.monitor.respond(prack, 200)
    assert "100rel" not in bench.door.response(180).options("Require")
    bench.monitor.respond(again, 421, headers={"Require": "100rel"})  # once is enough
    bench.monitor.request("ACK")
    bench.door.response(480)
