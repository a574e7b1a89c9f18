"""What a firmware job does next. Pure: facts in, steps out; whoever carries them out may be killed between any two.

A device that is sent the order twice, because nobody knows whether it got it, takes the same version twice at worst.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from models.ids import DeviceId
from models.tables.device import DeviceUpgradeState, UpgradeState

BACK_WITHIN_MS: Final = 15 * 60 * 1000
"""So long a device may load, flash and start before it has failed."""
TOO_LATE: Final = "it was not there, or not idle, before the time was over"
NOT_BACK: Final = "it did not come back with the new version within 15 minutes"
STOPPED: Final = "not tried: too many others had failed"


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    at_ms: int
    until_ms: int
    at_once: int
    stop_after: int
    reset_after: bool
    state: UpgradeState
    version: str
    devices: Mapping[DeviceId, "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one device."""

    state: DeviceUpgradeState = DeviceUpgradeState.WAITING
    sent_at_ms: int | None = None
    done_at_ms: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a device now."""

    online: bool
    idle: bool
    firmware: str  # as it last said


@dataclass(frozen=True, slots=True)
class Step:
    """Devices whose progress changes, devices to send the order to now, and the job's state after that."""

    changed: Mapping[DeviceId, Progress]
    send: Sequence[DeviceId]
    state: UpgradeState


def step(job: Job, facts: Mapping[DeviceId, Fact], now_ms: int) -> Step:
    """The next step of *job*, which has begun and not ended. A device without a fact is gone from the site."""
    after = {device: _seen(job, progress, facts.get(device), now_ms) for device, progress in job.devices.items()}
    failed = sum(progress.state is DeviceUpgradeState.FAILED for progress in after.values())
    waiting = [device for device, progress in after.items() if progress.state is DeviceUpgradeState.WAITING]
    send: list[DeviceId] = []
    if failed >= job.stop_after or now_ms >= job.until_ms:
        why = STOPPED if failed >= job.stop_after else TOO_LATE
        after |= {device: _failed(after[device], now_ms, why) for device in waiting}
    else:
        under_way = sum(progress.state is DeviceUpgradeState.SENT for progress in after.values())
        ready = [device for device in waiting if (fact := facts.get(device)) and fact.online and fact.idle]
        send = ready[: max(0, job.at_once - under_way)]
    changed = {device: progress for device, progress in after.items() if progress != job.devices[device]}
    return Step(changed, send, _state(after))


def sent(progress: Progress, now_ms: int) -> Progress:
    """After the device has confirmed the order."""
    return replace(progress, state=DeviceUpgradeState.SENT, sent_at_ms=now_ms, error="")


def refused(progress: Progress, now_ms: int, why: str) -> Progress:
    """After the device has refused the order."""
    return _failed(progress, now_ms, why)


def _seen(job: Job, progress: Progress, fact: Fact | None, now_ms: int) -> Progress:
    if progress.state in (DeviceUpgradeState.DONE, DeviceUpgradeState.FAILED):
        return progress
    if fact is None:
        return _failed(progress, now_ms, "the device was removed")
    if fact.firmware == job.version:
        return replace(progress, state=DeviceUpgradeState.DONE, done_at_ms=now_ms, error="")
    if progress.sent_at_ms is not None and now_ms >= progress.sent_at_ms + BACK_WITHIN_MS:
        return _failed(progress, now_ms, NOT_BACK)
    return progress


def _failed(progress: Progress, now_ms: int, why: str) -> Progress:
    return replace(progress, state=DeviceUpgradeState.FAILED, done_at_ms=now_ms, error=why)


def _state(after: Mapping[DeviceId, Progress]) -> UpgradeState:
    states = {progress.state for progress in after.values()}
    if states & {DeviceUpgradeState.WAITING, DeviceUpgradeState.SENT}:
        return UpgradeState.PROCESSING
    return UpgradeState.FAILED if DeviceUpgradeState.FAILED in states else UpgradeState.EXECUTED
