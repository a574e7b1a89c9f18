"""Time-limited credentials of a TURN server, made from the secret that we share with it (coturn's use-auth-secret)."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TurnSettings:
    url: str
    secret: str = field(repr=False)
    hours: float


def servers(settings: TurnSettings | None, session: str, now_ms: int) -> list[dict[str, object]]:
    """What goes into the browser's `RTCPeerConnection`. *now_ms*: Unix milliseconds."""
    if settings is None:
        return []
    user = f"{now_ms // 1000 + round(settings.hours * 3600)}:{session}"
    mac = hmac.new(settings.secret.encode(), user.encode(), hashlib.sha1).digest()
    return [{"urls": [settings.url], "username": user, "credential": base64.b64encode(mac).decode()}]
