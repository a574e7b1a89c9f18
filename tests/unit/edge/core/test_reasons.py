from pathlib import Path

from edge.core.reasons import WORDS, handbook
from models.access import Reason

HANDBOOK = Path(__file__).parents[4] / "docs" / "access.md"


def test_every_reason_says_what_it_means_and_what_would_change_it() -> None:
    assert set(WORDS) == set(Reason)
    assert all(words.meaning and words.change for words in WORDS.values())


def test_the_handbook_is_what_the_table_says() -> None:
    assert HANDBOOK.read_text(encoding="utf-8") == handbook(), "write edge.core.reasons.handbook() to docs/access.md"
