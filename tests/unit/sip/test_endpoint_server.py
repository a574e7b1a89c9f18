"""Requests from outside: matching, absorption, refusals, CANCEL, ACK."""

from dataclasses import dataclass, field

import pytest

from sip.flow import Address, Flow
from sip.message import Headers, Request, Response
from sip.server_tx import ServerTx
from sip.settings import SipSettings
from sip.transaction import T1, State
from tests.fakes.sip import PHONE, Bench, answer, flow_to, request


@dataclass
class Callee:
    """A transaction user that remembers and leaves the answers to the test."""

    got: list[ServerTx] = field(default_factory=list)
    cancelled: list[Request] = field(default_factory=list)
    lost: int = 0

    def __call__(self, tx: ServerTx) -> None:
        self.got.append(tx)
        tx.on_cancel = self.cancelled.append
        tx.on_lost = self._lost

    def _lost(self) -> None:
        self.lost += 1

    @property
    def tx(self) -> ServerTx:
        assert len(self.got) == 1
        return self.got[0]


class OneDialog:
    def __init__(self, flow: Flow, tag: str = "ours") -> None:
        self.flow, self.tag = flow, tag

    def flow_of(self, message: Request) -> Flow | None:
        return self.flow if message.to_tag == self.tag else None


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def callee(bench: Bench) -> Callee:
    callee = Callee()
    for method in ("INVITE", "BYE", "INFO"):
        bench.endpoint.handle(method, callee, ["application/sdp"] if method == "INVITE" else [])
    return callee


def invited(bench: Bench, callee: Callee) -> Request:
    """A proven INVITE that has reached *callee*; the 100 is taken from the wire."""
    invite = bench.authorised(request("INVITE"))
    bench.receive(invite)
    assert bench.wire.response().status == 100
    assert callee.tx.user == "10000001"
    return invite


def ack_for(invite: Request, to_tag: str) -> Request:
    headers = Headers([("Via", invite.headers.get("Via") or ""), ("From", invite.headers.get("From") or "")])
    headers.set("To", f"{invite.headers.get('To')};tag={to_tag}")
    headers.set("Call-ID", invite.call_id)
    headers.set("CSeq", f"{invite.cseq.number} ACK")
    return Request("ACK", invite.uri, headers)


def cancel_for(invite: Request, via: str | None = None) -> Request:
    headers = Headers([("Via", via or invite.headers.get("Via") or "")])
    for name in ("From", "To", "Call-ID"):
        headers.set(name, invite.headers.get(name) or "")
    headers.set("CSeq", f"{invite.cseq.number} CANCEL")
    return Request("CANCEL", invite.uri, headers)


def test_an_invite_sent_three_times_is_one_call(bench, callee):
    invite = invited(bench, callee)
    bench.receive(invite)
    bench.receive(invite)
    assert len(callee.got) == 1
    assert [m.status for m in bench.wire.messages()] == [100, 100]


def test_a_retransmission_is_absorbed_before_the_digest_check(bench, callee):
    """The same nc must not become a replay."""
    info = bench.authorised(request("INFO", call_id="c2"))
    bench.receive(info)
    callee.tx.reply(200)
    first = bench.wire.sent.pop()
    bench.receive(info)
    assert bench.wire.sent == [first]
    assert bench.endpoint.counters["digest_stale"] == 0


def test_the_last_answer_is_repeated_for_32_seconds(bench, callee):
    info = bench.authorised(request("INFO"))
    bench.receive(info)
    callee.tx.reply(200)
    bench.wire.sent.clear()
    bench.timers.advance(64 * T1 - 0.1)
    bench.receive(info)
    assert bench.wire.response().status == 200
    bench.timers.advance(1.0)
    bench.receive(info)  # a new request now, and its nonce count is used up
    assert bench.wire.response().headers.get_all("WWW-Authenticate")[0].endswith("stale=true")
    assert bench.timers.pending == 0


def test_the_same_branch_on_another_transport_is_another_request(bench, callee):
    ping = request("OPTIONS")
    bench.receive(ping)
    tcp = flow_to(PHONE.host, 40000, "TCP", 3)
    bench.receive(ping, tcp)
    assert [flow for flow, _ in bench.wire.sent] == [flow_to(*PHONE), tcp]


def test_answers_to_many_requests_are_forgotten_in_their_turn(bench, callee):
    for number in range(20):
        info = bench.authorised(request("INFO", call_id=f"c{number}"))
        bench.receive(info)
        callee.got[-1].reply(200)
        bench.timers.advance(2.0)
    bench.timers.advance(64 * T1 + 1)
    assert not bench.endpoint._answers
    assert bench.timers.pending == 0


def test_a_refused_invite_is_repeated_until_the_ack(bench, callee):
    invite = invited(bench, callee)
    callee.tx.reply(486)
    refused = bench.wire.response()
    bench.timers.advance(T1)
    assert bench.wire.response().status == 486
    bench.receive(ack_for(invite, refused.to_tag))
    bench.timers.advance(100)
    assert bench.wire.sent == []
    assert callee.lost == 0
    assert bench.timers.pending == 0


def test_a_refusal_never_acknowledged_is_reported(bench, callee):
    invited(bench, callee)
    callee.tx.reply(486)
    bench.timers.advance(64 * T1)
    assert callee.lost == 1
    assert len(bench.wire.sent) == 11  # at once, then after 0.5 1.5 3.5 7.5 … 31.5 s


def test_the_ack_to_a_2xx_reaches_the_user(bench, callee):
    acks: list[Request] = []
    bench.endpoint.on_ack = lambda ack, _: acks.append(ack)
    invite = invited(bench, callee)
    callee.tx.reply(200)
    ok = bench.wire.response()
    bench.endpoint.dialogs = OneDialog(flow_to(*PHONE), ok.to_tag)
    ack = ack_for(invite, ok.to_tag)
    ack.headers.set("Via", f"SIP/2.0/UDP {PHONE};branch=z9hG4bKother")
    bench.receive(ack)
    bench.receive(ack_for(invite, ok.to_tag))  # with the branch of the INVITE, as some do
    assert len(acks) == 2
    bench.receive(ack, flow_to("192.0.2.66", 5060))  # from a stranger
    bench.receive(ack_for(invite, "guess"))
    assert len(acks) == 2


def test_the_user_repeats_its_2xx_and_invites_are_absorbed_meanwhile(bench, callee):
    invite = invited(bench, callee)
    ok = callee.tx.response(200)
    callee.tx.respond(ok)
    callee.tx.respond(ok)
    assert [m.status for m in bench.wire.messages()] == [200, 200]
    bench.receive(invite)
    callee.tx.reply(486)  # too late
    assert len(bench.wire.sent) == 2
    bench.timers.advance(64 * T1)
    assert callee.tx.state is State.TERMINATED
    assert bench.timers.pending == 0


def test_cancel_has_its_own_answer_and_asks_the_user(bench, callee):
    invite = invited(bench, callee)
    bench.receive(cancel_for(invite))
    ok = bench.wire.response()
    assert (ok.status, ok.cseq.method, ok.to_tag) == (200, "CANCEL", callee.tx.local_tag)
    assert len(callee.cancelled) == 1
    bench.receive(cancel_for(invite))  # a retransmission gets the 200 again, not 481
    assert bench.wire.response().status == 200
    assert len(callee.cancelled) == 1


def test_cancel_is_found_though_a_nat_changed_its_via(bench, callee):
    invite = invited(bench, callee)
    via = f"SIP/2.0/UDP 203.0.113.9:6000;branch={invite.via.branch}"
    bench.receive(cancel_for(invite, via))
    assert bench.wire.response().status == 200
    assert callee.cancelled


def test_cancel_of_nothing_and_from_elsewhere_is_481(bench, callee):
    invite = invited(bench, callee)
    bench.receive(cancel_for(invite), flow_to("192.0.2.66", 5060))
    assert bench.wire.response().status == 481
    other = cancel_for(invite)
    other.headers.set("Via", f"SIP/2.0/UDP {PHONE};branch=z9hG4bKnone")
    bench.receive(other)
    assert bench.wire.response().status == 481
    assert callee.cancelled == []


def test_cancel_after_the_answer_changes_nothing(bench, callee):
    invite = invited(bench, callee)
    callee.tx.reply(200)
    bench.wire.sent.clear()
    bench.receive(cancel_for(invite))
    assert bench.wire.response().status == 200
    assert callee.cancelled == []


def test_a_request_that_took_two_ways_is_answered_482_on_the_second(bench, callee):
    invite = invited(bench, callee)
    twin = Request("INVITE", invite.uri, invite.headers.copy())
    twin.headers.set("Via", f"SIP/2.0/UDP {PHONE};branch=z9hG4bKtwin")
    answer(twin, challenge_of(bench, twin))
    bench.receive(twin)
    assert bench.wire.response().status == 482
    assert len(callee.got) == 1


def challenge_of(bench: Bench, message: Request) -> Response:
    message.headers.remove("Authorization")
    bench.receive(message)
    challenge = bench.wire.response()
    assert challenge.status == 401
    return challenge


def test_old_peers_without_the_branch_cookie_are_matched_by_their_fields(bench, callee):
    invite = request("INVITE", branch="old")
    invite.headers.set("Via", f"SIP/2.0/UDP {PHONE}")
    answer(invite, challenge_of(bench, invite))
    bench.receive(invite)
    bench.receive(invite)
    assert [m.status for m in bench.wire.messages()] == [100, 100]
    bench.wire.sent.clear()
    callee.tx.reply(404)
    refused = bench.wire.response()
    bench.receive(ack_for(invite, refused.to_tag))
    assert callee.tx.state is State.CONFIRMED


@pytest.mark.parametrize(
    ("message", "status", "header"),
    [
        (request("MESSAGE"), 405, "Allow"),
        (request("SUBSCRIBE", headers={"Event": "presence"}), 489, None),
        (request("INVITE", "isbn:1"), 416, None),
        (request("INVITE", "sip:a@b?Route=x"), 400, None),
        (request("INVITE", headers={"Require": "gruu, sec-agree"}), 420, "Unsupported"),
        (request("INVITE", headers={"Max-Forwards": "0"}), 483, None),
        (request("INVITE", body=b"x", headers={"Content-Type": "text/plain"}), 415, "Accept"),
        (request("INVITE", body=b"x", headers={"Content-Encoding": "gzip"}), 415, "Accept-Encoding"),
        (request("INVITE", headers={"Contact": "<tel:1>"}), 400, None),
        (request("BYE", to="<sip:a@b>;tag=unknown"), 481, None),
        (request("INFO", headers={"Via": ", ".join(["SIP/2.0/UDP a;branch=z9hG4bK1"] * 11)}), 483, None),
    ],
)
def test_refusals_keep_no_state(bench, callee, message, status, header):
    bench.receive(message)
    first = bench.wire.response()
    assert first.status == status
    assert header is None or header in first.headers
    assert first.to_tag
    bench.receive(message)
    assert bench.wire.response().to_tag == first.to_tag  # RFC 3261 §8.2.7
    assert not bench.endpoint._servers
    assert bench.timers.pending == 0
    assert callee.got == []


def test_an_optional_body_may_be_of_any_kind(bench, callee):
    headers = {"Content-Type": "text/plain", "Content-Disposition": "render; handling = optional"}
    bench.receive(request("INVITE", body=b"x", headers=headers))
    assert bench.wire.response().status == 401


def test_options_is_answered_to_anybody(bench, callee):
    bench.endpoint.capabilities.extensions.add("timer")
    bench.receive(request("OPTIONS", "sip:edge"))
    ok = bench.wire.response()
    assert ok.status == 200
    assert ok.headers.get("Allow") == "ACK, BYE, CANCEL, INFO, INVITE, OPTIONS"
    assert ok.options("Supported") == {"timer"}


def test_a_dialogs_peer_is_not_challenged_and_another_socket_is(bench, callee):
    bench.endpoint.dialogs = OneDialog(flow_to(*PHONE))
    bye = request("BYE", to="<sip:101@edge>;tag=ours")
    bench.receive(bye)
    assert callee.tx.user is None
    callee.tx.reply(200)
    assert bench.wire.response().status == 200
    moved = request("BYE", to="<sip:101@edge>;tag=ours", cseq=2)
    elsewhere = flow_to(PHONE.host, 40000)
    bench.receive(moved, elsewhere)
    challenge = bench.wire.response()
    assert challenge.status == 401
    bench.receive(answer(moved, challenge), elsewhere)
    assert callee.got[1].user == "10000001"


def test_what_is_vouched_for_needs_no_digest(bench, callee):
    trunk = Address("198.51.100.1", 5060)
    bench.endpoint.vouch = lambda _, flow: "trunk" if flow.remote == trunk else None
    bench.receive(request("INVITE", user="+15550100"), flow_to(*trunk))
    assert (callee.tx.user, callee.tx.peer) == (None, "trunk")
    bench.receive(request("INVITE", user="+15550100", call_id="c2"))
    assert bench.wire.messages()[-1].status == 401


def test_answers_go_where_the_request_came_from(bench, callee):
    behind_nat = flow_to("203.0.113.9", 40001)
    bench.receive(request("OPTIONS"), behind_nat)
    flow, data = bench.wire.sent.pop()
    assert flow == behind_nat
    assert b";rport=40001;received=203.0.113.9" in data


def test_without_rport_an_answer_goes_to_the_port_of_the_via_where_configured(callee):
    bench = Bench(SipSettings(source_rate_per_s=0, force_rport=False))
    plain = request("OPTIONS", headers={"Via": "SIP/2.0/UDP 192.0.2.50:5070;branch=z9hG4bK9"})
    bench.receive(plain, flow_to("192.0.2.50", 40001))
    flow, data = bench.wire.sent.pop()
    assert flow.remote == ("192.0.2.50", 5070)
    assert b"received" not in data
    bench.receive(request("OPTIONS"), flow_to("192.0.2.50", 40001))
    assert bench.wire.sent.pop()[0].remote == ("192.0.2.50", 40001)


def test_a_handler_that_fails_answers_500_and_is_counted(bench, caplog):
    def broken(tx: ServerTx) -> None:
        raise RuntimeError("bug")

    bench.endpoint.handle("INFO", broken)
    bench.receive(bench.authorised(request("INFO")))
    assert bench.wire.response().status == 500
    assert bench.endpoint.counters["handler_errors"] == 1
    assert "could not be handled" in caplog.text


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b""])
def test_keep_alives_are_not_messages(bench, data):
    bench.receive(data)
    assert bench.endpoint.counters["messages_received"] == 0
    assert bench.wire.sent == []


def test_a_caller_out_of_reach_is_reported(bench, callee):
    invited(bench, callee)
    bench.wire.dead.add(flow_to(*PHONE))
    callee.tx.reply(180)
    assert callee.lost == 1
    assert callee.tx.state is State.TERMINATED
