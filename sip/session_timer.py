"""Session timers (RFC 4028): what was agreed, and when to refresh or give up."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from sip.flow import Handle, Timers
from sip.message import Message, Request, Response

MIN_SE_S: Final = 90  # RFC 4028 §4: the smallest interval there is
_HEADER: Final = re.compile(r"\s*([0-9]{1,9})\s*(?:;.*)?")
_REFRESHER: Final = re.compile(r";\s*refresher\s*=\s*(ua[cs])\s*(?:;|$)", re.IGNORECASE)
Side = Literal["uac", "uas"]


@dataclass(frozen=True, slots=True)
class Terms:
    """An agreed session interval. *we_refresh*: we send the refreshes; otherwise we wait for them."""

    interval_s: int
    we_refresh: bool

    @property
    def due_s(self) -> float:
        """Seconds after the last refresh: to refresh, or to give the session up."""
        return self.refresh_s if self.we_refresh else self.lasts_s

    @property
    def refresh_s(self) -> float:
        """Seconds after the last refresh to the next (RFC 4028 §7.2)."""
        return self.interval_s / 2

    @property
    def lasts_s(self) -> float:
        """Seconds after the last refresh that the session is kept (RFC 4028 §10)."""
        return self.interval_s - min(32, self.interval_s / 3)


def asked_interval_s(message: Message) -> int | None:
    """The Session-Expires of *message*; None where absent or unreadable."""
    match = _HEADER.fullmatch(message.headers.get("Session-Expires") or "")
    return int(match[1]) if match else None


def too_small(request: Request) -> bool:
    """Whether *request* asks for less than the minimum: 422 with Min-SE (RFC 4028 §6, §9)."""
    interval = asked_interval_s(request)
    return interval is not None and interval < MIN_SE_S


def terms_of_request(request: Request) -> Terms | None:
    """What our 2xx to *request* agrees to (RFC 4028 §9 table 2); None: no session timer.

    Whoever does not support timers cannot refresh, so we do then.
    """
    interval = asked_interval_s(request)
    if interval is None:
        return None
    supports = "timer" in request.options("Supported") | request.options("Require")
    return Terms(interval, we_refresh=not supports or _refresher(request) == "uas")


def terms_of_answer(response: Response) -> Terms | None:
    """What the 2xx to a request of ours says; None: no session timer."""
    interval = asked_interval_s(response)
    if interval is None:
        return None
    return Terms(max(interval, MIN_SE_S), we_refresh=_refresher(response) != "uas")


def put_into_answer(response: Response, request: Request, terms: Terms) -> None:
    """Session-Expires, and Require where the other side supports timers (RFC 4028 §9)."""
    refresher = "uas" if terms.we_refresh else "uac"
    response.headers.set("Session-Expires", f"{terms.interval_s};refresher={refresher}")
    if "timer" in request.options("Supported") | request.options("Require"):
        response.headers.set("Require", "timer")


def put_into_refresh(request: Request, terms: Terms) -> None:
    """Our own refresh: we are the UAC of this request, and refresh if we did before."""
    refresher = "uac" if terms.we_refresh else "uas"
    request.headers.set("Session-Expires", f"{terms.interval_s};refresher={refresher}")


def _refresher(message: Message) -> Side | None:
    match = _REFRESHER.search(message.headers.get("Session-Expires") or "")
    if match is None:
        return None
    return "uas" if match[1].lower() == "uas" else "uac"


class SessionKeeper:
    """Runs the timer of one leg. *refresh* is called when we are to refresh, *expired* when nobody did."""

    RETRY_S: Final = 10.0  # after a refresh that met a collision; RFC 4028 §7.4 leaves it open

    def __init__(self, timers: Timers, refresh: Callable[[], None], expired: Callable[[], None]) -> None:
        self._timers, self._refresh, self._expired = timers, refresh, expired
        self._terms: Terms | None = None
        self._least_s = MIN_SE_S  # the largest Min-SE that the peer named
        self._expires_at = 0.0
        self._handle: Handle | None = None

    def agreed(self, terms: Terms | None) -> None:
        """A 2xx to an INVITE or UPDATE, either way, sets the terms anew; None: no timer from here."""
        self.stop()
        self._terms = terms
        if terms is not None:
            now = self._timers.time()
            self._expires_at = now + terms.lasts_s
            self._handle = self._timers.call_at(now + terms.due_s, self._due)

    def mark(self, request: Request) -> None:
        """Ask for the same terms again in a re-INVITE or UPDATE of ours."""
        if self._terms is not None:
            put_into_refresh(request, self._terms)
            if self._least_s > MIN_SE_S:
                request.headers.set("Min-SE", str(self._least_s))

    def refresh_failed(self, again_after_s: float = RETRY_S) -> None:
        """A refresh met a collision or an error that does not end the dialog: try again while there is time."""
        if self._terms is None:
            return
        self.stop()
        self._handle = self._timers.call_at(min(self._timers.time() + again_after_s, self._expires_at), self._due)

    def lengthened(self, response: Response) -> bool:
        """422: ask for what it says is the least from now on (RFC 4028 §7.3). False: it says no more than we asked."""
        wanted = response.headers.get("Min-SE") or ""
        least_s = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else 0
        if self._terms is None or least_s <= self._terms.interval_s:
            return False
        self._terms, self._least_s = replace(self._terms, interval_s=least_s), least_s
        return True

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _due(self) -> None:
        self._handle = None
        if self._timers.time() >= self._expires_at or self._terms is None or not self._terms.we_refresh:
            self._expired()
        else:
            self._refresh()
