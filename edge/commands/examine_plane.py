"""Examinations of the device plane and of the bridge to Home Assistant, by what the running daemon counted."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from edge.commands.daemon import ask_if_running
from edge.commands.finding import Finding, Level

WORTH_A_LINE: Final = 20
"""Bad messages of one device; a few come from any firmware."""

_LOOK: Final = "the daemon's log says what is wrong with them; to shut it out: edge device set MAC --enabled no"

_SHARED: Final = (
    "two devices with its login throw each other off: give it a new one (edge device secret MAC --renew); else look"
    " at its network"
)


def examine_plane(folder: Path) -> Iterator[Finding]:
    """Nothing where no daemon runs."""
    status = ask_if_running(folder, "/status") or {}
    yield from _devices(status.get("device_plane") or {})
    yield from _home_assistant(status.get("home_assistant") or {})


def _devices(plane: Mapping[str, Any]) -> Iterator[Finding]:
    for device in plane.get("troublesome", ()):
        if device["messages"] >= WORTH_A_LINE:
            message = (
                f"{device['name']} ({device['mac']}) sent {device['messages']} messages that were bad, or more than can"
                " be dealt with"
            )
            yield Finding("devices", Level.NOTE, message, _LOOK.replace("MAC", device["mac"]))
    for device in plane.get("restless", ()):
        message = f"{device['name']} ({device['mac']}) logged in {device['hellos']} times within {device['within_s']} s"
        yield Finding("devices", Level.NOTE, message, _SHARED.replace("MAC", device["mac"]))
    for line in plane.get("broker_said", ()):
        yield Finding("broker", Level.NOTE, f"the broker said: {line}", "the daemon's log says when")
    if plane.get("broker_restarts"):
        message = f"the broker had to be started again {plane['broker_restarts']} times since the daemon started"
        yield Finding("broker", Level.NOTE, message, "the daemon's log says why")


def _home_assistant(bridge: Mapping[str, Any]) -> Iterator[Finding]:
    counters = bridge.get("counters", {})
    refused = {what.removeprefix("refused_"): n for what, n in counters.items() if what.startswith("refused_")}
    if refused:
        reasons = ", ".join(f"{what} {n}" for what, n in sorted(refused.items()))
        do = "[home_assistant] allowed names what may be opened; both clocks must be right"
        yield Finding("home assistant", Level.NOTE, f"commands that did nothing: {reasons}", do)
    if counters.get("failures"):
        message = f"{counters['failures']} commands of Home Assistant failed"
        yield Finding("home assistant", Level.NOTE, message, "the daemon's log says why")
