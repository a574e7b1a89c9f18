from dataclasses import replace

from edge.store.bindings import forget_expired, load_bindings, save_bindings
from edge.store.engine import Store
from models.binding import ContactBinding
from models.ids import SipUser
from tests.unit.edge.store.sample import ANNA_NUMBER, GATE_NUMBER, NOON_MS

GATE_AT_HOME = ContactBinding(
    GATE_NUMBER,
    "sip:10000001@192.0.2.7",
    "sip:10000001@192.0.2.7:5060;transport=tcp",
    "tcp",
    "192.0.2.7:40112",
    NOON_MS + 60_000,
    q=0.5,
    call_id="a84b4c76e66710",
    cseq=2**31,
    instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>",
    reg_id=1,
    path=("<sip:p1.example;lr>", "<sip:p2.example;lr>"),
    user_agent="Türstation 1.0",
    updated_at_ms=NOON_MS,
    extra={"flow": [1, "x"]},
)


def saved(store: Store, *changed: ContactBinding, removed: tuple[tuple[SipUser, str], ...] = ()) -> None:
    with store.write() as connection:
        save_bindings(connection, changed, removed)


def live(store: Store, now_ms: int = NOON_MS) -> tuple[ContactBinding, ...]:
    with store.read() as connection:
        return load_bindings(connection, now_ms)


def test_a_binding_comes_back_as_it_was(store: Store) -> None:
    saved(store, GATE_AT_HOME)
    assert live(store) == (GATE_AT_HOME,)


def test_a_refresh_replaces_and_another_contact_is_added(store: Store) -> None:
    refreshed = replace(GATE_AT_HOME, expires_at_ms=NOON_MS + 120_000, cseq=2)
    elsewhere = replace(GATE_AT_HOME, key="other")
    app = replace(GATE_AT_HOME, sip_user=ANNA_NUMBER)
    saved(store, GATE_AT_HOME, elsewhere, app)
    saved(store, refreshed)
    assert live(store) == (elsewhere, refreshed, app)


def test_only_what_was_named_is_removed(store: Store) -> None:
    app = replace(GATE_AT_HOME, sip_user=ANNA_NUMBER)
    saved(store, GATE_AT_HOME, app)
    saved(store, removed=((GATE_NUMBER, GATE_AT_HOME.key), (ANNA_NUMBER, "other")))
    assert live(store) == (app,)


def test_an_expired_binding_is_not_live_and_is_forgotten(store: Store) -> None:
    saved(store, GATE_AT_HOME, replace(GATE_AT_HOME, key="longer", expires_at_ms=NOON_MS + 60_001))
    assert [binding.key for binding in live(store, NOON_MS + 60_000)] == ["longer"]
    with store.write() as connection:
        assert forget_expired(connection, NOON_MS + 60_000) == 1
    assert [binding.key for binding in live(store, 0)] == ["longer"]


def test_after_an_outage_thousands_may_go_together(store: Store) -> None:
    many = [replace(GATE_AT_HOME, key=str(number)) for number in range(3_000)]
    saved(store, *many)
    saved(store, removed=tuple((GATE_NUMBER, binding.key) for binding in many[1:]))
    assert [binding.key for binding in live(store)] == ["0"]
