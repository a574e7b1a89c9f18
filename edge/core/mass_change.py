"""A slip of the hand, or of a billing system, must not lock a house out: closing many homes is confirmed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from models.ids import BuildingId

MORE_THAN: Final = 5
"""So many apartments of a building may always be closed at once."""

MORE_THAN_PER_CENT: Final = 10


@dataclass(frozen=True, slots=True)
class MassChange:
    """*closed* of the *apartments* of a building would be blocked, turned off or removed at once."""

    building: BuildingId
    closed: int
    apartments: int


def mass_changes(closed: Iterable[BuildingId], apartments: Mapping[BuildingId, int]) -> tuple[MassChange, ...]:
    """The buildings where one change would close more than 10 % of the apartments, and more than 5.

    *closed*: the building of each apartment that would be; *apartments*: how many each building has now.
    """
    counted = Counter(closed)
    found = (MassChange(building, count, apartments[building]) for building, count in counted.items())
    return tuple(
        change
        for change in found
        if change.closed > MORE_THAN and change.closed * 100 > change.apartments * MORE_THAN_PER_CENT
    )
