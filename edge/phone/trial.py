"""A real call placed to see whether one gets through: what `edge call test` does."""

import socket
import time
from dataclasses import dataclass
from typing import Final

from edge.phone.events import NotSeen
from edge.phone.handle import Phone, PhoneSettings

_TONE_HZ: Final = 440
_SETUP_WITHIN_S: Final = 5.0
_END_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class TrialCall:
    """How the call went, as the caller's telephone saw it. Times are seconds from the INVITE."""

    status: int  # the final SIP status; 200 if somebody answered, 487 if nobody did and we gave up
    rang_after_s: float | None  # None: nothing rang
    answered_after_s: float | None
    heard_packets: int  # RTP received while it was up
    sent_packets: int


def source_address(server: str) -> str:
    """Our address on the way to *server* (``host:port``). Raises OSError if there is no way."""
    host, _, port = server.rpartition(":")
    family = socket.AF_INET6 if ":" in host.strip("[]") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host.strip("[]"), int(port)))  # sends nothing
        return str(probe.getsockname()[0])


async def place_call(
    server: str, user: str, password: str, dialled: str, *, ring_s: float = 60.0, talk_s: float = 3.0
) -> TrialCall:
    """Call *dialled* at *server* as *user*, let it ring for at most *ring_s*, talk for *talk_s* with a tone, hang up.

    The phone does not register, so nobody's calls go astray meanwhile. Raises NotSeen if the phone or the server does
    not answer at all, OSError if there is no way to *server*.
    """
    host = server.rpartition(":")[0]
    settings = PhoneSettings(
        ip=source_address(server), user=user, password=password, domain=host, tone_hz=_TONE_HZ,
        user_agent="edge call test",
    )  # fmt: skip
    async with Phone(settings) as phone:
        began = time.monotonic()
        mark = phone.call(f"sip:{dialled}@{server}")
        rang_s = await _rings(phone, mark, began, ring_s)
        answered_s, status = await _answered(phone, mark, began, ring_s)
        if answered_s is None:
            return TrialCall(status, rang_s, None, 0, 0)
        ended = await _ends_within(phone, mark, talk_s)
        stats = {} if ended else await phone.stats()
        if not ended:
            phone.hang_up()
            await phone.state("disconnected", _END_WITHIN_S, mark)
        return TrialCall(200, rang_s, answered_s, int(stats.get("received", 0)), int(stats.get("sent", 0)))


async def _rings(phone: Phone, mark: int, began: float, ring_s: float) -> float | None:
    """Seconds until it rang, None if the call ended before."""
    event = await phone.events.wait(
        "ringing, an answer or a refusal",
        lambda e: e["event"] == "state" and e["state"] in ("early", "confirmed", "disconnected"),
        max(ring_s, _SETUP_WITHIN_S),
        mark,
    )
    return time.monotonic() - began if event["state"] == "early" else None


async def _answered(phone: Phone, mark: int, began: float, ring_s: float) -> tuple[float | None, int]:
    """Seconds until somebody answered and 200, or None and the final status; gives up after *ring_s*."""
    for within_s, give_up in ((ring_s, True), (_END_WITHIN_S, False)):
        try:
            event = await phone.events.wait(
                "an answer or the end",
                lambda e: e["event"] == "state" and e["state"] in ("confirmed", "disconnected"),
                within_s,
                mark,
            )
        except NotSeen:
            if not give_up:
                raise
            phone.hang_up()
            continue
        if event["state"] == "confirmed":
            return time.monotonic() - began, 200
        return None, int(event["status"])
    raise NotSeen("the call did not end")


async def _ends_within(phone: Phone, mark: int, talk_s: float) -> bool:
    """Whether the other side hung up within *talk_s*."""
    try:
        await phone.state("disconnected", talk_s, mark)
    except NotSeen:
        return False
    return True
