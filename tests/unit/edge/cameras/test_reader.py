from edge.cameras.reader import STEP_S, Packets, with_login
from sip.media.rtp import parse_header
from sip.media.webrtc_h264 import UNIT_BYTES_MAX

SPS, PPS, IDR, SLICE = b"\x67sps", b"\x68pps", b"\x65idr", b"\x41slice"
START = b"\x00\x00\x00\x01"


def stream(*units: bytes) -> bytes:
    return b"".join(START + unit for unit in units)


def stamps(packets: Packets, *times: float | None) -> list[int]:
    found = []
    for at_s in times:
        (packet,) = packets.of(stream(SLICE), at_s)
        header = parse_header(packet)
        assert header is not None
        found.append(header.timestamp)
    return found


def test_a_key_frame_without_parameter_sets_gets_those_of_the_description() -> None:
    packets = Packets()
    packets.begin(stream(SPS, PPS), 0.0)
    sent = list(packets.of(stream(IDR), 0.0))
    assert [packet[12:] for packet in sent] == [SPS, PPS, IDR]
    headers = [header for header in map(parse_header, sent) if header is not None]
    assert [header.marker for header in headers] == [False, False, True]
    assert len({header.timestamp for header in headers}) == 1
    assert [packet[12:] for packet in packets.of(stream(SPS, PPS, IDR), 1.0)] == [SPS, PPS, IDR]
    assert [packet[12:] for packet in packets.of(stream(SLICE), 2.0)] == [SLICE]


def test_time_goes_on_as_the_camera_counts_and_over_a_new_connection() -> None:
    packets = Packets()
    packets.begin(b"", 100.0)
    step = round(STEP_S * 90_000)
    first, second, third, fourth = stamps(packets, None, 7.0, 7.5, 9.0)
    assert (first, second - first, third - second, fourth - third) == (9_000_000 + step, step, 45_000, 135_000)
    packets.begin(b"", 100.5)  # the camera was ahead of our clock
    (after,) = stamps(packets, 0.0)
    assert after == fourth + step
    packets.begin(b"", 200.0)
    assert stamps(packets, 0.0) == [200 * 90_000 + step]


def test_a_picture_that_is_too_large_is_left_out() -> None:
    assert list(Packets().of(stream(bytes(UNIT_BYTES_MAX)), 0.0)) == []


def test_a_login_stands_in_the_address_so_that_no_sign_of_it_is_taken_for_another() -> None:
    assert with_login("rtsp://10.0.0.9:554/a?b=1", "ad:min", "p@ss/w#rd") == (
        "rtsp://ad%3Amin:p%40ss%2Fw%23rd@10.0.0.9:554/a?b=1"
    )
    assert with_login("rtsp://[fd00::1]/a", "", "") == "rtsp://[fd00::1]/a"
