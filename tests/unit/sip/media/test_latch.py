"""Whom a media socket listens to."""

from sip.media.latch import CONFIRM_S, Latch

PHONE, NAT, STRANGER = ("192.0.2.1", 4000), ("198.51.100.1", 61000), ("203.0.113.66", 9)


def test_the_described_address_locks_at_once():
    latch = Latch()
    latch.expect(PHONE)
    assert latch.target == PHONE
    assert latch.admits(PHONE, 0.0)
    assert latch.locked
    assert not latch.admits(STRANGER, 0.1)


def test_another_source_is_learnt_once_and_confirmed():
    latch = Latch()
    latch.expect(PHONE)
    assert latch.admits(NAT, 0.0)
    assert latch.target == NAT
    assert not latch.admits(STRANGER, 0.1)
    assert latch.admits(NAT, CONFIRM_S)
    assert latch.locked
    assert not latch.admits(STRANGER, 9.0)


def test_a_stranger_who_was_faster_gives_way_to_the_described_address():
    latch = Latch()
    latch.expect(PHONE)
    assert latch.admits(STRANGER, 0.0)
    assert latch.admits(PHONE, 0.5)
    assert latch.locked
    assert latch.target == PHONE
    assert not latch.admits(STRANGER, 0.6)


def test_a_new_description_forgets_and_the_same_one_does_not():
    latch = Latch()
    latch.expect(PHONE)
    latch.admits(NAT, 0.0)
    assert not latch.expect(PHONE)
    assert latch.target == NAT
    assert latch.expect(("192.0.2.1", 5000))
    assert latch.target == ("192.0.2.1", 5000)
    assert not latch.locked
