"""A capture file, read back by its own rules."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.pcap import PAYLOAD_BYTES_MAX, Packet, pcap


def ones_complement(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frames(data: bytes) -> list[tuple[float, bytes]]:
    assert struct.unpack_from("<IHH", data) == (0xA1B2C3D4, 2, 4)
    assert struct.unpack_from("<I", data, 20) == (101,)
    at, found = 24, []
    while at < len(data):
        seconds, micros, length, whole = struct.unpack_from("<IIII", data, at)
        assert length == whole
        found.append((seconds + micros / 1e6, data[at + 16 : at + 16 + length]))
        at += 16 + length
    return found


hosts4 = st.ip_addresses(v=4).map(str)
hosts6 = st.ip_addresses(v=6).map(str)
ports = st.integers(0, 65535)


@given(
    st.one_of(st.tuples(hosts4, hosts4), st.tuples(hosts6, hosts6)), ports, ports, st.binary(max_size=300),
    st.integers(0, 2**41),
)  # fmt: skip
def test_every_packet_is_whole_and_its_sums_are_right(hosts, source, destination, payload, at_ms):
    ((at, frame),) = frames(pcap([Packet(at_ms, (hosts[0], source), (hosts[1], destination), payload)]))
    assert at == pytest.approx((at_ms // 1000 & 0xFFFFFFFF) + at_ms % 1000 / 1000)
    six = ":" in hosts[0]
    assert frame[0] >> 4 == (6 if six else 4)
    head, address = (40, 16) if six else (20, 4)
    addresses = frame[head - 2 * address : head]
    packed = [ipaddress.ip_address(host).packed for host in hosts]
    assert addresses == packed[0] + packed[1]
    if not six:
        assert ones_complement(frame[:20]) == 0xFFFF
        assert struct.unpack_from("!H", frame, 2) == (len(frame),)
    udp = frame[head:]
    assert struct.unpack_from("!HHH", udp) == (source, destination, 8 + len(payload))
    assert udp[8:] == payload
    assert ones_complement(addresses + struct.pack("!IBBH", len(udp), 0, 17, 0)[:4] + b"\0\x11" + udp) == 0xFFFF


def test_our_address_for_all_takes_the_family_of_the_other():
    ((_, frame),) = frames(pcap([Packet(0, ("::", 5060), ("192.0.2.1", 5060), b"x")]))
    assert frame[0] >> 4 == 4
    ((_, frame),) = frames(pcap([Packet(0, ("fe80::1%eth0", 5060), ("::", 5060), b"x")]))
    assert frame[0] >> 4 == 6


def test_a_long_message_is_cut():
    ((_, frame),) = frames(pcap([Packet(0, ("192.0.2.1", 1), ("192.0.2.2", 2), b"x" * 70_000)]))
    assert len(frame) == 28 + PAYLOAD_BYTES_MAX


def test_no_packets_no_frames():
    assert frames(pcap([])) == []
