"""What a device is told: the payload of `down/decision` (decision 17)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from models.access import AccessDecision, Attempt

ANSWER_LIVES_MS: Final = 10_000
"""An answer is good until the attempt's own time plus this, told by the device's clock (decision 4)."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)


def rfc3339(at_ms: int) -> str:
    """*at_ms* (Unix milliseconds) as RFC 3339 in UTC with milliseconds; what no calendar holds is cut to its end."""
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        moment = _LAST if at_ms > 0 else datetime.min.replace(tzinfo=UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def decision_payload(decision: AccessDecision, attempt_id: str, at_ms: int) -> dict[str, object]:
    """Always every key, `web_relay` alone is absent where there is none.

    *at_ms*: the attempt's own time, the device's clock. The reason is what the device may know, not always the truth.
    """
    payload: dict[str, object] = {
        "id": attempt_id,
        "granted": decision.granted,
        "reason": decision.told.value,
        "relays": list(decision.relays),
        "security_relays": list(decision.security_relays),
        "seconds": decision.seconds,
        "holds": dict(decision.holds),
        "floors": list(decision.floors),
        "expires_at": rfc3339(at_ms + ANSWER_LIVES_MS),
    }
    if decision.web_relay:
        payload["web_relay"] = decision.web_relay
    return payload


def answer(decision: AccessDecision, attempt: Attempt) -> bytes:
    """The bytes published and stored: canonical JSON, so a repetition is equal to the byte."""
    payload = decision_payload(decision, attempt.id, attempt.at_ms)
    return json.dumps(payload, sort_keys=True, separators=(",", ":")).encode("ascii")
