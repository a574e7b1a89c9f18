"""Requests of ours: answers, failures, CANCEL and the ACK to a refusal."""

from dataclasses import dataclass, field

import pytest

from sip.client_tx import CANCELLED_FOR_S, ClientTx, Failure
from sip.flow import Destination
from sip.message import Headers, Request, Response, response_to
from sip.transaction import T1, State
from tests.fakes.sip import Bench, flow_to

DEVICE = flow_to("192.0.2.60", 5060)


@dataclass
class Asker:
    """Sends one request and remembers what came back."""

    bench: Bench
    responses: list[Response] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def send(self, method: str = "INVITE", to=DEVICE, **headers: str) -> ClientTx:
        fields = {
            "From": "<sip:door@edge>;tag=us", "To": "<sip:103@edge>", "Call-ID": "c1", "CSeq": f"7 {method}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }  # fmt: skip
        message = Request(method, "sip:103@192.0.2.60", Headers(fields.items()))
        return self.bench.endpoint.request(message, to, self.responses.append, self.failures.append)

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.responses]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def asker(bench: Bench) -> Asker:
    return Asker(bench)


def reply(bench: Bench, sent: Request, status: int, tag: str = "them") -> None:
    bench.receive(response_to(sent, status, to_tag=tag if status > 100 else None), DEVICE)


def test_via_and_hops_are_added_and_the_answer_comes_back(bench, asker):
    asker.send("OPTIONS")
    sent = bench.wire.request()
    assert sent.headers.get("Via", "").startswith("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK")
    assert sent.max_forwards == 70
    reply(bench, sent, 200)
    reply(bench, sent, 200)
    assert asker.statuses == [200]
    bench.timers.advance(60)
    assert asker.failures == []
    assert bench.timers.pending == 0
    assert not bench.endpoint._clients


def test_silence_is_a_timeout(bench, asker):
    asker.send("BYE")
    bench.timers.advance(64 * T1)
    assert asker.failures == [Failure.TIMEOUT]
    assert len(bench.wire.sent) == 11
    assert bench.timers.pending == 0


def test_a_dead_flow_fails_but_never_inside_the_call_that_sends(bench, asker):
    bench.wire.dead.add(DEVICE)
    asker.send()
    assert asker.failures == []
    bench.timers.advance()
    assert asker.failures == [Failure.TRANSPORT]
    assert not bench.endpoint._clients


def test_a_refusal_is_acknowledged_inside_the_transaction(bench, asker):
    tx = asker.send(Route="<sip:proxy;lr>")
    sent = bench.wire.request()
    reply(bench, sent, 486)
    ack = bench.wire.request()
    assert (ack.method, ack.uri, ack.cseq) == ("ACK", sent.uri, (7, "ACK"))
    assert ack.headers.get_all("Via") == sent.headers.get_all("Via")
    assert ack.headers.get("Route") == "<sip:proxy;lr>"
    assert ack.to_tag == "them"
    reply(bench, sent, 486)
    assert bench.wire.request().method == "ACK"
    assert asker.statuses == [486]
    bench.timers.advance(64 * T1)
    assert tx.state is State.TERMINATED
    assert asker.failures == []


def test_every_2xx_of_every_fork_is_passed_up(bench, asker):
    asker.send()
    sent = bench.wire.request()
    reply(bench, sent, 180)
    for tag in ("a", "a", "b"):
        reply(bench, sent, 200, tag)
    assert [r.to_tag for r in asker.responses] == ["them", "a", "a", "b"]
    assert bench.wire.sent == []  # the ACK is the user's


def test_a_ringing_invite_has_no_time_limit(bench, asker):
    asker.send()
    reply(bench, bench.wire.request(), 180)
    bench.timers.advance(600)
    assert asker.failures == []
    assert bench.wire.sent == []


def test_cancel_waits_for_a_provisional_answer(bench, asker):
    tx = asker.send()
    sent = bench.wire.request()
    tx.cancel('SIP;cause=200;text="Call completed elsewhere"')
    bench.timers.advance(T1)
    assert bench.wire.request().method == "INVITE"  # goes on asking
    reply(bench, sent, 100)
    cancel = bench.wire.request()
    assert (cancel.method, cancel.uri, cancel.cseq) == ("CANCEL", sent.uri, (7, "CANCEL"))
    assert cancel.headers.get_all("Via") == sent.headers.get_all("Via")
    assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert "Require" not in cancel.headers
    reply(bench, cancel, 200)
    reply(bench, sent, 487)
    assert bench.wire.request().method == "ACK"
    assert asker.statuses == [100, 487]
    bench.timers.advance(100)
    assert bench.timers.pending == 0


def test_cancel_of_a_ringing_invite_leaves_at_once_and_once(bench, asker):
    tx = asker.send()
    reply(bench, bench.wire.request(), 180)
    tx.cancel()
    tx.cancel()
    assert bench.wire.request().method == "CANCEL"


def test_a_2xx_that_races_the_cancel_is_passed_up(bench, asker):
    tx = asker.send()
    sent = bench.wire.request()
    reply(bench, sent, 180)
    tx.cancel()
    reply(bench, sent, 200)
    assert asker.statuses == [180, 200]
    bench.timers.advance(CANCELLED_FOR_S + 1)
    assert asker.failures == []


def test_a_phone_that_never_answers_the_cancelled_invite_is_given_up(bench, asker):
    tx = asker.send()
    reply(bench, bench.wire.request(), 180)
    tx.cancel()
    bench.timers.advance(CANCELLED_FOR_S)
    assert asker.failures == [Failure.CANCELLED]
    assert bench.timers.pending == 0


def test_cancel_before_the_connection_is_there_sends_nothing(bench, asker):
    bench.wire.connects_at_once = False
    tx = asker.send(to=Destination("TCP", "198.51.100.1", 5060))
    tx.cancel()
    bench.timers.advance()
    assert asker.failures == [Failure.CANCELLED]
    bench.wire.opening[0](flow_to("198.51.100.1", 5060, "TCP", 7))
    assert bench.wire.sent == []


def test_a_connection_that_cannot_be_opened_is_a_transport_failure(bench, asker):
    bench.wire.connects_at_once = False
    asker.send(to=Destination("TCP", "198.51.100.1", 5060))
    bench.wire.opening[0](None)
    bench.timers.advance()
    assert asker.failures == [Failure.TRANSPORT]


def test_a_connection_that_breaks_fails_what_waits_on_it_and_nothing_else(bench, asker):
    flow = flow_to("198.51.100.1", 5060, "TCP", 7)
    tx = asker.send(to=flow)
    other = Asker(bench)
    other.send("OPTIONS")
    bench.endpoint.connection_lost(flow)
    bench.timers.advance()
    assert (asker.failures, other.failures) == ([Failure.TRANSPORT], [])
    assert tx.state is State.TERMINATED


def test_an_answer_that_is_not_ours_is_quiet(bench, asker):
    tx = asker.send()
    sent = bench.wire.request()
    foreign = response_to(sent, 200, to_tag="x")
    foreign.headers.add("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    bench.receive(foreign, DEVICE)
    other = response_to(sent, 200, to_tag="x")
    other.headers.set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKguess")
    bench.receive(other, DEVICE)
    assert asker.statuses == []
    assert tx.state is State.CALLING
    assert bench.endpoint.counters["responses_ignored"] == 2


def test_a_2xx_to_a_forgotten_invite_is_offered_to_whoever_cleans_up(bench, asker):
    strays: list[Response] = []
    bench.endpoint.on_stray_success = lambda response, _: strays.append(response)
    asker.send()
    sent = bench.wire.request()
    bench.timers.advance(64 * T1)
    bench.wire.sent.clear()
    reply(bench, sent, 200)
    assert len(strays) == 1


def test_an_abandoned_request_says_nothing_more(bench, asker):
    tx = asker.send("OPTIONS")
    sent = bench.wire.request()
    tx.abandon()
    reply(bench, sent, 200)
    bench.timers.advance(60)
    assert (asker.statuses, asker.failures) == ([], [])
    assert bench.timers.pending == 0


def test_the_ack_to_a_2xx_can_be_sent_again_unchanged(bench):
    ack = Request("ACK", "sip:103@192.0.2.60", Headers([("Call-ID", "c1"), ("CSeq", "7 ACK")]))
    bench.endpoint.send_ack(ack, DEVICE)
    bench.endpoint.send_ack(ack, DEVICE)
    assert bench.wire.sent[0] == bench.wire.sent[1]
