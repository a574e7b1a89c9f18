"""The embedded broker as a child process."""

from tests.mqtt_lab.lifecycle import BrokerLife


class TestEmbedded(BrokerLife):
    kind = "embedded"
