"""What a firmware job does next."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.fleet import jobs
from edge.fleet.jobs import BACK_WITHIN_MS, Fact, Job, Progress, step
from models.ids import DeviceId
from models.tables.device import DeviceUpgradeState as D
from models.tables.device import UpgradeState

A, B, C = (DeviceId(name) for name in "abc")
READY = Fact(online=True, idle=True, firmware="1.0")
NEW = replace(READY, firmware="2.0")
NOW_MS = 1_000_000


def job(devices: Mapping[DeviceId, Progress], *, at_once: int = 5, stop_after: int = 3, until_ms: int = 10**12) -> Job:
    return Job("u", 0, until_ms, at_once, stop_after, False, UpgradeState.PENDING, "2.0", devices)


def waiting(*devices: DeviceId) -> dict[DeviceId, Progress]:
    return dict.fromkeys(devices, Progress())


def test_whoever_is_there_and_idle_has_its_turn() -> None:
    facts = {A: READY, B: replace(READY, online=False), C: replace(READY, idle=False)}
    next_ = step(job(waiting(A, B, C)), facts, NOW_MS)
    assert (list(next_.send), next_.changed, next_.state) == ([A], {}, UpgradeState.PROCESSING)


def test_no_more_than_so_many_at_once() -> None:
    devices = waiting(A, B, C) | {A: jobs.sent(Progress(), NOW_MS)}
    assert list(step(job(devices, at_once=2), {d: READY for d in devices}, NOW_MS).send) == [B]


def test_a_device_that_runs_the_version_is_done_sent_or_not() -> None:
    next_ = step(job({A: jobs.sent(Progress(), 1), B: Progress()}), {A: NEW, B: NEW}, NOW_MS)
    assert {device: progress.state for device, progress in next_.changed.items()} == {A: D.DONE, B: D.DONE}
    assert (next_.state, list(next_.send)) == (UpgradeState.EXECUTED, [])


def test_a_device_that_does_not_come_back_has_failed() -> None:
    sent = jobs.sent(Progress(), NOW_MS)
    facts = {A: replace(READY, online=False)}
    assert not step(job({A: sent}), facts, NOW_MS + BACK_WITHIN_MS - 1).changed
    next_ = step(job({A: sent}), facts, NOW_MS + BACK_WITHIN_MS)
    assert (next_.changed[A].state, next_.changed[A].error) == (D.FAILED, jobs.NOT_BACK)
    assert next_.state is UpgradeState.FAILED


def test_after_too_many_failures_the_others_are_left_alone() -> None:
    failed = jobs.refused(Progress(), 1, "no")
    next_ = step(job({A: failed, B: Progress(), C: jobs.sent(Progress(), NOW_MS)}, stop_after=1),
                 {A: READY, B: READY, C: READY}, NOW_MS)  # fmt: skip
    assert list(next_.send) == []
    assert {device: progress.error for device, progress in next_.changed.items()} == {B: jobs.STOPPED}
    assert next_.state is UpgradeState.PROCESSING, "one has the order already"


def test_the_window_ends() -> None:
    next_ = step(job(waiting(A), until_ms=NOW_MS), {A: READY}, NOW_MS)
    assert (next_.changed[A].error, next_.state, list(next_.send)) == (jobs.TOO_LATE, UpgradeState.FAILED, [])


def test_a_removed_device_has_failed() -> None:
    assert step(job(waiting(A)), {}, NOW_MS).changed[A].error == "the device was removed"


progress = st.sampled_from([Progress(), jobs.sent(Progress(), NOW_MS - 5), jobs.refused(Progress(), 1, "no")])
fact = st.builds(Fact, st.booleans(), st.booleans(), st.sampled_from(["1.0", "2.0", ""]))


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(progress, fact), min_size=1), st.integers(1, 4),
       st.integers(1, 4), st.booleans())  # fmt: skip
def test_never_too_many_never_to_the_absent_and_it_ends(
    drawn: dict[str, tuple[Progress, Fact]], at_once: int, stop_after: int, over: bool
) -> None:
    devices = {DeviceId(name): progress for name, (progress, _) in drawn.items()}
    facts = {DeviceId(name): fact for name, (_, fact) in drawn.items()}
    it = job(devices, at_once=at_once, stop_after=stop_after, until_ms=NOW_MS if over else 10**12)
    next_ = step(it, facts, NOW_MS)
    after = devices | next_.changed
    under_way = sum(progress.state is D.SENT for progress in after.values())
    assert len(next_.send) <= max(0, at_once - under_way)
    assert all(facts[device].online and facts[device].idle for device in next_.send)
    assert all(after[device].state is D.WAITING for device in next_.send)
    assert not (over and next_.send)
    for device, before in devices.items():
        if before.state is D.FAILED:
            assert after[device] == before, "what has ended stays ended"
    later = step(
        replace(it, devices=after, until_ms=0), {d: replace(f, firmware="2.0") for d, f in facts.items()}, NOW_MS
    )
    assert later.state in (UpgradeState.EXECUTED, UpgradeState.FAILED)
