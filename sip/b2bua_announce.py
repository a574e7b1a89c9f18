"""What a caller hears before it is refused, or cut off: a recording, then the final answer or the BYE."""

from collections.abc import Callable
from typing import Final

from sip.b2bua_media import CallMedia, NotAcceptable
from sip.flow import Handle
from sip.leg_app_caller import AppCallerLeg
from sip.leg_uas import UasLeg
from sip.media.engine import MediaUnavailable
from sip.media.recordings import Recording, Recordings

LEAD_S: Final = 0.3  # what a phone takes to open its sound after the 183, and the last packet to arrive

Then = Callable[[], None]


class Announcer:
    """Plays to the caller of one call, once, and gives its media back after that.

    Where nothing can be played, what is to follow does so at once.
    """

    def __init__(self, media: CallMedia, recordings: Recordings, call_in: Callable[[float, Then], Handle]) -> None:
        self._media = media
        self._recordings = recordings
        self._call_in = call_in  # after so many seconds
        self._then: Then | None = None
        self._handle: Handle | None = None

    @property
    def playing(self) -> bool:
        return self._then is not None

    def before_refusal(self, name: str, caller: UasLeg | AppCallerLeg, then: Then) -> None:
        """Play *name* as early media (RFC 3960 §3.2) and call *then* when it is over."""
        recording = self._recordings.get(name)
        if recording is None or caller.over:
            then()
            return
        try:
            answer = self._media.early_answer(caller.request.body)
        except (MediaUnavailable, NotAcceptable):
            then()
            return
        if answer:
            caller.progress(183, answer)
        self._play(recording, then)

    def before_hang_up(self, name: str, caller: UasLeg | AppCallerLeg, then: Then) -> None:
        """Play *name* to a caller who talks and call *then* when it is over."""
        recording = self._recordings.get(name)
        if recording is None or not caller.talks:
            then()
        else:
            self._play(recording, then)

    def finish(self) -> None:
        """It is over, or is cut short: what follows does so now. Nothing if none plays."""
        then = self._stopped()
        if then is not None:
            then()

    def stop(self) -> None:
        """The caller is gone: what was to follow does not."""
        self._stopped()

    def _play(self, recording: Recording, then: Then) -> None:
        if not self._media.play(recording):
            then()
            return
        self._then = then
        self._handle = self._call_in(recording.duration_s + LEAD_S, self.finish)

    def _stopped(self) -> Then | None:
        if self._handle is not None:
            self._handle.cancel()
            self._media.close()
        then, self._then, self._handle = self._then, None, None
        return then
