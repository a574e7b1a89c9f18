"""Whether, where and as whom the house appears in Home Assistant."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from edge.core.ports import Clock, World
from edge.store.secrets import SiteSecrets
from models.device_events import OpenResult
from models.ids import DeviceId, Mac
from mqtt.accounts import HOME_ASSISTANT, Account, Grant, MqttAccounts, Role
from mqtt.broker.external import ExternalBroker
from mqtt.broker.supervisor import OwnBroker
from mqtt.client import Endpoint, Login
from mqtt.home_assistant.allowed import Allowed
from mqtt.home_assistant.bridge import LINK, HomeAssistantBridge, Ports
from mqtt.home_assistant.render import Shown
from mqtt.home_assistant.settings import HomeAssistantSettings
from mqtt.home_assistant.topics import HomeTopics
from mqtt.topics import Topics

log = logging.getLogger(__name__)

SECRET: Final = "home_assistant_password"  # noqa: S105 - a file's name
ACTOR: Final = "home_assistant"
"""Who opened a door, in the audit rows."""

_OUR_LINK: Final = f"edge-{LINK}"

Dial = Callable[[], tuple[Endpoint, Login]]
OpenDoor = Callable[[DeviceId, str], Awaitable[OpenResult | None]]


class HomeAssistant:
    """Made before the broker, which needs the logins; `bridge` is made after it."""

    def __init__(self, settings: HomeAssistantSettings, topics: Topics, site: Path, site_secrets: SiteSecrets) -> None:
        """Raises ValueError where a prefix is not one that Home Assistant takes."""
        self._settings = settings
        self._site = site
        self._secrets = site_secrets
        prefix = settings.prefix if settings.url and settings.prefix else topics.prefix
        self._topics = HomeTopics(Topics(prefix, topics.community), settings.discovery_prefix)
        self._password = secrets.token_urlsafe(32)  # of our own link at our own broker: in memory only

    def logins(self, accounts: MqttAccounts) -> MqttAccounts:
        """*accounts*, with Home Assistant and our link to it where it comes to our own broker."""
        if self._settings.url:
            return accounts
        ours = Account(_OUR_LINK, self._password, Role.SERVICE, self.link_grants)
        return _WithMore(accounts, (ours, self.account()))

    @property
    def link_grants(self) -> tuple[Grant, ...]:
        """What our own link needs beside a service's rights."""
        return self._topics.bridge_grants()

    def account(self) -> Account:
        """Home Assistant itself, at the broker of the devices. Its password is made when it is first needed."""
        return Account(HOME_ASSISTANT, self._their_password(), Role.HOME_ASSISTANT, self._topics.grants())

    def bridge(
        self,
        broker: OwnBroker | ExternalBroker,
        world: World,
        clock: Clock,
        online: Callable[[Mac], bool],
        open_door: OpenDoor,
    ) -> HomeAssistantBridge:
        """Raises ValueError where Home Assistant could not talk to the broker, OSError for a file that is missing."""
        settings = self._settings
        shown = Shown(
            self._topics, Allowed(settings.locks, settings.allowed), version("intercom-edge"), bool(settings.url)
        )
        return HomeAssistantBridge(shown, Ports(world, clock, self._dial(broker), online, open_door))

    def _dial(self, broker: OwnBroker | ExternalBroker) -> Dial:
        settings = self._settings
        if settings.url:
            ca = self._site / settings.ca if settings.ca else None
            login_file = self._site / "secrets" / SECRET
            theirs = ExternalBroker(settings.url, self._topics.base, login_file, ca, setting="home_assistant.url")
            return lambda: theirs.dial(LINK)
        if isinstance(broker, ExternalBroker):
            return lambda: broker.dial(LINK)
        if broker.program != "mosquitto":
            raise ValueError(
                f"home_assistant.discovery: Home Assistant needs an MQTT 5 broker, which the {broker.program} is not: "
                "apt-get install mosquitto, or set home_assistant.url to Home Assistant's own broker"
            )
        return lambda: (broker.dial(LINK)[0], Login(_OUR_LINK, self._password, _OUR_LINK))

    def _their_password(self) -> str:
        stored = self._secrets.text(SECRET)
        if stored is None:
            stored = f"{HOME_ASSISTANT}:{secrets.token_urlsafe(24)}"
            self._secrets.write_text(SECRET, stored)
            log.info("Home Assistant's login at our broker is in secrets/%s", SECRET)
        user, _, password = stored.partition(":")
        if user != HOME_ASSISTANT or not password:
            raise ValueError(
                f"secrets/{SECRET} must hold {HOME_ASSISTANT}:PASSWORD while home_assistant.url is not set; "
                "remove the file to have a new one made"
            )
        return password


class _WithMore:
    """Implements `MqttAccounts`."""

    def __init__(self, accounts: MqttAccounts, more: tuple[Account, ...]) -> None:
        self._accounts = accounts
        self._more = more

    def mqtt_accounts(self) -> Iterable[Account]:
        return (*self._more, *self._accounts.mqtt_accounts())
