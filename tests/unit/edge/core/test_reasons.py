from pathlib import Path

from edge.core.handbook import handbook
from edge.core.reasons import CAUSES, WORDS
from models.access import Cause, Reason

HANDBOOK = Path(__file__).parents[4] / "docs" / "access.md"


def test_every_reason_says_what_it_means_and_what_would_change_it() -> None:
    assert set(WORDS) == set(Reason)
    assert set(CAUSES) == set(Cause)
    assert all(words.meaning and words.change for words in (*WORDS.values(), *CAUSES.values()))


def test_the_handbook_is_what_the_table_says() -> None:
    assert HANDBOOK.read_text(encoding="utf-8") == handbook(), "python -m edge.core.handbook > docs/access.md"
