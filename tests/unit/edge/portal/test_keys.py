import pytest

from edge.portal.keys import decode, encode, proves, public_point
from tests.unit.edge.portal.browser import BrowserKey


def test_a_signature_proves_the_key_and_nothing_else() -> None:
    key, other = BrowserKey(), BrowserKey()
    signature = key.sign("intercom-edge/1/ws", "https://edge", "nonce")
    assert proves(key.point, signature, "intercom-edge/1/ws", "https://edge", "nonce")
    assert not proves(key.point, signature, "intercom-edge/1/ws", "https://edge", "another")
    assert not proves(other.point, signature, "intercom-edge/1/ws", "https://edge", "nonce")


@pytest.mark.parametrize("signature", ["", "=", "AAAA", "ß", "A" * 86, "A" * 5000, encode(bytes(64))])
def test_rubbish_is_no_signature(signature: str) -> None:
    key = BrowserKey()
    assert not proves(key.point, signature, "x")
    assert not proves(b"\x04" + bytes(64), key.sign("x"), "x")


def test_only_points_of_the_curve_are_keys() -> None:
    key = BrowserKey()
    assert public_point(key.public) == key.point
    for text in (encode(b"\x04" + bytes(64)), encode(key.point[:-1]), "not base64 *", ""):
        with pytest.raises(ValueError):  # noqa: PT011 - each of the reasons will do
            public_point(text)
    assert decode(encode(b"\xff\xfe\xfd")) == b"\xff\xfe\xfd"
