"""mosquitto with the configuration we generate, against what nobody may do."""

import pytest

from tests.mqtt_lab.security import BrokerSecurity


@pytest.mark.peer("mosquitto")
class TestMosquitto(BrokerSecurity):
    kind = "mosquitto"
