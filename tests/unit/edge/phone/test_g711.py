"""G.711 against its published corners, and both ways."""

import pytest

from edge.phone.g711 import DECODED, ENCODERS, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
def test_every_byte_survives_decoding_and_encoding(law: str) -> None:
    encode, decoded = ENCODERS[law], DECODED[law]
    again = {byte: encode(decoded[byte]) for byte in range(256)}
    assert {byte for byte, back in again.items() if decoded[back] != decoded[byte]} == set()


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
def test_the_error_is_small_against_the_sample(law: str) -> None:
    encode, decoded = ENCODERS[law], DECODED[law]
    for sample in range(-32_000, 32_000, 37):
        assert abs(decoded[encode(sample)] - sample) <= max(16, abs(sample) * 0.05)


def test_the_published_corners() -> None:
    assert alaw_encode(0) == 0xD5  # ITU-T G.711: positive zero of A-law with even bits inverted
    assert ulaw_encode(0) == 0xFF
    assert alaw_decode(0xD5) == 8
    assert ulaw_decode(0xFF) == 0
    assert (alaw_decode(0xAA), ulaw_decode(0x80)) == (32_256, 32_124)  # full scale
