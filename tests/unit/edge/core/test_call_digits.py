import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.call_digits import DIGITS, DigitReader
from edge.core.call_events import Digit, DigitCarrier

RFC, INFO = DigitCarrier.RFC4733, DigitCarrier.INFO
CODES = {"1": "1", "22": "2", "*9#": "s1"}


def read(presses, codes=CODES):
    """Labels asked for by *presses*: (seconds, digit, carrier)."""
    reader = DigitReader(codes)
    asked = []
    for at, digit, carrier in presses:
        if reader.fresh(Digit(0, digit, carrier), at) and (label := reader.code(digit, at)):
            asked.append(label)
    return asked


@pytest.mark.parametrize(
    ("presses", "asked"),
    [
        ([(0, "1", RFC)], ["1"]),
        ([(0, "2", RFC), (1, "2", RFC)], ["2"]),
        ([(0, "2", RFC), (3.0, "2", RFC)], ["2"]),
        ([(0, "2", RFC), (3.1, "2", RFC)], []),
        ([(0, "2", RFC), (3.1, "2", RFC), (4, "2", RFC)], ["2"]),
        ([(0, "2", RFC), (2.5, "2", INFO)], ["2"]),
        ([(0, "*", RFC), (1, "9", RFC), (2, "#", RFC)], ["s1"]),
        ([(0, "5", RFC), (1, "1", RFC)], ["1"]),  # a wrong digit does no harm
        ([(0, "2", RFC), (1, "1", RFC)], ["1"]),
        ([(0, "2", RFC), (1, "5", RFC), (2, "2", RFC)], []),
        ([(0, "*", RFC), (1, "*", RFC), (2, "9", RFC), (3, "#", RFC)], ["s1"]),
        ([(0, "1", RFC), (0.2, "1", INFO)], ["1"]),  # one press by two carriers
        ([(0, "1", RFC), (0.4, "1", INFO)], ["1"]),
        ([(0, "1", RFC), (0.5, "1", INFO)], ["1", "1"]),
        ([(0, "1", RFC), (0.2, "1", RFC)], ["1", "1"]),  # pressed twice
        ([(0, "2", RFC), (0.1, "2", INFO), (0.3, "2", RFC), (0.4, "2", INFO)], ["2"]),
        ([(0, "2", INFO), (0.1, "2", RFC)], []),
        ([(0, "flash", INFO), (1, "", INFO), (2, "11", INFO), (3, "a", INFO)], []),
    ],
)
def test_codes(presses, asked):
    assert read(presses) == asked


def test_without_codes_nothing_is_asked():
    assert read([(0, "1", RFC)], codes={}) == []


def test_twins_are_told_apart_by_leg():
    reader = DigitReader(CODES)
    assert reader.fresh(Digit(0, "1", RFC), 0.0)
    assert reader.fresh(Digit(1, "1", INFO), 0.1)


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(sorted(DIGITS)), st.sampled_from([RFC, INFO]))))
def test_only_what_was_pressed_in_a_row_is_asked(gaps):
    """Whatever is pressed, a label is asked only as its code's last digits come."""
    reader, now, pressed = DigitReader(CODES), 0.0, ""
    for gap, digit, carrier in gaps:
        now += gap
        if not reader.fresh(Digit(0, digit, carrier), now):
            continue
        pressed += digit
        label = reader.code(digit, now)
        if label is not None:
            code = next(code for code, relay in CODES.items() if relay == label)
            assert pressed.endswith(code)
