"""G.711 by the book (ITU-T G.711): 16 bit samples to bytes and back, for the own phone's tone and recording."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

_INVERT_EVEN_BITS: Final = 0x55
_MU_BIAS: Final = 0x84
_MU_CLIP: Final = 32_635


def alaw_encode(sample: int) -> int:
    magnitude = min(abs(sample), 32_767) >> 4  # 11 bits
    if magnitude < 32:
        code = magnitude
    else:
        exponent = magnitude.bit_length() - 4
        code = exponent << 4 | magnitude >> (exponent - 1) & 0x0F
    return (code | (0x80 if sample >= 0 else 0)) ^ _INVERT_EVEN_BITS


def alaw_decode(byte: int) -> int:
    byte ^= _INVERT_EVEN_BITS
    exponent, mantissa = byte >> 4 & 7, byte & 0x0F
    value = (2 * mantissa + 1) << 3 if exponent == 0 else (2 * mantissa + 33) << (exponent + 2)
    return value if byte & 0x80 else -value


def ulaw_encode(sample: int) -> int:
    biased = min(abs(sample), _MU_CLIP) + _MU_BIAS
    exponent = biased.bit_length() - 8
    code = exponent << 4 | biased >> (exponent + 3) & 0x0F
    return ~(code | (0x80 if sample < 0 else 0)) & 0xFF


def ulaw_decode(byte: int) -> int:
    byte = ~byte & 0xFF
    exponent, mantissa = byte >> 4 & 7, byte & 0x0F
    value = (((mantissa << 3) + _MU_BIAS) << exponent) - _MU_BIAS
    return -value if byte & 0x80 else value


ENCODERS: Final[Mapping[str, Callable[[int], int]]] = {"PCMA": alaw_encode, "PCMU": ulaw_encode}
DECODED: Final[Mapping[str, Sequence[int]]] = {
    "PCMA": [alaw_decode(byte) for byte in range(256)],
    "PCMU": [ulaw_decode(byte) for byte in range(256)],
}
