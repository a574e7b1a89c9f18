"""Where runs begin: inputs kept in the repository, by target."""

from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent / "corpus"
_DATA: Final = Path(__file__).parents[1] / "data"
_TORTURE: Final = (_DATA / "rfc4475", _DATA / "rfc5118")


def folders(target: str) -> list[Path]:
    """The folders with inputs of *target*, its own corpus first."""
    return [CORPUS / target, *(_TORTURE if target in ("message", "server") else ())]


def kept(target: str) -> list[Path]:
    """All inputs of *target*."""
    return sorted(path for folder in folders(target) for path in folder.iterdir())
