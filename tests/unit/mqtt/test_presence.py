from models.ids import Mac
from mqtt.presence import Presence

A, B = Mac("0c1105000001"), Mac("0c1105000002")


def test_a_state_is_what_was_last_told() -> None:
    presence = Presence()
    assert not presence.online(A)
    presence.state(A, True)
    assert presence.online(A)
    presence.state(A, False)
    assert not presence.online(A)


def test_after_an_outage_who_is_not_repeated_is_gone() -> None:
    presence = Presence()
    presence.state(A, True)
    presence.state(B, True)
    presence.doubt()
    assert presence.online(A)
    presence.state(A, True)
    assert presence.settle() == {B}
    assert presence.online(A)
    assert not presence.online(B)
    assert presence.settle() == frozenset()


def test_who_never_told_a_state_is_reachable_for_a_minute_after_it_spoke() -> None:
    presence = Presence()
    assert not presence.reachable(A, 0.0)
    presence.heard(A, 100.0)
    assert presence.reachable(A, 159.9)
    assert not presence.reachable(A, 160.0)
    assert not presence.online(A)


def test_a_state_counts_more_than_a_word() -> None:
    presence = Presence()
    presence.state(A, False)
    presence.heard(A, 100.0)
    assert not presence.reachable(A, 100.0)


def test_a_removed_device_is_forgotten() -> None:
    presence = Presence()
    presence.state(A, True)
    presence.doubt()
    presence.forget(A)
    assert presence.settle() == frozenset()
    assert not presence.reachable(A, 0.0)
