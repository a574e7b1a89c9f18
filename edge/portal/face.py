"""What the app shows of its community to everybody in it: telephone numbers, a sign, a colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOGO_BYTES_MAX: Final = 65_536
LOGO_PATH: Final = "/app/api/logo"
_TYPES: Final = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture and its media type."""

    type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Face:
    """*phones*: name and number."""

    phones: Sequence[tuple[str, str]] = ()
    logo: Logo | None = None
    colour: str = ""

    @property
    def shown(self) -> Mapping[str, object]:
        """The keys of `community` in the state."""
        return {
            "phones": [{"name": name, "number": number} for name, number in self.phones],
            "logo": LOGO_PATH if self.logo is not None else None,
            "colour": self.colour or None,
        }


def make_face(site: Path, phones: Sequence[str], logo: str, colour: str) -> Face:
    """*phones* as the configuration has them, checked. Raises ValueError for a logo that can't be used, OSError."""
    pairs = [(name.strip(), number.strip()) for name, _, number in (phone.partition(":") for phone in phones)]
    return Face(pairs, _read(site, logo) if logo else None, colour)


def _read(site: Path, name: str) -> Logo:
    file = (site / name).resolve()
    if not file.is_relative_to(site.resolve()):
        raise ValueError(f"app.logo: {name} is outside the site folder")
    data = file.read_bytes()
    if len(data) > LOGO_BYTES_MAX:
        raise ValueError(f"app.logo: {name} has more than {LOGO_BYTES_MAX} bytes")
    return Logo(_TYPES[file.suffix.lower()], data)
