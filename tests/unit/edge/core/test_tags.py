import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.tags import KIND_OF_METHOD, Tagger, hint, normalised
from models.access import CredentialKind, UnlockMethod
from models.ids import CommunityId
from tests.unit.edge.core.door_house import SITE, TAGGER

PIN, CARD, NFC, QR = CredentialKind.PIN, CredentialKind.RF_CARD, CredentialKind.NFC, CredentialKind.QR


@pytest.mark.parametrize("value", ["1234", "000001", "1" * 128])
def test_pin_is_taken_as_it_is(value: str) -> None:
    assert normalised(PIN, value) == value


@pytest.mark.parametrize("value", ["", "12a4", " 1234", "1234 ", "12-34", "１２３４", "१२३४", "²", "1" * 129])
def test_what_is_no_pin(value: str) -> None:
    assert normalised(PIN, value) is None


@pytest.mark.parametrize("kind", [CARD, NFC])
@pytest.mark.parametrize("value", ["04A1B2C3", "04a1b2c3", "04:a1:b2:c3", "04-A1-B2-C3", " 04 a1 b2 c3 "])
def test_card_has_one_spelling_and_keeps_its_zeros(kind: CredentialKind, value: str) -> None:
    assert normalised(kind, value) == "04A1B2C3"
    assert normalised(kind, "00" + value) == "0004A1B2C3"


@pytest.mark.parametrize("value", ["", ":- ", "04G1", "04_A1", "０４", "04\n", "ß", "0x04"])
def test_what_is_no_card(value: str) -> None:
    assert normalised(CARD, value) is None


def test_references_are_opaque() -> None:
    assert normalised(QR, " Ünï-code ") == " Ünï-code "


def test_tag_is_the_hmac_over_kind_community_and_value() -> None:
    expected = hmac.new(b"0123456789abcdef", b"pin\x00c-test\x00482915", hashlib.sha256).digest()
    assert TAGGER.tag(PIN, "482915") == expected
    assert TAGGER.tag(PIN, "482915") == expected  # the keyed state is not used up


def test_tags_differ_by_kind_community_and_pepper() -> None:
    others = [
        TAGGER.tag(NFC, "04A1"),
        Tagger(b"0123456789abcdef", CommunityId("c-2")).tag(CARD, "04A1"),
        Tagger(b"0123456789abcdeF", SITE).tag(CARD, "04A1"),
    ]
    assert len({TAGGER.tag(CARD, "04A1"), *others}) == 4


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        Tagger(b"0123456789abcde", SITE)


def test_pepper_is_not_in_the_repr() -> None:
    assert "0123" not in repr(TAGGER)


@given(st.sampled_from(CredentialKind), st.text(max_size=200))
def test_any_text_is_tagged_or_refused(kind: CredentialKind, value: str) -> None:
    tag = TAGGER.tag_presented(kind, value)
    assert tag is None or len(tag) == 32
    spelled = normalised(kind, value)
    assert spelled is None or normalised(kind, spelled) == spelled


def test_a_lone_surrogate_is_just_another_value() -> None:
    assert TAGGER.tag_presented(QR, "\ud800") not in (None, TAGGER.tag_presented(QR, "?"))


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (CARD, "04A1B2C3", "B2C3"),
        (NFC, "04A1B2C3", "B2C3"),
        (CARD, "04A1B2C", ""),
        (PIN, "12345678", ""),
        (QR, "x" * 9, ""),
    ],
)
def test_log_shows_the_end_of_a_long_card_and_nothing_else(kind: CredentialKind, value: str, shown: str) -> None:
    assert hint(kind, value) == shown


def test_every_method_that_presents_something_has_a_kind() -> None:
    assert set(KIND_OF_METHOD.values()) == set(CredentialKind)
    assert KIND_OF_METHOD[UnlockMethod.APT_PIN] is CredentialKind.PIN
