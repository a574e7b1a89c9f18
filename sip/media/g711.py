"""G.711 (ITU-T G.711, RFC 3551 §4.5.14): the two codecs every telephone has, for sound of our own.

Audio between the ends of a call is never decoded; this is for recordings only.
"""

import struct
from collections.abc import Callable
from typing import Final

PCMU: Final = 0  # RTP payload types, RFC 3551 §6
PCMA: Final = 8
RATE_HZ: Final = 8000
FRAME_BYTES: Final = 160  # 20 ms
FRAME_S: Final = FRAME_BYTES / RATE_HZ

_MU_BIAS: Final = 132
_MU_MAX: Final = 32635


def alaw_of(sample: int) -> int:
    """The A-law byte of a 16-bit *sample*."""
    sign = 0x80 if sample >= 0 else 0
    size = (sample if sample >= 0 else ~sample) >> 3
    segment = max(0, size.bit_length() - 5)
    return (sign | segment << 4 | size >> max(segment, 1) & 0x0F) ^ 0x55


def linear_of_alaw(byte: int) -> int:
    """The 16-bit sample of an A-law *byte*."""
    byte ^= 0x55
    segment = byte >> 4 & 0x07
    size = (byte & 0x0F) << 4 | 8
    if segment:
        size = (size | 0x100) << segment - 1
    return size if byte & 0x80 else -size


def mulaw_of(sample: int) -> int:
    """The µ-law byte of a 16-bit *sample*."""
    sign = 0 if sample >= 0 else 0x80
    size = min(abs(sample), _MU_MAX) + _MU_BIAS
    segment = size.bit_length() - 8
    return ~(sign | segment << 4 | size >> segment + 3 & 0x0F) & 0xFF


def linear_of_mulaw(byte: int) -> int:
    """The 16-bit sample of a µ-law *byte*."""
    byte = ~byte & 0xFF
    size = ((byte & 0x0F) << 3 | _MU_BIAS) << (byte >> 4 & 0x07)
    return _MU_BIAS - size if byte & 0x80 else size - _MU_BIAS


ALAW_TO_MULAW: Final = bytes(mulaw_of(linear_of_alaw(byte)) for byte in range(256))
MULAW_TO_ALAW: Final = bytes(alaw_of(linear_of_mulaw(byte)) for byte in range(256))
SILENCE: Final = {PCMA: alaw_of(0), PCMU: mulaw_of(0)}


def encode(pcm: bytes, law: Callable[[int], int] = alaw_of) -> bytes:
    """16-bit little-endian samples as G.711; an odd last byte is dropped."""
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm[: len(pcm) // 2 * 2])
    return bytes(map(law, samples))
