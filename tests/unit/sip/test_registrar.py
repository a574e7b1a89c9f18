"""RFC 3261 §10 as the house needs it: flows, several contacts, order, expiry, restarts."""

from dataclasses import dataclass, field

import pytest

from models.ids import SipUser
from sip.bindings import Binding, Offline
from sip.flow import Flow
from sip.message import Response
from sip.registrar import CONTACTS_MAX, Registrar
from sip.settings import SipSettings
from tests.fakes.sip import FakeBindingStore, flow_to, request

USER = SipUser("10000001")
UDP = flow_to("192.0.2.50", 5060)
NOW = 1_000_000
S = 1000


@dataclass
class Desk:
    """A registrar, its store, and what its listeners heard."""

    settings: SipSettings = field(default_factory=SipSettings)
    store: FakeBindingStore = field(default_factory=FakeBindingStore)
    open: set[int] = field(default_factory=lambda: {7, 8})  # connections
    jitter: float = 0.5  # the middle: what is asked for
    heard: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registrar = Registrar(self.settings, self.store, alive=self.alive, jitter=lambda: self.jitter)
        self.registrar.table.on_online.append(lambda binding: self.heard.append((binding.contact, "online")))
        self.registrar.table.on_offline.append(lambda binding, why: self.heard.append((binding.contact, why.value)))

    def alive(self, flow: Flow) -> bool:
        return not flow.reliable or flow.connection in self.open

    def register(
        self, contact: str | None = "<sip:a@192.0.2.50>", expires: int | None = 600, *, flow: Flow = UDP,
        now: int = NOW, cseq: int = 1, call_id: str = "r1", **headers: str,
    ) -> Response:  # fmt: skip
        message = request("REGISTER", "sip:edge", cseq=cseq, call_id=call_id, headers=headers)
        message.headers.remove("Contact")
        if contact is not None:
            message.headers.set("Contact", contact)
        if expires is not None:
            message.headers.set("Expires", str(expires))
        return self.registrar.register(message, USER, flow, now, "tag")

    def live(self, now: int = NOW) -> list[str]:
        return [binding.contact for binding in self.registrar.live(USER, now)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def contacts(response: Response) -> dict[str, str]:
    assert response.status == 200, response
    return {contact.uri: contact.param("expires") or "" for contact in response.contacts}


def test_a_contact_is_bound_to_the_flow_it_came_on_and_left_as_it_is(desk):
    answer = desk.register('"Door" <sip:a@10.0.0.9:5070;transport=tcp;transport=tcp>;q=0.7')
    assert contacts(answer) == {"sip:a@10.0.0.9:5070;transport=tcp;transport=tcp": "600"}
    (binding,) = desk.registrar.live(USER, NOW)
    assert (binding.flow, binding.q, binding.expires_at_ms) == (UDP, 0.7, NOW + 600 * S)
    assert answer.to_tag
    assert answer.headers.get("Date", "").endswith("GMT")


def test_several_contacts_are_live_the_preferred_first(desk):
    desk.register("<sip:a@h>;q=0.1, <sip:b@h>;q=0.9;expires=100")
    desk.register("<sip:c@h>", call_id="r2", now=NOW + 1)
    assert desk.live() == ["sip:c@h", "sip:b@h", "sip:a@h"]
    assert contacts(desk.register(None, None, cseq=2)) == {"sip:c@h": "600", "sip:b@h": "100", "sip:a@h": "600"}


def test_a_refresh_renews_and_a_query_changes_nothing(desk):
    desk.register()
    key = desk.registrar.live(USER, NOW)[0].key
    desk.register(cseq=2, now=NOW + 100 * S)
    (binding,) = desk.registrar.live(USER, NOW + 100 * S)
    assert (binding.key, binding.expires_at_ms) == (key, NOW + 700 * S)
    saves = desk.store.saves
    desk.register(None, None, cseq=3)
    assert desk.store.saves == saves


def test_expiry(desk):
    desk.register(expires=60)
    assert desk.live(NOW + 60 * S - 1)
    assert desk.live(NOW + 60 * S) == []
    desk.registrar.expire(NOW + 60 * S)
    assert desk.heard[-1] == ("sip:a@192.0.2.50", "expired")
    assert desk.store.rows == {}
    assert len(desk.registrar.table) == 0


def test_a_renewed_binding_does_not_expire_at_its_first_time(desk):
    desk.register(expires=60)
    desk.register(expires=600, cseq=2)
    desk.registrar.expire(NOW + 61 * S)
    assert desk.live(NOW + 61 * S)


def test_unregistering(desk):
    desk.register("<sip:a@h>, <sip:b@h>")
    assert contacts(desk.register("<sip:a@h>;expires=0", None, cseq=2)) == {"sip:b@h": "600"}
    assert contacts(desk.register("*", 0, cseq=3)) == {}
    assert desk.store.rows == {}
    assert [why for _, why in desk.heard[-2:]] == ["unregistered", "unregistered"]


def test_all_contacts_only_together_with_expires_0(desk):
    desk.register()
    assert desk.register("*", 60, cseq=2).status == 400
    assert desk.register("*", None, cseq=2).status == 400
    assert desk.register("*, <sip:b@h>", 0, cseq=2).status == 400
    assert desk.live()


def test_too_brief_is_423_and_nothing_of_the_request_is_done(desk):
    answer = desk.register("<sip:a@h>, <sip:b@h>;expires=10")
    assert (answer.status, answer.headers.get("Min-Expires")) == (423, "60")
    assert desk.live() == []


def test_a_request_that_was_overtaken_is_refused_whole(desk):
    desk.register("<sip:a@h>", cseq=5)
    assert desk.register("<sip:b@h>, <sip:a@h>", cseq=5).status == 500
    assert desk.register("*", 0, cseq=4).status == 500
    assert desk.live() == ["sip:a@h"]
    assert desk.register("<sip:a@h>", 0, cseq=1, call_id="after a restart").status == 200
    assert desk.live() == []


@pytest.mark.parametrize(
    ("asked", "jitter", "granted"),
    [
        ("600", 0.0, 540),
        ("600", 0.5, 600),
        ("600", 1.0, 660),
        ("9999999999999", 0.5, 3600),
        ("3600", 1.0, 3600),
        ("x", 0.5, 3600),
    ],
)
def test_granted_times_are_spread_and_limited(desk, asked, jitter, granted):
    desk.jitter = jitter
    assert contacts(desk.register(f"<sip:a@h>;expires={asked}", None)) == {"sip:a@h": str(granted)}


def test_without_any_expiry_it_is_the_longest(desk):
    assert contacts(desk.register("<sip:a@h>", None)) == {"sip:a@h": "3600"}


@pytest.mark.parametrize("contact", ["<isbn:1>", "<sip:>", "<sip:a@h> <sip:b@h>"])
def test_what_cannot_be_reached_cannot_be_bound(desk, contact):
    assert desk.register(contact).status == 400


def test_contacts_are_the_same_whatever_the_phone_varies(desk):
    desk.register("<sip:a@H:5060;ob>")
    desk.register("<sip:%61@h:5060;rinstance=1>", cseq=2)
    assert desk.live() == ["sip:%61@h:5060;rinstance=1"]


def test_a_phone_that_names_itself_is_not_rung_twice_after_a_restart(desk):
    desk.register('<sip:a@h:40001>;+sip.instance="<urn:uuid:1>"', call_id="before")
    desk.register('<sip:a@h:40002>;+sip.instance="<urn:uuid:1>"', call_id="after")
    assert desk.live() == ["sip:a@h:40002"]
    desk.register('<sip:a@h:40003>;+sip.instance="<urn:uuid:2>"', call_id="another")
    assert set(desk.live()) == {"sip:a@h:40002", "sip:a@h:40003"}


def test_contacts_of_a_user_are_bounded_and_the_oldest_makes_room(desk):
    for number in range(CONTACTS_MAX + 2):
        desk.register(f"<sip:a{number}@h>", call_id=f"r{number}", now=NOW + number)
    assert len(desk.live()) == CONTACTS_MAX
    assert "sip:a1@h" not in desk.live()
    assert len(desk.store.rows) == CONTACTS_MAX


def test_a_tcp_device_is_live_as_long_as_its_connection(desk):
    tcp = flow_to("192.0.2.50", 40000, "TCP", 7)
    desk.register(flow=tcp)
    assert desk.live()
    desk.open.remove(7)
    desk.registrar.table.connection_lost(tcp)
    assert desk.live() == []
    assert len(desk.registrar.table) == 1  # it will be back
    desk.register(flow=flow_to("192.0.2.50", 40001, "TCP", 8), cseq=2, now=NOW + 1)
    assert desk.live()
    assert [what for _, what in desk.heard] == ["online", "connection_lost", "online"]


def test_the_end_of_an_old_connection_does_not_touch_the_new_one(desk):
    old, new = flow_to("192.0.2.50", 40000, "TCP", 7), flow_to("192.0.2.50", 40001, "TCP", 8)
    desk.register(flow=old)
    desk.register(flow=new, cseq=2)
    desk.registrar.table.connection_lost(old)
    assert desk.live()
    assert [what for _, what in desk.heard] == ["online"]


def test_after_a_restart_udp_is_live_and_tcp_is_not():
    desk = Desk()
    desk.register("<sip:udp@h>")
    desk.register("<sip:tcp@h>", flow=flow_to("192.0.2.50", 40000, "TCP", 7), call_id="r2")
    desk.register("<sip:brief@h>", 60, call_id="r3")
    restarted = Desk(store=desk.store)
    restarted.registrar.load(NOW + 100 * S)
    assert restarted.live(NOW + 100 * S) == ["sip:udp@h"]
    (binding,) = restarted.registrar.live(USER, NOW + 100 * S)
    assert binding.flow == UDP
    assert {row.contact for row in desk.store.rows.values()} == {"sip:udp@h", "sip:tcp@h"}
    assert restarted.register("<sip:udp@h>", cseq=1, now=NOW + 101 * S).status == 500  # order is kept too


def test_a_row_that_cannot_be_read_is_dropped_and_told(desk, caplog):
    desk.register()
    ((place, row),) = desk.store.rows.items()
    desk.store.rows[place] = type(row)(**{name: getattr(row, name) for name in row.__slots__} | {"source": "nonsense"})
    restarted = Desk(store=desk.store)
    restarted.registrar.load(NOW)
    assert restarted.live() == []
    assert desk.store.rows == {}
    assert "cannot be read" in caplog.text


def test_a_removed_account_loses_its_contacts(desk):
    desk.register("<sip:a@h>, <sip:b@h>")
    desk.registrar.drop(USER)
    assert desk.live() == []
    assert desk.store.rows == {}
    assert desk.heard[-1][1] == "removed"


def test_a_device_that_misses_its_pings_is_not_rung_until_it_answers(desk):
    desk.register()
    (binding,) = desk.registrar.live(USER, NOW)
    table = desk.registrar.table
    for _ in range(2):
        table.ping_missed(binding.key)
    assert desk.live()
    table.ping_missed(binding.key)
    assert desk.live() == []
    table.ping_missed(binding.key)
    table.ping_answered(binding.key)
    assert desk.live()
    assert [what for _, what in desk.heard] == ["online", "unreachable", "online"]


def test_a_registration_makes_it_reachable_again(desk):
    desk.register()
    (binding,) = desk.registrar.live(USER, NOW)
    for _ in range(3):
        desk.registrar.table.ping_missed(binding.key)
    desk.register(cseq=2)
    assert desk.live()


def test_without_pings_nobody_is_unreachable():
    desk = Desk(SipSettings(ping_interval_s=0))
    desk.register()
    (binding,) = desk.registrar.live(USER, NOW)
    for _ in range(10):
        desk.registrar.table.ping_missed(binding.key)
    assert desk.live()


def test_a_udp_device_that_moves_is_told_as_moved_not_as_gone(desk):
    moves: list[tuple[Binding, Binding]] = []
    desk.registrar.table.on_moved.append(lambda before, after: moves.append((before, after)))
    desk.register()
    desk.register(flow=flow_to("192.0.2.50", 6000), cseq=2)
    assert [(b.flow.remote.port, a.flow.remote.port) for b, a in moves] == [(5060, 6000)]
    assert [what for _, what in desk.heard] == ["online"]


def test_every_reason_for_being_offline_is_told_by_its_own_word():
    assert {why.value for why in Offline} == {
        "expired", "unregistered", "replaced", "connection_lost", "unreachable", "removed",
    }  # fmt: skip
