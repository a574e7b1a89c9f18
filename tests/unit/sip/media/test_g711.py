import pytest

from sip.media import g711


@pytest.mark.parametrize(
    ("sample", "alaw", "mulaw"),
    [
        (0, 0xD5, 0xFF),
        (-1, 0x55, 0x7F),
        (1000, 0xFA, 0xCE),
        (-1000, 0x7A, 0x4E),
        (32767, 0xAA, 0x80),
        (-32768, 0x2A, 0),
    ],
)
def test_known_values(sample: int, alaw: int, mulaw: int) -> None:
    assert (g711.alaw_of(sample), g711.mulaw_of(sample)) == (alaw, mulaw)


def test_what_is_decoded_encodes_to_the_same_byte() -> None:
    assert [g711.alaw_of(g711.linear_of_alaw(byte)) for byte in range(256)] == list(range(256))
    mulaw = [g711.mulaw_of(g711.linear_of_mulaw(byte)) for byte in range(256)]
    assert mulaw == [0xFF if byte == 0x7F else byte for byte in range(256)]  # µ-law has two zeros


def test_neighbours_decode_to_neighbours() -> None:
    for law, back in ((g711.alaw_of, g711.linear_of_alaw), (g711.mulaw_of, g711.linear_of_mulaw)):
        for sample in range(-32768, 32768, 7):
            assert abs(back(law(sample)) - sample) <= max(16, abs(sample) // 16)


def test_pcm_is_encoded_sample_by_sample() -> None:
    assert g711.encode(b"\x00\x00\xe8\x03\xff") == bytes([0xD5, 0xFA])
