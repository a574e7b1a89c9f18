"""Which recordings callers hear: the community's own, else those that come with the edge, in its language."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge.config import Config
from edge.core.call_verdicts import Announcement
from sip.media.recordings import Recordings, load

DEFAULT_LANGUAGE: Final = "en"
LANGUAGE_OF_COUNTRY: Final[Mapping[str, str]] = {"RU": "ru", "BY": "ru", "KZ": "ru", "KG": "ru"}


def load_recordings(config: Config, country: str, site: Path) -> Recordings:
    """What `[calls] announcements` and `[community] announcements` ask for; empty where they are off."""
    if not config.calls.announcements:
        return {}
    language = config.calls.announcement_language or LANGUAGE_OF_COUNTRY.get(country.upper(), DEFAULT_LANGUAGE)
    folder = config.community.announcements
    return load(language, [one.value for one in Announcement], site / folder if folder else None)
