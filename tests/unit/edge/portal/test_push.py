"""Which endpoints an app may name: whoever chooses one makes us send there."""

import pytest

from edge.portal.push import ENDPOINT_CHARS_MAX, allowed

SERVICES = ("fcm.googleapis.com", "*.push.apple.com", "127.0.0.1")


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/x",
        "https://web.push.apple.com/x",
        "http://127.0.0.1:8000/x",
        "https://FCM.googleapis.com:443/x",
    ],
)
def test_a_service_of_this_site(endpoint: str) -> None:
    assert allowed(endpoint, SERVICES)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://elsewhere.example/x",
        "https://push.apple.com.example/x",
        "https://push.apple.com/x",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@elsewhere.example/x",
        "ftp://127.0.0.1/x",
        "https://[fcm.googleapis.com/x",
        "https://fcm.googleapis.com/" + "x" * ENDPOINT_CHARS_MAX,
        "https://fcm.googleapis.com/\u00e9",
        "",
    ],
)
def test_everybody_else(endpoint: str) -> None:
    assert not allowed(endpoint, SERVICES)
