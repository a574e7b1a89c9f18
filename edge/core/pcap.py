"""Packets as a capture file that Wireshark opens: raw IP (LINKTYPE_RAW), framed here, so that nothing was captured."""

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PAYLOAD_BYTES_MAX: Final = 65_000
_MAGIC: Final = 0xA1B2C3D4  # microseconds
_LINKTYPE_RAW: Final = 101
_UDP: Final = 17
_HOPS: Final = 64

Address = tuple[str, int]  # IP address and port


@dataclass(frozen=True, slots=True)
class Packet:
    """One message as a datagram, however it travelled. Both addresses are of the same family."""

    at_ms: int  # Unix milliseconds
    source: Address
    destination: Address
    payload: bytes


def pcap(packets: Iterable[Packet]) -> bytes:
    """The whole file. Raises ValueError for an address that is none."""
    parts = [struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, 0x40000, _LINKTYPE_RAW)]
    for packet in packets:
        frame = _frame(packet)
        seconds, ms = divmod(packet.at_ms, 1000)
        parts += [struct.pack("<IIII", seconds & 0xFFFFFFFF, ms * 1000, len(frame), len(frame)), frame]
    return b"".join(parts)


def _frame(packet: Packet) -> bytes:
    source, destination = (ipaddress.ip_address(host.partition("%")[0]) for host in _hosts(packet))
    payload = packet.payload[:PAYLOAD_BYTES_MAX]
    length = 8 + len(payload)
    ports = packet.source[1], packet.destination[1]
    addresses = source.packed + destination.packed
    pseudo = addresses + struct.pack("!IHBB", length, 0, 0, _UDP)  # RFC 8200 §8.1; RFC 768 sums to the same
    checksum = _checksum(pseudo + struct.pack("!HHHH", *ports, length, 0) + payload) or 0xFFFF
    datagram = struct.pack("!HHHH", *ports, length, checksum) + payload
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, length, _UDP, _HOPS) + addresses + datagram
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, _HOPS, _UDP, 0)
    return head[:10] + struct.pack("!H", _checksum(head + addresses)) + addresses + datagram


def _hosts(packet: Packet) -> tuple[str, str]:
    """An address of ours that stands for all of a family takes the family of the other."""
    hosts = packet.source[0], packet.destination[0]
    if ":" in hosts[0] and ":" not in hosts[1]:
        return "0.0.0.0", hosts[1]  # noqa: S104 - written into a file, not bound
    if ":" in hosts[1] and ":" not in hosts[0]:
        return hosts[0], "0.0.0.0"  # noqa: S104
    return hosts


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
