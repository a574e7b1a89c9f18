"""Where Home Assistant is told of the house, and as whom each comes there."""

from pathlib import Path

import pytest

from edge.home_assistant import SECRET, HomeAssistant
from edge.store.secrets import SiteSecrets
from models.device_events import OpenResult
from models.ids import CommunityId, DeviceId, Mac
from mqtt.accounts import Account, Role
from mqtt.broker.embedded import Embedded
from mqtt.broker.external import ExternalBroker
from mqtt.broker.listeners import Listener, Listeners
from mqtt.broker.mosquitto import Mosquitto
from mqtt.broker.supervisor import OwnBroker
from mqtt.home_assistant.bridge import HomeAssistantBridge
from mqtt.home_assistant.settings import HomeAssistantSettings
from mqtt.topics import Topics
from tests.mqtt_lab.fakes import Accounts, SystemClock

TOPICS = Topics("intercom", CommunityId("c-1"))
ACCOUNTS = Accounts("0c1105000001")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    SiteSecrets.create(tmp_path)
    return tmp_path


def home(site: Path, **settings: object) -> HomeAssistant:
    return HomeAssistant(
        HomeAssistantSettings(discovery=True, **settings),  # type: ignore[arg-type]  # passed through
        TOPICS,
        site,
        SiteSecrets.load(site),
    )


def own_broker(site: Path, program: Mosquitto | Embedded) -> OwnBroker:
    return OwnBroker(program, Listeners((Listener("127.0.0.1", 1883),)), TOPICS, ACCOUNTS, site)


def bridge(made: HomeAssistant, broker: OwnBroker | ExternalBroker) -> HomeAssistantBridge:
    async def never(door: DeviceId, relay: str) -> OpenResult | None:
        raise AssertionError(f"{door} {relay} was opened")

    def offline(device: Mac) -> bool:
        return False

    return made.bridge(broker, World(), SystemClock(), offline, never)


class World:
    @property
    def snapshot(self):  # type: ignore[no-untyped-def]  # not read before it starts
        raise AssertionError("nobody asks yet")


def extra(made: HomeAssistant) -> list[Account]:
    return [a for a in made.logins(ACCOUNTS).mqtt_accounts() if a.role is not Role.DEVICE]


def test_at_our_own_broker_each_side_has_a_login_with_few_rights(site: Path) -> None:
    ours, theirs = extra(home(site))
    assert (ours.user, ours.role) == ("edge-ha", Role.SERVICE)
    assert [grant.topics for grant in ours.grants] == ["homeassistant/#"]
    assert (theirs.user, theirs.role) == ("edge-homeassistant", Role.HOME_ASSISTANT)
    assert "intercom/c-1/+/down/door/+/set" in {grant.topics for grant in theirs.grants}


def test_home_assistants_password_is_made_once_and_kept(site: Path) -> None:
    _, first = extra(home(site))
    _, second = extra(home(site))
    assert first.password == second.password
    file = site / "secrets" / SECRET
    assert file.read_text().strip() == f"edge-homeassistant:{first.password}"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_secret_for_another_broker_is_not_taken_for_ours(site: Path) -> None:
    SiteSecrets.load(site).write_text(SECRET, "somebody:else")
    with pytest.raises(ValueError, match="remove the file"):
        home(site).logins(ACCOUNTS)


def test_at_home_assistants_broker_ours_learns_of_nobody(site: Path) -> None:
    SiteSecrets.load(site).write_text(SECRET, "house:secret")
    made = home(site, url="mqtt://ha.example", prefix="doors")
    assert extra(made) == []
    assert bridge(made, own_broker(site, Embedded(TOPICS))).name == "home assistant"


def test_home_assistants_broker_needs_a_login(site: Path) -> None:
    made = home(site, url="mqtt://ha.example")
    with pytest.raises(OSError, match=SECRET):
        bridge(made, own_broker(site, Embedded(TOPICS)))


def test_the_embedded_broker_is_refused_and_what_to_do_is_said(site: Path) -> None:
    made = home(site)
    with pytest.raises(ValueError, match=r"MQTT 5.*home_assistant\.url"):
        bridge(made, own_broker(site, Embedded(TOPICS)))
    assert not bridge(made, own_broker(site, Mosquitto("mosquitto", TOPICS))).connected


def test_an_external_broker_is_believed_to_be_one_that_home_assistant_takes(site: Path) -> None:
    login = site / "secrets" / "mqtt_password"
    login.write_text("edge-*:secret")
    assert not bridge(home(site), ExternalBroker("mqtt://broker.example", TOPICS, login)).connected
