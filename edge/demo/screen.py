"""The timeline that the demo shows: a lane for each actor, a row for each event, a table of proofs at the end."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_LANE_CELLS: Final = 19
_TIME_CELLS: Final = 8
_COLOURS: Final = ("cyan", "yellow", "green", "magenta", "blue")
_WEB_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_ENDS: Final = {200: "call over", 487: "stops ringing"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What a step left behind: at the devices, and in the edge's own records."""

    at_devices: str
    in_records: str


@dataclass(frozen=True, slots=True)
class Result:
    """One step of the play and how it went."""

    title: str
    took_s: float
    proof: Proof | None
    problem: str = ""


class Screen:
    """Prints on *console*, with a terminal or without one."""

    def __init__(self, lanes: Sequence[str], console: Console | None = None) -> None:
        self.console = console or Console(record=True, highlight=False)
        self._lanes = {name: index for index, name in enumerate(lanes)}
        self._began = time.monotonic()

    def header(self) -> None:
        """Names over the lanes."""
        line = Text(" " * _TIME_CELLS)
        for name, index in self._lanes.items():
            line.append(name.ljust(_LANE_CELLS), style=f"bold {_colour(index)}")
        self.console.print(line, no_wrap=True, crop=True)

    def title(self, text: str) -> None:
        """A step begins."""
        self.console.print()
        self.console.print(Text(text, style="bold"))

    def event(self, lane: str, text: str) -> None:
        """*text* in *lane*, now. A long text runs over the lanes to its right."""
        line = Text()
        line.append(f"{time.monotonic() - self._began:6.2f}  ", style="dim")
        actor = self._lanes[lane]
        for index in range(len(self._lanes)):
            column = _TIME_CELLS + index * _LANE_CELLS
            if line.cell_len > column:
                continue  # the actor's text lies over this lane
            line.append(" " * (column - line.cell_len))
            if index == actor:
                line.append(f"● {text} ", style=_style_of(text) or _colour(actor))
            else:
                line.append("│", style="dim")
        self.console.print(line, no_wrap=True, crop=True, overflow="ellipsis")

    def table(self, results: Sequence[Result]) -> None:
        """What was proven, step by step."""
        table = Table(title="What really happened", title_style="bold", expand=True)
        table.add_column("", width=1)
        table.add_column("step", ratio=3)
        table.add_column("at the devices", ratio=4)
        table.add_column("in the edge's records", ratio=4)
        table.add_column("s", justify="right", width=5)
        for result in results:
            mark = Text("✓", style="bold green") if result.proof else Text("✗", style="bold red")
            if result.proof:
                proof = (result.proof.at_devices, result.proof.in_records)
            else:
                proof = (Text(result.problem, style="red"), "")  # type: ignore[assignment] # a cell may be styled
            table.add_row(mark, result.title, *proof, f"{result.took_s:.1f}")
        self.console.print()
        self.console.print(table)

    def save_svg(self, path: Path) -> None:
        """Everything shown so far as a picture."""
        picture = self.console.export_svg(title="make demo", clear=False)
        path.write_text(_WEB_FONT.sub("", picture))  # a picture in a repository fetches nothing


def describe(event: Mapping[str, Any]) -> str | None:
    """What a device's event means to somebody who watches; None for what is not worth a row."""
    kind = event.get("event")
    if kind == "registration" and event["status"] == 200 and event["expires_s"]:
        return "registered"
    if kind == "link":
        return "device link up" if event["online"] else "device link down"
    if kind == "incoming":
        return "rings"
    if kind == "dtmf":
        return f"hears digit {event['digit']}"
    if kind == "state":
        return _describe_state(event)
    if kind == "down":
        return _describe_down(event)
    return None


def _describe_state(event: Mapping[str, Any]) -> str | None:
    if event["state"] == "disconnected":
        return _ENDS.get(event["status"]) or f"refused: {event['status']} {event['reason']}".strip()
    if event["state"] == "early":
        return "hears it ring" if event["placed"] else None
    return "talks" if event["state"] == "confirmed" else None


def _describe_down(event: Mapping[str, Any]) -> str | None:
    relays = ", ".join(event["relays"])
    if event["verb"] == "decision" and not event["message"].get("granted"):
        return f"stays shut: {event['message'].get('reason')}"
    if event["verb"] in ("decision", "open") and relays:
        return f"OPENS relay {relays}"
    return None


def _style_of(text: str) -> str:
    """What opens and what stays shut stands out."""
    if text.startswith("OPENS"):
        return "bold bright_green"
    return "bold red" if text.startswith(("stays shut", "refused")) else ""


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]
