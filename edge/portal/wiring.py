"""The portal, made of the site's settings and secrets."""

from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge.admin.edit import Admin
from edge.cameras import stored as cameras
from edge.config import Config
from edge.core.ports import Clock, World
from edge.portal import push
from edge.portal.asking import Asking
from edge.portal.face import make_face
from edge.portal.portal import Portal
from edge.portal.ports import PortalPorts, PortalSettings
from edge.portal.presses import OpenDoor
from edge.portal.turn import TurnSettings
from edge.store.engine import Store
from edge.store.secrets import SiteSecrets
from models.ids import Mac
from sip.media.webrtc import host_addresses

ACTOR: Final = "app"
VAPID_KEY: Final = "vapid_key"


def make_portal(
    site: Path,
    config: Config,
    world: World,
    clock: Clock,
    store: Store,
    secrets: SiteSecrets,
    online: Callable[[Mac], bool],
    open_door: OpenDoor,
) -> Portal | None:
    """None where the app is off. Raises ValueError for a TURN server without a secret or an unfit logo, OSError."""
    app = config.app
    if not app.public_url:
        return None
    origin = _origin(app.public_url)
    asking = Asking(Admin(store, secrets, ACTOR, clock.now_ms), origin)
    pusher = push.Pusher(_vapid_key(secrets), app.push_contact or _contact(origin), lambda gone: portal.push_gone(gone))
    load_cameras = partial(cameras.load, store, secrets.vault)
    ports = PortalPorts(world, clock, asking, online, open_door, pusher, load_cameras)
    face = make_face(site, app.phones, app.logo, app.colour)
    settings = PortalSettings(origin, _addresses(config), app.push_services, _turn(config, secrets), face)
    portal = Portal(ports, settings)
    return portal


def _origin(url: str) -> str:
    """As a browser writes it: small letters, no default port, no path."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{shown}" + ("" if parts.port in (None, usual) else f":{parts.port}")


def _contact(origin: str) -> str:
    """RFC 8292 wants mailto: or https:; a site under http: is a test on loopback."""
    return origin if origin.startswith("https://") else "mailto:app@invalid.invalid"


def _addresses(config: Config) -> tuple[str, ...]:
    given = config.app.ice_addresses or config.sip.listen
    if any(ip_address(one).is_unspecified for one in given):
        return tuple(host_addresses())
    return given


def _vapid_key(secrets: SiteSecrets) -> str:
    known = secrets.text(VAPID_KEY)
    if known is None:
        known = push.make_key()
        secrets.write_text(VAPID_KEY, known)
    return known


def _turn(config: Config, secrets: SiteSecrets) -> TurnSettings | None:
    if not config.app.turn_url:
        return None
    secret = secrets.text("turn_secret")
    if not secret:
        raise ValueError("app.turn_url is set, but there is no secrets/turn_secret")
    return TurnSettings(config.app.turn_url, secret, config.app.turn_hours)
