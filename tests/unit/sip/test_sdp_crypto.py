import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.sdp import Attribute, Media
from sip.sdp_crypto import KEY_BYTES, STRONG, Crypto, cryptos

KEY = bytes(range(KEY_BYTES))
INLINE = base64.b64encode(KEY).decode()


def media(*values: str) -> Media:
    attributes = tuple(Attribute("crypto", value) for value in values)
    return Media("audio", 4000, "RTP/SAVP", ("8",), "192.0.2.1", attributes=attributes)


def test_the_lines_of_rfc_4568() -> None:
    found = cryptos(media(f"1 {STRONG} inline:{INLINE}|2^20", f"2 AES_CM_128_HMAC_SHA1_32 inline:{INLINE}"))
    assert [(crypto.tag, crypto.suite, crypto.key) for crypto in found] == [
        (1, STRONG, KEY),
        (2, "AES_CM_128_HMAC_SHA1_32", KEY),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"1 {STRONG}",
        f"1 F8_128_HMAC_SHA1_80 inline:{INLINE}",
        f"1 {STRONG} inline:{INLINE[:-4]}",  # a short key
        f"1 {STRONG} inline:{INLINE}|2^20|1:4",  # MKI
        f"1 {STRONG} inline:{INLINE} UNENCRYPTED_SRTP",
        f"x {STRONG} inline:{INLINE}",
    ],
)
def test_what_we_cannot_do_is_passed_over(value: str) -> None:
    assert cryptos(media(value)) == ()


def test_a_new_key_is_random_and_survives_its_line() -> None:
    one, other = Crypto.new(3), Crypto.new(3)
    assert one.key != other.key
    assert cryptos(media(str(one.attribute.value))) == (one,)
    assert base64.b64encode(one.key).decode() not in repr(one)


@given(st.text(max_size=120))
def test_any_text_is_a_key_or_none(value: str) -> None:
    assert all(len(crypto.key) == KEY_BYTES for crypto in cryptos(media(value)))
