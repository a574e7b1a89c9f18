"""What an examination of `edge doctor` tells."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_MAX_NAMED: Final = 10


class Level(enum.Enum):
    WELL = "well"
    NOTE = "note"  # worth knowing
    WRONG = "wrong"  # must be done something about


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    level: Level
    message: str
    do: str = ""


def named(names: Sequence[Any]) -> str:
    """The first few of *names*, and how many more there are."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(map(str, names[:_MAX_NAMED])) + more
