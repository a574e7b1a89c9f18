"""The device plane at the embedded broker."""

from tests.mqtt_lab.household import Household


class TestEmbedded(Household):
    kind = "embedded"
