"""Answers read back: what is whole, what is broken, and what is one bad item."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.cloud.wire import Broken, canonical, items_hash, parse, public_key, public_text, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"kind": "building", "id": f"b-{number}", "rev": number, "body": {"name": f"№ {number}"}, **more}


def answer(items: list[Any], **more: Any) -> dict[str, Any]:
    sha256 = items_hash(canonical(each) for each in items)
    told = {"v": 1, "epoch": "e", "mode": "delta", "from": 1, "to": 9, "count": len(items), "sha256": sha256}
    return {**told, "sig": sign(KEY, "e", 1, 9, sha256), "items": items, **more}


def text(told: object) -> bytes:
    return json.dumps(told).encode()


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400, 1_001])
def test_the_hash_is_that_of_the_whole_list_however_it_is_cut(count: int) -> None:
    items = [item(number) for number in range(count)]
    found = parse(text(answer(items)))
    verify(found, KEY.public_key())
    assert [each.id for each in found.items] == [each["id"] for each in items]


def test_the_hash_is_the_documented_one() -> None:
    assert canonical({"b": 1, "a": "№"}) == '{"a":"№","b":1}'
    assert items_hash([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"  # SHA-256 of "[]"


BROKEN: dict[str, dict[str, Any]] = {
    "count": {"count": 3},
    "sha256": {"sha256": "0" * 64},
    "mode": {"mode": "both"},
    "version": {"v": 2},
    "backwards": {"from": 10},
    "a flag is no number": {"from": True},
    "a snapshot from the middle": {"mode": "snapshot"},
    "more without next": {"more": True},
    "no epoch": {"epoch": ""},
    "an epoch that could shift what is signed": {"epoch": "e\n1"},
    "items are none": {"items": {}},
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_none(fault: str) -> None:
    with pytest.raises(Broken):
        parse(text(answer([item(2)]) | BROKEN[fault]))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"v":1,"v":1}', b'{"a":NaN}', b"{}x", b"[" * 100_000])
def test_what_is_no_answer_is_broken(data: bytes) -> None:
    with pytest.raises(Broken):
        parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_broken(data: bytes) -> None:
    with pytest.raises(Broken):
        parse(data)


@pytest.mark.parametrize("name", ["epoch", "from", "to"])
def test_what_is_signed_cannot_be_changed(name: str) -> None:
    told = answer([item(2)])
    told[name] = {"epoch": "f", "from": 0, "to": 8}[name]
    with pytest.raises(Broken, match="signature"):
        verify(parse(text(told)), KEY.public_key())


def test_without_a_signature_it_is_refused_once_a_key_is_known() -> None:
    told = parse(text(answer([]) | {"sig": None}))
    verify(told, None)
    with pytest.raises(Broken, match="not signed"):
        verify(told, KEY.public_key())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("text", "item"), (item(2, id=""), "id"), (item(2, id="a b"), "id"), (item(2, kind="ghost"), "kind"),
        (item(2, rev=-1), "rev"), (item(2, body=None), "body"), (item(2, **{"del": "yes"}), "body"),
    ],
)  # fmt: skip
def test_one_bad_item_is_named_and_the_others_are_there(bad: Any, reason: str) -> None:
    found = parse(text(answer([item(1), bad, item(3)])))
    assert found.fault is not None
    assert found.fault.reason == reason
    assert [each.id for each in found.items] == ["b-1", "b-3"]


def test_of_two_about_one_thing_the_newest_counts() -> None:
    gone = {"kind": "building", "id": "b-1", "rev": 5, "del": True}
    found = parse(text(answer([gone, item(1)])))
    assert [(each.id, each.rev, each.body) for each in found.items] == [("b-1", 5, None)]


def test_no_secret_stands_in_the_words_for_an_item() -> None:
    (found,) = parse(text(answer([item(1, kind="credential", body={"value": "4711"})]))).items
    assert "4711" not in repr(found)


def test_a_key_travels_as_its_32_bytes() -> None:
    told = public_text(KEY.public_key())
    assert public_key(told).public_bytes_raw() == KEY.public_key().public_bytes_raw()
    for bad in (told[:-4], "no base64!", None, 7):
        with pytest.raises(Broken):
            public_key(bad)
