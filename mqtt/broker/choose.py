"""Which broker: an external one by URL, else mosquitto where it is installed, else the embedded one (ADR 5)."""

from pathlib import Path

from mqtt.accounts import MqttAccounts
from mqtt.broker import mosquitto
from mqtt.broker.embedded import Embedded
from mqtt.broker.external import ExternalBroker
from mqtt.broker.listeners import TlsFiles, plan
from mqtt.broker.program import Program
from mqtt.broker.supervisor import OwnBroker
from mqtt.settings import MqttSettings
from mqtt.topics import Topics


def make_broker(
    settings: MqttSettings,
    topics: Topics,
    accounts: MqttAccounts,
    *,
    folder: Path,
    login_file: Path,
    tls: TlsFiles | None = None,
    ca_file: Path | None = None,
) -> OwnBroker | ExternalBroker:
    """The broker of *settings*. *folder*: for our own broker's files, kept over restarts.

    *login_file*, *ca_file*: of an external broker. Raises ValueError for settings that cannot be followed (mosquitto
    wanted but not installed, …), OSError for an address that is not ours or a file that is not there.
    """
    if settings.broker == "external" or (settings.broker == "auto" and settings.url):
        return ExternalBroker(settings.url, topics, login_file, ca_file)
    return OwnBroker(make_program(settings, topics), plan(settings, tls), topics, accounts, folder)


def make_program(settings: MqttSettings, topics: Topics) -> Program:
    """mosquitto or the embedded broker. Raises ValueError if mosquitto is wanted and not installed."""
    path = None if settings.broker == "embedded" else mosquitto.find()
    if path is not None:
        return mosquitto.Mosquitto(path, topics)
    if settings.broker == "mosquitto":
        raise ValueError("mqtt.broker is mosquitto, which is not installed: apt-get install mosquitto")
    return Embedded(topics)
