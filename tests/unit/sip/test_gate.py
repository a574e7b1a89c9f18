import pytest

from sip.flow import Address
from sip.gate import CHALLENGED, SCANNER, SOURCES_MAX, WRONG, Gate

ONE, OTHER = Address("192.0.2.5", 5060), Address("192.0.2.5", 5061)


def passed(gate: Gate, source: Address, times: int, now: float = 0.0) -> int:
    return sum(gate.wait_s(source, now) == 0.0 for _ in range(times))


def test_a_burst_passes_and_then_the_rate():
    gate = Gate(10.0, 5)
    assert passed(gate, ONE, 20) == 5
    assert gate.wait_s(ONE, 0.0) == pytest.approx(0.1)
    assert passed(gate, ONE, 20, now=1.0) == 5  # never more than the burst
    assert passed(gate, ONE, 20, now=1.25) == 2


def test_a_source_is_an_address_unless_it_has_a_registration():
    gate = Gate(10.0, 5)
    assert passed(gate, ONE, 10) + passed(gate, OTHER, 10) == 5
    gate.registered(OTHER)
    gate.registered(OTHER)
    assert passed(gate, OTHER, 10) == 5
    gate.unregistered(OTHER)
    assert passed(gate, OTHER, 10, now=0.1) == 1
    gate.unregistered(OTHER)
    assert passed(gate, OTHER, 10, now=0.1) == 1  # the address's own
    assert not gate._devices


def test_trusted_networks_have_no_limit():
    gate = Gate(1.0, 1, ["192.0.2.0/28", "2001:db8::/32"])
    assert passed(gate, ONE, 100) == 100
    assert passed(gate, Address("2001:db8::7", 5060), 100) == 100
    assert passed(gate, Address("fe80::1%eth0", 5060), 100) == 1
    assert passed(gate, Address("192.0.2.16", 5060), 100) == 1


def test_a_malformed_network_is_refused():
    with pytest.raises(ValueError, match="example"):
        Gate(1.0, 1, ["example"])


def test_rate_zero_is_no_limit():
    assert passed(Gate(0.0, 0), ONE, 100) == 100


def test_memory_is_bounded_under_spoofed_sources():
    gate = Gate(1.0, 1)
    for number in range(SOURCES_MAX + 10):
        gate.wait_s(Address(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1), 0.0)
    assert len(gate._buckets) == SOURCES_MAX


def guess(gate: Gate, source: Address, times: int = 40, now: float = 0.0) -> int:
    """Wrong passwords from *source*; how many got an answer."""
    return sum(not gate.strike(source, WRONG, now) for _ in range(times))


def test_who_guesses_is_banned_with_all_ports():
    gate = Gate(0.0, 5)
    assert guess(gate, ONE) == 19
    assert gate.banned(ONE, 1.0)
    assert gate.banned(OTHER, 1.0)
    assert gate.banned_count(1.0) == 1
    assert not gate.banned(ONE, 61.0)


def test_a_guesser_behind_the_same_nat_takes_nobody_with_him():
    gate = Gate(10.0, 5)
    gate.bound(ONE.host)
    gate.registered(ONE)
    guess(gate, OTHER)
    assert gate.banned(OTHER, 1.0)
    assert not gate.banned(ONE, 1.0)
    back_on_another_port = Address(ONE.host, 40_000)
    assert not gate.banned(back_on_another_port, 1.0)
    assert passed(gate, OTHER, 100) == 5
    assert gate.wait_s(back_on_another_port, 0.0) == 0.0
    assert gate.wait_s(ONE, 0.0) == 0.0


def test_strangers_at_a_shared_address_have_a_limit_together():
    gate = Gate(10.0, 5)
    gate.bound(ONE.host)
    assert sum(gate.wait_s(Address(ONE.host, 1024 + port), 0.0) == 0.0 for port in range(200)) == 50


def test_a_live_registration_is_never_banned_but_its_guesses_get_no_answer():
    gate = Gate(0.0, 5)
    gate.registered(ONE)
    assert guess(gate, ONE) == 19
    assert not gate.banned(ONE, 1.0)
    assert all(not gate.strike(ONE, CHALLENGED, 100.0) for _ in range(1000))  # old nonces are no offence


def test_a_house_that_moved_away_is_an_address_again():
    gate = Gate(0.0, 5)
    gate.bound(ONE.host)
    gate.unbound(ONE.host)
    guess(gate, OTHER)
    assert gate.banned(ONE, 1.0)


def test_a_scanner_is_banned_by_its_name_and_a_trusted_source_never():
    gate = Gate(0.0, 5, ("192.0.2.5",))
    assert guess(gate, ONE) == 40
    stranger = Address("192.0.2.6", 5060)
    assert gate.strike(stranger, SCANNER, 0.0)
    assert gate.banned(stranger, 1.0)


def test_bans_can_be_turned_off():
    gate = Gate(0.0, 5, bans=False)
    assert guess(gate, ONE) == 40
    gate.proven(ONE)
    assert gate.banned_count(0.0) == 0
