"""What the media of a call leaves in its row."""

import dataclasses
import logging

import pytest

from models.call import CallOutcome, CallRecord, EndedBy, LegKind, LegRecord, LegState, MediaFault
from models.ids import CallId
from sip.b2bua_stats import faults, with_media
from sip.media.engine import CALLER_END, End
from sip.media.rtp import StreamStats
from tests.fakes.b2bua import MONITOR, CallBench, plan, target

LEG = LegRecord(LegKind.MONITOR, "Monitor", LegState.ANSWERED)
TALKED = CallRecord(
    CallId("c-1"), 0, "Gate", "101", legs=(LEG, dataclasses.replace(LEG, state=LegState.LOST)), answered_by=0,
    outcome=CallOutcome.ANSWERED, ended_by=EndedBy.VISITOR, duration_s=10.0,
)  # fmt: skip
GOOD = StreamStats(
    "audio", packets=500, octets=86000, lost=2, jitter_s=0.00123, sent_packets=498, sends=True, receives=True
)


def fault_of(stats: StreamStats, record: CallRecord = TALKED) -> MediaFault | None:
    return with_media(record, {CALLER_END: (stats,), 0: (GOOD,)}).media[0].fault


def test_lines_of_both_sides_with_loss_and_jitter() -> None:
    found = with_media(TALKED, {CALLER_END: (GOOD,), 0: (GOOD, StreamStats("video"))})
    (line,) = found.media
    assert (line.packets, line.octets, line.lost, line.jitter_ms, line.sent) == (500, 86000, 2, 1.23, 498)
    assert [each.kind for each in found.legs[0].media] == ["audio", "video"]
    assert found.legs[1].media == ()
    assert faults(found) == ()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"packets": 0}, MediaFault.SILENT),
        ({"packets": 0, "sends": False}, None),  # on hold
        ({"silent": True}, MediaFault.SILENT),
        ({"sent_packets": 0}, MediaFault.ONE_WAY),
        ({"sent_packets": 0, "receives": False}, None),
        ({"packets": 0, "kind": "video"}, None),
    ],
)
def test_silence_and_one_way_sound_are_faults(changes: dict[str, object], fault: MediaFault | None) -> None:
    assert fault_of(dataclasses.replace(GOOD, **changes)) is fault  # type: ignore[arg-type]  # fields by name


def test_a_talk_of_a_moment_and_a_leg_that_lost_have_no_faults() -> None:
    nothing = StreamStats("audio", sends=True, receives=True)
    assert fault_of(nothing, dataclasses.replace(TALKED, duration_s=1.9)) is None
    early = dataclasses.replace(nothing, packets=50)
    found = with_media(TALKED, {0: (GOOD,), 1: (early,)})
    assert [(line.packets, line.fault) for line in found.legs[1].media] == [(50, None)]


def test_a_fault_is_named_with_its_end() -> None:
    silent = dataclasses.replace(GOOD, packets=0)
    deaf = dataclasses.replace(GOOD, sent_packets=0)
    assert faults(with_media(TALKED, {CALLER_END: (silent,), 0: (deaf,)})) == (
        "caller audio silent",
        "Monitor audio one_way",
    )


def bench_with(stats: dict[End, tuple[StreamStats, ...]], *, end_on_silence: bool = True) -> CallBench:
    bench = CallBench(end_on_silence=end_on_silence)
    bench.media.counted = stats
    bench.desk.plan_ = plan([target(MONITOR)])
    return bench


@pytest.mark.parametrize("by_visitor", [True, False])
def test_the_last_state_of_the_row_has_the_media_of_both_ends_whoever_hangs_up(
    by_visitor: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bench = bench_with({CALLER_END: (GOOD,), 0: (dataclasses.replace(GOOD, packets=7),)})
    success, leg = bench.answered_call()
    bench.advance(5.0)
    assert bench.desk.record.media == ()
    with caplog.at_level(logging.INFO):
        if by_visitor:
            bench.door.inside(success, "BYE")
        else:
            bench.monitor.inside(leg, "BYE")
    record = bench.desk.record
    assert record.ended_by is (EndedBy.VISITOR if by_visitor else EndedBy.CALLEE)
    assert record.media[0].packets == 500
    assert record.legs[0].media[0].packets == 7
    (told,) = [entry for entry in caplog.records if entry.message == "call over"]
    assert (told.call, told.outcome, told.media_faults) == (record.id, "answered", [])  # type: ignore[attr-defined]


@pytest.mark.parametrize("ends", [True, False])
def test_silence_ends_the_call_or_only_shows(ends: bool, caplog: pytest.LogCaptureFixture) -> None:
    silent = dataclasses.replace(GOOD, silent=True)
    bench = bench_with({CALLER_END: (GOOD,), 0: (silent,)}, end_on_silence=ends)
    success, _leg = bench.answered_call()
    bench.advance(40.0)
    assert bench.media.listener is not None
    bench.media.listener.media_silent(0)
    assert ("a side of a call went silent", f"name of {MONITOR}") in [
        (entry.message, getattr(entry, "side", None)) for entry in caplog.records
    ]
    if not ends:
        assert bench.door.quiet()
        bench.door.inside(success, "BYE")
    record = bench.desk.record
    assert record.ended_by is (EndedBy.EDGE if ends else EndedBy.VISITOR)
    assert record.legs[0].media[0].fault is MediaFault.SILENT
