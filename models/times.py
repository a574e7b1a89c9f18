"""Unix milliseconds as people and machines outside read them."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at_ms: int) -> str:
    """*at_ms* (Unix milliseconds) as RFC 3339 UTC with milliseconds: ``2026-03-01T09:30:00.250Z``."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
