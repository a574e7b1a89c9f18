import logging

import pytest

from models.ids import Mac
from mqtt.payloads import Problem, Refused
from mqtt.refusals import Refusals
from mqtt.topics import Up

A, B = Mac("0c1105000001"), Mac("0c1105000002")
BAD = Refused(Problem.NOT_JSON, "not JSON in UTF-8")


def test_all_are_counted_and_one_line_a_minute_and_device_is_written(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    with caplog.at_level(logging.WARNING):
        for now_s in (0.0, 1.0, 59.9):
            refusals.add(A, Up.ATTEMPT, BAD, now_s)
        refusals.add(B, Up.EVENT, BAD, 30.0)
        refusals.add(A, Up.ATTEMPT, BAD, 60.0)
    assert refusals.counts == {("attempt", "not_json"): 4, ("event", "not_json"): 1}
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert "2 more" in lines[2]


def test_a_removed_device_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    refusals.add(A, Up.ATTEMPT, BAD, 0.0)
    refusals.forget(A)
    refusals.add(A, Up.ATTEMPT, BAD, 1.0)
    assert len(caplog.records) == 2
