"""What DHCP servers are told."""

import pytest

from edge.fleet.dhcp import FORMATS, options

URL = "http://192.0.2.1:8080/provision/"


@pytest.mark.parametrize("form", FORMATS)
def test_each_form_has_the_url_as_text_and_as_bytes(form: str) -> None:
    text = options(URL, form)
    assert URL in text
    assert URL.encode().hex() in text.replace(":", "")


@pytest.mark.parametrize("url", ['http://a/"', "http://a/\n", "http://a b/", "http://" + "a" * 260, "http://ä/"])
def test_what_would_break_out_of_its_line_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DHCP option"):
        options(url, "dnsmasq")


def test_dnsmasq_is_told_three_options() -> None:
    assert options("http://a/", "dnsmasq").splitlines() == [
        'dhcp-option-force=66,"http://a/"',
        'dhcp-option-force=160,"http://a/"',
        "dhcp-option-force=43,68:74:74:70:3a:2f:2f:61:2f",
    ]
