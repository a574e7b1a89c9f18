"""What an earlier run of ours left announced, so that what is gone can be taken away. Pure; trusts nothing it reads.

Home Assistant keeps a component that an update merely leaves out: it goes when it is announced once with nothing but
its platform.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MAX_CONFIG_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Announced:
    """One door phone as announced: topics of its states and its components."""

    topics: frozenset[str] = frozenset()
    platforms: Mapping[str, str] = field(default_factory=dict)  # component -> platform


def read(payload: bytes, root: str) -> Announced:
    """*root*: only topics below it are ours to clear. What can't be read announces nothing."""
    if len(payload) > MAX_CONFIG_BYTES:
        return Announced()
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):
        return Announced()
    components = message.get("cmps") if isinstance(message, dict) else None
    if not isinstance(components, dict):
        return Announced()
    topics: set[str] = set()
    platforms: dict[str, str] = {}
    for name, component in components.items():
        if not isinstance(component, dict):
            continue
        platform, topic = component.get("p"), component.get("stat_t")
        if isinstance(platform, str):
            platforms[name] = platform
        if platform == "event":  # never retained
            continue
        if isinstance(topic, str) and topic.startswith(f"{root}/") and not set(topic) & set("+#\0"):
            topics.add(topic)
    return Announced(frozenset(topics), platforms)


def farewell(payload: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, Any] | None:
    """What to announce first, so that components of *before* that *payload* has not are removed; None if all stay."""
    gone = {name: {"p": platform} for name, platform in before.items() if name not in payload["cmps"]}
    return {**payload, "cmps": {**payload["cmps"], **gone}} if gone else None
