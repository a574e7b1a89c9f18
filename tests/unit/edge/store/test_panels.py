"""What panels should hold stands in the store until they confirmed it, whatever happens in between."""

import pytest
from sqlalchemy import delete, insert, select

from edge.store import panels, tables
from edge.store.engine import Store
from edge.store.panels import ConfigState, Held, Pending
from models.ids import CredentialId, DeviceId
from tests.unit.edge.store.sample import CARD, CODE, GATE, MONITOR, NOON_MS

LATER_MS = NOON_MS + 1_000


def want(store: Store, revision: int = 5, **versions: str | None) -> None:
    names = {"card": CARD, "code": CODE}
    with store.write() as c:
        panels.want_credentials(
            c, GATE, {names[name]: version for name, version in versions.items()}, revision=revision, now_ms=NOON_MS
        )


def confirm(store: Store, told: Pending) -> None:
    with store.write() as c:
        panels.confirm(c, GATE, told)


def pending(store: Store, most: int = 10) -> Pending:
    with store.read() as c:
        return panels.pending(c, GATE, most=most)


def held(store: Store) -> dict[CredentialId, Held]:
    with store.read() as c:
        return panels.held(c, GATE)


def state(store: Store) -> tuple[int | None, int | None, int | None]:
    s = tables.device_state.c
    with store.read() as c:
        row = c.execute(select(s.panel_wanted, s.panel_confirmed, s.panel_since_ms).where(s.device_id == GATE)).one()
    return tuple(row)  # type: ignore[return-value]  # three columns


def test_what_is_wanted_waits_until_it_is_confirmed(store: Store) -> None:
    want(store, card="v1", code="v1")
    assert state(store) == (5, None, NOON_MS)
    assert pending(store) == Pending(put={CARD: "v1", CODE: "v1"})
    confirm(store, Pending(put={CARD: "v1"}))
    assert state(store) == (5, None, NOON_MS), "the other one is not there yet"
    confirm(store, Pending(put={CODE: "v1"}))
    assert state(store) == (5, 5, None)
    assert pending(store) == Pending()


def test_deletes_come_before_adds(store: Store) -> None:
    want(store, card="v1")
    confirm(store, pending(store))
    want(store, 6, card=None, code="v1")
    assert pending(store) == Pending(remove=(CARD,))
    confirm(store, Pending(remove=(CARD,)))
    assert CARD not in held(store)
    assert pending(store) == Pending(put={CODE: "v1"})


def test_a_delete_is_told_though_the_put_was_never_confirmed(store: Store) -> None:
    """It may have arrived all the same."""
    want(store, card="v1")
    want(store, 6, card=None)
    assert pending(store) == Pending(remove=(CARD,))


def test_what_is_wanted_again_while_its_delete_is_under_way_is_told_again(store: Store) -> None:
    want(store, card="v1")
    confirm(store, pending(store))
    want(store, 6, card=None)
    told = pending(store)
    want(store, 7, card="v1")
    confirm(store, told)
    assert pending(store) == Pending(put={CARD: "v1"})
    assert state(store)[1] == 5


def test_what_changed_while_it_was_told_is_told_again(store: Store) -> None:
    want(store, card="v1")
    told = pending(store)
    want(store, 6, card="v2")
    confirm(store, told)
    assert pending(store) == Pending(put={CARD: "v2"})
    assert state(store) == (6, None, NOON_MS)


def test_a_removed_credential_is_remembered_and_a_removed_device_is_not(store: Store) -> None:
    want(store, card="v1")
    with store.write() as c:
        c.execute(delete(tables.credential).where(tables.credential.c.id == CARD))
    assert CARD in held(store)
    with store.write() as c:
        c.execute(delete(tables.device).where(tables.device.c.id == GATE))
        panels.want_credentials(c, GATE, {CODE: "v1"}, revision=9, now_ms=NOON_MS)
        panels.want_configs(c, {GATE: ConfigState(9, "d")}, NOON_MS)
    assert held(store) == {}


def test_a_panel_that_lost_all_is_behind_again(store: Store) -> None:
    want(store, card="v1")
    confirm(store, pending(store))
    with store.write() as c:
        panels.forget_confirmed(c, GATE, LATER_MS)
    assert pending(store) == Pending(put={CARD: "v1"})
    assert state(store) == (5, 5, LATER_MS)
    confirm(store, pending(store))
    assert state(store) == (5, 5, None)


def test_what_is_open_is_counted_by_panel(store: Store) -> None:
    with store.read() as c:
        assert panels.open_counts(c) == {}
    want(store, card="v1", code="v1")
    confirm(store, Pending(put={CARD: "v1"}))
    want(store, 6, card=None)
    with store.read() as c:
        assert panels.open_counts(c) == {GATE: (1, 1)}
        assert panels.panels_in_use(c) == {GATE}


def test_only_what_lives_at_panels_is_read_sealed(store: Store) -> None:
    with store.write() as c:
        c.execute(tables.credential.update().where(tables.credential.c.id == CARD).values(home="panel", sealed=b"x"))
        c.execute(tables.credential.update().where(tables.credential.c.id == CODE).values(home="both"))
    with store.read() as c:
        assert panels.sealed_for_panels(c) == {CARD: b"x"}, "without its value it can't be told"
        assert panels.sealed_for_panels(c, [CODE]) == {}


@pytest.mark.parametrize("device", [GATE, MONITOR])
def test_a_configuration_is_behind_since_it_first_changed(store: Store, device: DeviceId) -> None:
    s = tables.device_state.c

    def since() -> int | None:
        with store.read() as c:
            return c.execute(select(s.config_since_ms).where(s.device_id == device)).scalar()

    with store.write() as c:
        panels.want_configs(c, {device: ConfigState(3, "one")}, NOON_MS)
        panels.want_configs(c, {device: ConfigState(4, "two")}, LATER_MS)
    assert since() == NOON_MS
    with store.write() as c:
        panels.confirm_config(c, device, 3, LATER_MS)
    assert since() == NOON_MS, "that was the one before"
    with store.write() as c:
        panels.confirm_config(c, device, 4, LATER_MS)
    assert since() is None
    with store.read() as c:
        assert panels.configs(c)[device] == ConfigState(4, "two", 4)


def test_many_are_told_in_bites(store: Store) -> None:
    with store.write() as c:
        rows = [{"device_id": GATE, "credential_id": f"k-{n:04}", "wanted": "v"} for n in range(30)]
        c.execute(insert(tables.panel_credential), rows)
    assert list(pending(store, most=7).put) == [f"k-{n:04}" for n in range(7)]
