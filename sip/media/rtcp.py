"""As much RTCP as an RTP relay needs: telling it from noise before it is passed on (RFC 3550 §6, RFC 5761 §4)."""

from typing import Final

_HEADER_BYTES: Final = 8
_FIRST_TYPE: Final = 192
_LAST_TYPE: Final = 223


def named_rtcp(packet: bytes | memoryview) -> bool:
    """Of what comes on a port for both: whether the second byte says RTCP (RFC 5761 §4)."""
    return len(packet) > 1 and _FIRST_TYPE <= packet[1] <= _LAST_TYPE


def is_rtcp(packet: bytes | memoryview) -> bool:
    """Whether *packet* begins like a compound RTCP packet: version 2, a known range of types, a length that fits."""
    if len(packet) < _HEADER_BYTES or packet[0] >> 6 != 2:
        return False
    if not _FIRST_TYPE <= packet[1] <= _LAST_TYPE:
        return False
    return 4 * ((packet[2] << 8 | packet[3]) + 1) <= len(packet)
