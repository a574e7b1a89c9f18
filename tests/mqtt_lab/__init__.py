"""What the tests of the device plane share: fakes, a broker of their own, and a client that may misbehave."""

import pytest

pytest.register_assert_rewrite("tests.mqtt_lab.security", "tests.mqtt_lab.household", "tests.mqtt_lab.lifecycle")
