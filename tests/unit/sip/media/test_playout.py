import pytest

from sip.media.playout import Playout
from sip.media.rtp import RtpHeader, parse_header


def sent_by(frames: list[bytes], *times: float) -> tuple[Playout, list[tuple[RtpHeader, bytes]]]:
    packets: list[bytes] = []
    playout = Playout(frames, 8, 10.0, lambda packet: packets.append(bytes(packet)))
    for at in times:
        playout.advance(at)
    read = []
    for packet in packets:
        header = parse_header(packet)
        assert header is not None
        read.append((header, packet[header.payload_at :]))
    return playout, read


def test_a_frame_every_20_ms_with_rtp_that_counts_on() -> None:
    frames = [bytes([i]) * 160 for i in range(3)]
    playout, read = sent_by(frames, 10.0, 10.01, 10.02, 10.0401)
    assert playout.over
    assert [payload for _, payload in read] == frames
    heads = [header for header, _ in read]
    first = heads[0]
    assert [(h.sequence - first.sequence) % 2**16 for h in heads] == [0, 1, 2]
    assert [(h.timestamp - first.timestamp) % 2**32 for h in heads] == [0, 160, 320]
    assert [h.marker for h in heads] == [True, False, False]
    assert {(h.payload_type, h.ssrc) for h in heads} == {(8, first.ssrc)}


def test_a_little_late_catches_up_and_very_late_does_not_burst() -> None:
    frames = [bytes(160)] * 200
    assert len(sent_by(frames, 10.0, 10.09)[1]) == 5
    playout, read = sent_by(frames, 10.0, 13.0)
    assert len(read) == 2
    assert playout.due == pytest.approx(13.02)
