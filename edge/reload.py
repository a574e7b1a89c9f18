"""`edge.toml` read anew while the daemon runs (SIGHUP): what can change, changes; what cannot is named in the log."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

from edge.config import Config, ConfigError, load

# A whole section, or one setting. What is here, `Reload` has somebody for; calls that are on go on as they began.
LIVE: Final = (
    "calls.ring_time_s", "calls.ring_time_by_stage_s", "calls.landline_order", "calls.max_talk_s",
    "calls.decline_ends_call", "calls.landline_confirm", "log", "retention", "sip.source_rate_per_s",
    "sip.source_burst", "sip.trusted_sources",
)  # fmt: skip

log: Final = logging.getLogger(__name__)


class Reload:
    """Knows the configuration in force."""

    def __init__(self, file: Path, running: Config, take: Callable[[Config], None]) -> None:
        """*take* gives the new configuration to those who live by it; called when something of `LIVE` changed."""
        self._file = file
        self._take = take
        self.running = running

    def reload(self) -> None:
        """Read the file again. Never raises for what stands there: what was in force stays then."""
        try:
            wanted = load(self._file)
        except ConfigError as error:
            for problem in error.problems:
                log.error("edge.toml is not taken, what was in force stays: %s", problem)
            return
        except OSError as error:
            log.error("edge.toml cannot be read, what was in force stays: %s", error)
            return
        changed = differences(self.running, wanted)
        live = [setting for setting in changed if _is_live(setting)]
        if live:
            self.running = _with(self.running, wanted, live)
            self._take(self.running)
        later = [setting for setting in changed if setting not in live]
        log.info("edge.toml: in force now: %s", ", ".join(live) or "nothing new")
        if later:
            log.warning("edge.toml: only after a restart: %s", ", ".join(later))


def differences(before: Config, after: Config) -> tuple[str, ...]:
    """The settings that differ, as `section.key`; trunks beyond the first as `trunk.NAME`."""
    found: list[str] = []
    for section in fields(Config):
        old, new = getattr(before, section.name), getattr(after, section.name)
        if is_dataclass(old):
            keys = (key.name for key in fields(old))
            found += [f"{section.name}.{key}" for key in keys if getattr(old, key) != getattr(new, key)]
        else:
            found += [f"trunk.{name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return tuple(found)


def _is_live(setting: str) -> bool:
    return setting in LIVE or setting.partition(".")[0] in LIVE


def _with(running: Config, wanted: Config, settings: Sequence[str]) -> Config:
    """*running* with the *settings* of *wanted*: what waits for a restart is named again next time."""
    sections: dict[str, dict[str, Any]] = {}
    for setting in settings:
        section, _, key = setting.partition(".")
        sections.setdefault(section, {})[key] = getattr(getattr(wanted, section), key)
    changed: Mapping[str, Any] = {name: replace(getattr(running, name), **new) for name, new in sections.items()}
    return replace(running, **changed)
