from sip.trace import CALLS_MAX, MESSAGE_BYTES_MAX, MESSAGES_PER_CALL_MAX, Trace
from tests.fakes.sip import Bench, flow_to, request

FLOW = flow_to("192.0.2.50", 5060)


def test_messages_of_all_legs_come_by_time():
    trace = Trace()
    trace.record("a", False, FLOW, b"1", 10)
    trace.record("b", True, FLOW, b"2", 20)
    trace.record("a", True, FLOW, b"3", 30)
    trace.record("c", True, FLOW, b"other", 15)
    assert [(m.at_ms, m.sent, m.data) for m in trace.messages(["a", "b"])] == [
        (10, False, b"1"),
        (20, True, b"2"),
        (30, True, b"3"),
    ]
    assert [m.data for m in trace.messages("a")] == [b"1", b"3"]
    assert trace.messages("none") == ()


def test_it_is_bounded_every_way():
    trace = Trace()
    for number in range(CALLS_MAX + 5):
        trace.record(f"call-{number}", True, FLOW, b"x" * 9000, number)
    assert trace.messages("call-4") == ()
    assert len(trace.messages(f"call-{CALLS_MAX + 4}")[0].data) == MESSAGE_BYTES_MAX
    for number in range(MESSAGES_PER_CALL_MAX + 10):
        trace.record("long", True, FLOW, b"%d" % number, number)
    kept = trace.messages("long")
    assert len(kept) == MESSAGES_PER_CALL_MAX
    assert (kept[0].data, kept[-1].data) == (b"0", b"%d" % (MESSAGES_PER_CALL_MAX + 9))


def test_digest_responses_are_blanked():
    bench = Bench()
    bench.endpoint.handle("INVITE", lambda tx: tx.reply(480))
    bench.receive(bench.authorised(request("INVITE", call_id="c9")))
    data = b"".join(m.data for m in bench.endpoint.trace.messages("c9"))
    assert b'response="-"' in data
    assert data.count(b"response=") == data.count(b'response="-"')
    assert b"SIP/2.0 480" in data


def test_registrations_and_pings_are_not_kept():
    bench = Bench()
    bench.endpoint.handle("REGISTER", lambda tx: tx.reply(200))
    bench.receive(bench.authorised(request("REGISTER", call_id="r1")))
    bench.receive(request("OPTIONS", call_id="o1"))
    assert bench.endpoint.trace.messages(["r1", "o1"]) == ()


def test_who_looks_on_sees_all_and_what_is_not_kept_too():
    trace, seen = Trace(), []
    assert not trace.followed
    unfollow = trace.follow(seen.append)
    assert trace.followed
    secret = b'REGISTER sip:e SIP/2.0\r\nAuthorization: Digest username="u", response="0123"\r\n\r\n'
    trace.record("r", False, FLOW, secret, 1, keep=False)
    trace.record("c", True, FLOW, b"INVITE", 2)
    unfollow()
    trace.record("c", True, FLOW, b"BYE", 3)
    assert [(one.call_id, one.sent) for one in seen] == [("r", False), ("c", True)]
    assert b"0123" not in seen[0].data
    assert trace.messages("r") == ()
    assert [one.data for one in trace.messages("c")] == [b"INVITE", b"BYE"]
