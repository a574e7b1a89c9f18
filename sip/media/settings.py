"""What the RTP relay can be told in `edge.toml`, section `[media]`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MediaSettings:
    port_min: int = 30000  # first UDP port of the RTP relay, even
    port_max: int = 30999  # last one; a call needs 4 a leg
    engine: Literal["auto", "python"] = "auto"  # who forwards packets; auto takes the fastest that this machine has
    silence_s: float = 30.0  # an end without media for so long is lost; 0 = it is not watched
    on_silence: Literal["end", "flag"] = (
        "end"  # what becomes of the call then; flag: its row tells it, the call goes on
    )
