import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.core.snapshot import Snapshot, with_credentials
from models.access import Credential, CredentialKind
from models.ids import CredentialId
from tests.unit.edge.core.door_house import A102, TAGGER, credential, house

PIN, CARD, NFC = CredentialKind.PIN, CredentialKind.RF_CARD, CredentialKind.NFC


def found(snapshot: Snapshot, kind: CredentialKind, value: str) -> set[CredentialId]:
    return set(snapshot.tagged(kind, TAGGER.tag(kind, value)))


def test_a_credential_is_found_by_its_kind_and_tag() -> None:
    card = credential(CARD, "482915")
    snapshot = house([card])
    assert found(snapshot, CARD, "482915") == {card.id}
    assert not found(snapshot, CARD, "482916")
    assert snapshot.tagged(PIN, card.tag) == ()


def test_a_tag_of_one_kind_is_no_tag_of_another() -> None:
    """Tags of two kinds never meet by themselves; a store that was tampered with could make them."""
    card = credential(CARD, "482915")
    snapshot = house([card, replace(card, id=CredentialId("forged"), kind=PIN)])
    assert (snapshot.tagged(CARD, card.tag), snapshot.tagged(PIN, card.tag)) == ((card.id,), (CredentialId("forged"),))


def test_two_of_one_value_are_both_found() -> None:
    ours, theirs = credential(PIN, "482915", id="ours"), credential(PIN, "482915", A102, id="theirs")
    assert found(house([ours, theirs]), PIN, "482915") == {ours.id, theirs.id}


def test_a_house_without_credentials_takes_its_first() -> None:
    after = with_credentials(house(), 2, [credential(NFC, "04A1B2C3")], [])
    assert found(after, NFC, "04A1B2C3") == {CredentialId("k-nfc-04A1B2C3")}
    assert after.revision == 2


IDS = tuple(CredentialId(f"k-{number}") for number in range(4))
CREDENTIALS = st.builds(
    lambda identity, kind, value: credential(kind, value, id=identity),
    st.sampled_from(IDS), st.sampled_from([PIN, CARD, NFC]), st.sampled_from(["482915", "0482"]),
)  # fmt: skip
STEPS = st.lists(st.tuples(st.lists(CREDENTIALS, max_size=3, unique_by=lambda c: c.id), st.sets(st.sampled_from(IDS))))


@given(STEPS)
def test_patches_one_after_the_other_are_the_same_as_reading_everything(
    steps: list[tuple[list[Credential], set[CredentialId]]],
) -> None:
    kept: dict[CredentialId, Credential] = {}
    snapshot = house()
    for revision, (changed, gone) in enumerate(steps, start=2):
        snapshot = with_credentials(snapshot, revision, changed, gone)
        kept = {i: c for i, c in kept.items() if i not in gone} | {c.id: c for c in changed}
    fresh = house(kept.values())
    assert snapshot.credentials == fresh.credentials
    values = {c.tag for c in kept.values()}
    for kind, tag in itertools.product(CredentialKind, values):
        assert set(snapshot.tagged(kind, tag)) == set(fresh.tagged(kind, tag))
    assert sum(map(len, snapshot.by_tag.values())) == sum(map(len, fresh.by_tag.values()))
