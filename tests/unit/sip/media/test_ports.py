"""The pool of RTP ports."""

import pytest

from sip.media.ports import PortPool, PortsExhausted


def test_even_ports_each_once_in_no_guessable_order():
    pool = PortPool(30001, 30999)
    taken = [pool.take(0.0) for _ in range(pool.size)]
    assert sorted(taken) == list(range(30002, 30999, 2))
    assert taken != sorted(taken)
    with pytest.raises(PortsExhausted):
        pool.take(0.0)


def test_a_released_port_drains_first():
    pool = PortPool(30000, 30001, drain_s=10)
    port = pool.take(0.0)
    pool.release(port, 5.0)
    with pytest.raises(PortsExhausted):
        pool.take(14.9)
    assert pool.take(15.0) == port


@pytest.mark.parametrize(("low", "high"), [(80, 200), (30000, 30000), (40000, 30000), (65535, 65536)])
def test_a_range_without_a_pair_is_refused(low: int, high: int):
    with pytest.raises(ValueError, match="port pair"):
        PortPool(low, high)
