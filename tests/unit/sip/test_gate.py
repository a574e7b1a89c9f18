import pytest

from sip.flow import Address
from sip.gate import SOURCES_MAX, Gate

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
