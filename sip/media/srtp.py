"""SRTP of one media line (RFC 3711), by libsrtp. Used by the relay's thread only."""

import importlib
import importlib.util
from typing import Any, Final

from sip.media.engine import SrtpKeys

_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": "SRTP_PROFILE_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "SRTP_PROFILE_AES128_CM_SHA1_32",
}


def available() -> bool:
    """Whether pylibsrtp is installed; without it a line that insists on SRTP is refused."""
    return importlib.util.find_spec("pylibsrtp") is not None


class Srtp:
    """Both directions. Raises ValueError where a packet does not belong: forged, repeated, malformed, too long."""

    def __init__(self, keys: SrtpKeys) -> None:
        self._library: Any = importlib.import_module("pylibsrtp")
        self.keys = keys
        self._in = self._session(keys.theirs, "SSRC_ANY_INBOUND")
        self._out = self._session(keys.ours, "SSRC_ANY_OUTBOUND")

    def rekey(self, keys: SrtpKeys) -> None:
        """Other keys; a direction whose key stays goes on counting (RFC 3711 §3.3.1)."""
        before, self.keys = self.keys, keys
        if (keys.theirs, keys.suite) != (before.theirs, before.suite):
            self._in = self._session(keys.theirs, "SSRC_ANY_INBOUND")
        if (keys.ours, keys.suite) != (before.ours, before.suite):
            self._out = self._session(keys.ours, "SSRC_ANY_OUTBOUND")

    def open(self, packet: memoryview, *, rtcp: bool = False) -> memoryview:
        """What the peer sent, in the clear."""
        return self._do(self._in.unprotect_rtcp if rtcp else self._in.unprotect, packet)

    def seal(self, packet: memoryview, *, rtcp: bool = False) -> memoryview:
        """What the peer is to get."""
        return self._do(self._out.protect_rtcp if rtcp else self._out.protect, packet)

    def _session(self, key: bytes, kind: str) -> Any:
        policy = self._library.Policy
        profile = getattr(policy, _PROFILES[self.keys.suite])
        return self._library.Session(policy(key=key, ssrc_type=getattr(policy, kind), srtp_profile=profile))

    def _do(self, work: Any, packet: memoryview) -> memoryview:
        try:
            return memoryview(work(bytes(packet)))
        except self._library.Error as error:
            raise ValueError(str(error)) from error
