"""What the media statistics of a call's ends say in its row."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from models.call import CallRecord, LineMedia, MediaFault
from sip.media.engine import CALLER_END, End
from sip.media.rtp import StreamStats

TALK_MIN_S: Final = 2.0  # in a shorter talk an end that has not sent yet is no fault

Stats = Mapping[End, tuple[StreamStats, ...]]


def with_media(record: CallRecord, stats: Stats) -> CallRecord:
    """*record* of an ended call with what *stats* say of its ends."""
    talked = {CALLER_END, record.answered_by} if record.answered_by is not None else set()
    judged = talked if record.duration_s >= TALK_MIN_S else set()

    def lines(end: End) -> tuple[LineMedia, ...]:
        found = stats.get(end, ())
        return tuple(_line(one, judged=end in judged) for one in found if end in talked or _any(one))

    legs = tuple(replace(leg, media=lines(number)) for number, leg in enumerate(record.legs))
    return replace(record, legs=legs, media=lines(CALLER_END))


def faults(record: CallRecord) -> tuple[str, ...]:
    """The faults of *record* in a person's words: "caller audio silent"."""
    ends = [("caller", record.media), *((leg.target, leg.media) for leg in record.legs)]
    return tuple(f"{name} {line.kind} {line.fault.value}" for name, lines in ends for line in lines if line.fault)


def _any(stats: StreamStats) -> bool:
    return bool(stats.packets or stats.sent_packets or stats.strangers)


def _line(stats: StreamStats, *, judged: bool) -> LineMedia:
    return LineMedia(
        kind=stats.kind,
        packets=stats.packets,
        octets=stats.octets,
        lost=stats.lost,
        jitter_ms=None if stats.jitter_s is None else round(1000 * stats.jitter_s, 2),
        sent=stats.sent_packets,
        strangers=stats.strangers,
        fault=_fault(stats) if judged else None,
    )


def _fault(stats: StreamStats) -> MediaFault | None:
    """Sound only: a camera may well have nothing to send."""
    if stats.kind != "audio":
        return None
    if stats.silent or (stats.sends and stats.packets == 0):
        return MediaFault.SILENT
    if stats.receives and stats.packets and not stats.sent_packets:
        return MediaFault.ONE_WAY
    return None
