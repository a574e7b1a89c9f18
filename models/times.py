"""Unix milliseconds as people and machines outside read them."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at_ms: int) -> str:
    """*at_ms* (Unix milliseconds) as RFC 3339 UTC with milliseconds: ``2026-03-01T09:30:00.250Z``.

    A device's clock may tell any time: what no calendar holds is cut to the calendar's end.
    """
    try:
        at = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        at = datetime.max.replace(tzinfo=UTC) if at_ms > 0 else datetime.min.replace(tzinfo=UTC)
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
