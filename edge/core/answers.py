"""What a device is told: the payload of `down/decision` (decision 17)."""

import json
from typing import Final

from models.access import AccessDecision, Attempt
from models.times import rfc3339 as rfc3339

ANSWER_LIVES_MS: Final = 10_000
"""An answer is good until the attempt's own time plus this, told by the device's clock (decision 4)."""


def decision_payload(decision: AccessDecision, attempt_id: str, at_ms: int) -> dict[str, object]:
    """Always every key; `web_relay` and `second_factor` are absent where there is none.

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
    if decision.second_factor is not None:  # so that the reader can ask for it
        payload["second_factor"] = decision.second_factor.value
    return payload


def answer(decision: AccessDecision, attempt: Attempt) -> bytes:
    """The bytes published and stored: canonical JSON, so a repetition is equal to the byte."""
    payload = decision_payload(decision, attempt.id, attempt.at_ms)
    return json.dumps(payload, sort_keys=True, separators=(",", ":")).encode("ascii")
