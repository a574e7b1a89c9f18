"""What media can be told in `edge.toml`, section `[media]`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MediaSettings:
    port_min: int = 30000  # first UDP port of the RTP relay, even
    port_max: int = 30999  # last one; a call needs 4 a leg
    # Who forwards packets: our relay, or rtpengine; auto: rtpengine where its address is set
    engine: Literal["auto", "python", "rtpengine"] = "auto"
    rtpengine_url: str = ""  # where rtpengine listens for commands, udp://127.0.0.1:2223; it must run on this machine
    # Our address for the digits that it sees, as in its option --dtmf-log-dest, 127.0.0.1:2224; "" = it tells none, and
    # calls in which digits open a door go through our relay
    rtpengine_digits: str = ""
    # What telephones registered over TLS are offered; whoever offers SRTP (SDES) gets it in any case. optional: RTP/AVP
    # with a key; required: RTP/SAVP, and a telephone that has no SRTP is not rung
    srtp: Literal["plain", "optional", "required"] = "plain"
    silence_s: float = 30.0  # an end without media for so long is lost; 0 = it is not watched
    on_silence: Literal["end", "flag"] = (
        "end"  # what becomes of the call then; flag: its row tells it, the call goes on
    )
