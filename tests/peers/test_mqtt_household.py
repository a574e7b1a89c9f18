"""The device plane at mosquitto."""

import pytest

from tests.mqtt_lab.household import Household


@pytest.mark.peer("mosquitto")
class TestMosquitto(Household):
    kind = "mosquitto"
