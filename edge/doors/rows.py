"""The journal's rows of what happens at doors. A PIN leaves nothing here, not even its length."""

from collections.abc import Mapping
from typing import Final

from edge.core.access import Judgement, labels
from models.access import AccessDecision, Attempt, UnlockMethod
from models.device_events import DeviceEvent, DeviceEventType, OpenResult
from models.ids import DeviceId, Mac
from models.log import LogEntry, LogKind, Outcome

ALARMS: Final = frozenset(
    {
        DeviceEventType.FORCED,
        DeviceEventType.HELD_OPEN,
        DeviceEventType.TAMPER,
        DeviceEventType.ALARM,
        DeviceEventType.SOS,
    }
)
"""What a person must look at. A fire signal is one while it burns."""

DURESS: Final = "duress"
FIRE: Final = "fire"
PASSBACK: Final = "passback"
LOCKOUT: Final = "lockout"
STORE_LATE: Final = "store_late"


def attempt_row(attempt: Attempt, judgement: Judgement, now_ms: int) -> LogEntry:
    """The row of an attempt, granted or denied, with the truth that the device is not told."""
    detail: dict[str, object] = {}
    if judgement.decision.cause is not None:
        detail["cause"] = judgement.decision.cause.value
    if judgement.passback:
        detail["passback"] = True
    if judgement.decision.hint:
        detail["card"] = judgement.decision.hint
    if judgement.device is None:
        detail["mac"] = attempt.device
    if attempt.device_seq is not None:
        detail["device_seq"] = attempt.device_seq
    return _access_row(
        judgement.decision,
        now_ms,
        attempt.id,
        attempt.method,
        judgement.device.id if judgement.device else None,
        attempt.at_ms,
        detail,
    )


def opening_row(
    decision: AccessDecision,
    now_ms: int,
    identity: str,
    method: UnlockMethod,
    device: DeviceId | None,
    device_at_ms: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> LogEntry:
    """The row of an opening that presented no credential."""
    cause = {} if decision.cause is None else {"cause": decision.cause.value}
    return _access_row(decision, now_ms, identity, method, device, device_at_ms, {**cause, **(detail or {})})


def _access_row(
    decision: AccessDecision,
    now_ms: int,
    identity: str,
    method: UnlockMethod,
    device: DeviceId | None,
    device_at_ms: int | None,
    detail: Mapping[str, object],
) -> LogEntry:
    return LogEntry(
        LogKind.ACCESS,
        now_ms,
        identity,
        device=device,
        device_at_ms=device_at_ms,
        method=method,
        outcome=Outcome.GRANTED if decision.granted else Outcome.DENIED,
        reason=decision.reason,
        apartment=decision.apartment,
        resident=decision.resident,
        credential=decision.credential,
        relays=labels(decision),
        duress=decision.duress,
        detail=dict(detail),
    )


def alarm_row(
    alarm: str, now_ms: int, identity: str, device: DeviceId | None, about: AccessDecision | None = None, **more: object
) -> LogEntry:
    """The row of an alarm; *about* names the holder."""
    return LogEntry(
        LogKind.ALARM,
        now_ms,
        identity,
        device=device,
        apartment=about.apartment if about else None,
        resident=about.resident if about else None,
        credential=about.credential if about else None,
        duress=about.duress if about else False,
        detail={"type": alarm, **more},
    )


def event_row(event: DeviceEvent, device: DeviceId | None, now_ms: int) -> LogEntry:
    """The row of what a device reported."""
    detail: dict[str, object] = {"type": event.type.value, **event.fields}
    if device is None:
        detail["mac"] = event.device
    kind = LogKind.ALARM if event.type in ALARMS else LogKind.DEVICE
    return LogEntry(kind, now_ms, event.id, device=device, device_at_ms=event.at_ms, detail=detail)


def not_opened_row(result: OpenResult, identity: str, device: DeviceId, now_ms: int) -> LogEntry:
    """An opening that was granted and sent did not come back as done."""
    detail = {"type": "open", "result": result.value}
    return LogEntry(LogKind.DEVICE, now_ms, identity, device=device, detail=detail)


def command_row(
    verb: str, result: OpenResult, identity: str, device: DeviceId, now_ms: int, fields: Mapping[str, object]
) -> LogEntry:
    """What became of an operator's order at the device."""
    detail = {"type": verb, "result": result.value, **fields}
    return LogEntry(LogKind.DEVICE, now_ms, identity, device=device, detail=detail)


def web_relay_row(result: str, decision: AccessDecision, identity: str, device: DeviceId, now_ms: int) -> LogEntry:
    """What became of an apartment's action at the web relay."""
    detail = {"type": "web_relay", "action": decision.web_relay, "result": result}
    return LogEntry(LogKind.DEVICE, now_ms, identity, device=device, apartment=decision.apartment, detail=detail)


def presence_row(device: DeviceId | None, mac: Mac, online: bool, now_ms: int) -> LogEntry:
    detail: dict[str, object] = {"type": "online" if online else "offline"}
    if device is None:
        detail["mac"] = mac
    return LogEntry(LogKind.DEVICE, now_ms, device=device, detail=detail)


def audit_row(
    by: str, what: str, now_ms: int, identity: str, device: DeviceId | None, detail: Mapping[str, object]
) -> LogEntry:
    """Who did what."""
    return LogEntry(LogKind.AUDIT, now_ms, identity, device=device, detail={"by": by, "action": what, **detail})
