"""Phones that do anything at any moment: the B2BUA never fails, and in the end nothing is left of any call."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.message import Request, Response
from tests.fakes.b2bua import CallBench, Peer, plan, sdp, target
from tests.fakes.sip import answer

MINUTES_UNTIL_ALL_IS_OVER = 12  # 5 of talk, and every transaction's own time


class Disorder:
    """A door and two monitors, each remembering the last message it can act upon."""

    def __init__(self) -> None:
        self.bench = CallBench()
        self.bench.media.ports_left = 10**6
        bench = self.bench
        bench.desk.plan_ = plan([target(bench.monitor.user), target(bench.monitor_2.user)], [target(bench.app.user)])
        self.invites: dict[str, Request] = {}
        self.waiting: dict[str, list[Request]] = {}
        self.dialogs: dict[str, Request | Response] = {}
        self.peers = (bench.door, bench.monitor, bench.monitor_2, bench.app)

    def read(self) -> None:
        """Every phone reads what came for it."""
        for peer in self.peers:
            while not peer.quiet():
                message = peer.take()
                if isinstance(message, Response):
                    if message.cseq.method == "INVITE" and message.to_tag and message.contact is not None:
                        self.dialogs[peer.user] = message
                elif message.method == "INVITE" and not message.to_tag:
                    self.invites[peer.user] = self.dialogs[peer.user] = message
                elif message.method not in ("ACK", "INVITE") or message.to_tag:
                    self.waiting.setdefault(peer.user, []).append(message)

    def ring(self, _peer: Peer) -> None:
        invite = self.bench.door.outside("INVITE", "101", sdp("192.0.2.50"))
        self.bench.door.send(invite)
        challenge = next((m for m in self.bench.door.waiting() if isinstance(m, Response) and m.status == 401), None)
        if challenge is not None:
            self.bench.door.renew(invite)
            answer(invite, challenge, self.bench.door.user, self.bench.accounts.passwords[self.bench.door.user])
            self.bench.door.send(invite)
            self.invites["own"] = invite

    def cancel(self, _peer: Peer) -> None:
        if "own" in self.invites:
            invite = self.invites["own"]
            request = Request("CANCEL", invite.uri, invite.headers.copy())
            request.headers.set("CSeq", f"{invite.cseq.number} CANCEL")
            self.bench.door.send(request)

    def respond(self, status: int, *, body: bool = False, tag: str | None = None) -> Callable[[Peer], None]:
        def act(peer: Peer) -> None:
            if peer.user in self.invites:
                description = sdp(peer.flow.remote.host, formats="8 101" if tag is None else "0 101") if body else b""
                peer.respond(self.invites[peer.user], status, description, tag=tag)

        return act

    def ask(self, method: str, *, body: bool = False, **headers: str) -> Callable[[Peer], None]:
        def act(peer: Peer) -> None:
            if peer.user in self.dialogs:
                description = sdp(peer.flow.remote.host, direction="sendonly") if body else b""
                peer.inside(self.dialogs[peer.user], method, description, **headers)

        return act

    def answer(self, status: int) -> Callable[[Peer], None]:
        def act(peer: Peer) -> None:
            for request in self.waiting.pop(peer.user, []):
                if request.method != "ACK":
                    peer.respond(request, status, sdp(peer.flow.remote.host) if request.method == "INVITE" else b"")

        return act


def wait(seconds: float) -> Callable[[Disorder, Peer], None]:
    return lambda disorder, _peer: disorder.bench.advance(seconds)


def deed(name: str, *args: object, **more: object) -> Callable[[Disorder, Peer], None]:
    return lambda disorder, peer: getattr(disorder, name)(*args, **more)(peer)


DEEDS: dict[str, Callable[[Disorder, Peer], None]] = {
    "ring": lambda disorder, peer: disorder.ring(peer),
    "cancel": lambda disorder, peer: disorder.cancel(peer),
    "180": deed("respond", 180),
    "183": deed("respond", 183, body=True),
    "183 of a fork": deed("respond", 183, body=True, tag="fork"),
    "200": deed("respond", 200, body=True),
    "200 of a fork": deed("respond", 200, body=True, tag="fork"),
    "200 without a description": deed("respond", 200),
    "486": deed("respond", 486),
    "487": deed("respond", 487),
    "603": deed("respond", 603),
    "ack": deed("ask", "ACK"),
    "bye": deed("ask", "BYE"),
    "reinvite": deed("ask", "INVITE", body=True),
    "reinvite without an offer": deed("ask", "INVITE"),
    "update": deed("ask", "UPDATE", body=True),
    "info": deed("ask", "INFO"),
    "prack": deed("ask", "PRACK", RAck="1 1 INVITE"),
    "answers": deed("answer", 200),
    "refuses": deed("answer", 491),
    "knows nothing": deed("answer", 481),
    "a moment": wait(0.1),
    "some seconds": wait(4),
    "a while": wait(21),
}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(0, 3)), min_size=5, max_size=60))
def test_whatever_phones_do_nothing_fails_and_nothing_stays(deeds: list[tuple[str, int]]) -> None:
    disorder = Disorder()
    bench = disorder.bench
    disorder.ring(bench.door)
    disorder.read()
    for name, peer in deeds:
        DEEDS[name](disorder, disorder.peers[peer])
        disorder.read()
    for _ in range(MINUTES_UNTIL_ALL_IS_OVER * 3):
        bench.advance(20)
        disorder.read()
        for peer in disorder.peers:
            disorder.answer(200)(peer)
    bench.advance(100)
    assert bench.endpoint.counters["handler_errors"] == 0
    assert bench.b2bua.calls == 0
    assert bench.b2bua._entries == {}
    assert bench.media.closed
    assert bench.endpoint._clients == {}
    assert bench.endpoint._servers == {}
    assert bench.timers.pending == 0
    assert bench.desk.over
    assert all(record.ended_by is not None for record in {r.id: r for r in bench.desk.records}.values())
