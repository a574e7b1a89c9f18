"""Credentials from a file: all of them, or every bad row."""

import pytest

from edge.admin import apartments, buildings, credentials
from edge.admin.credential_import import import_credentials
from edge.admin.edit import reading


@pytest.fixture
def homes(site):
    with site.admin("installer").edit() as edit:
        for name in ("1", "2"):
            buildings.add(edit, name)
            apartments.add(edit, f"{name}/101")
    return site


def run(site, tmp_path, text):
    file = tmp_path / "x.csv"
    file.write_text(text)
    return import_credentials(site.admin("manager"), file)


def test_all_rows_are_stored(homes, tmp_path):
    outcome = run(
        homes, tmp_path,
        "kind,apartment,value,generate,until,uses,by,duress\n"
        "rf_card,1/101,04:A1:B2:C3:D4,,2026-03-01,,manager,\n"
        "\n"
        "pin,1/101,,yes,,3,,yes\n",
    )  # fmt: skip
    assert (outcome.errors, outcome.code) == ((), 0)
    assert [row for row, _ in outcome.added] == [2, 4]
    assert outcome.added[0][1].generated is None
    assert len(outcome.added[1][1].generated or "") == 6
    with reading(homes.store) as scope:
        pin, card = credentials.listed(scope)
    assert (card["value"], card["until"], card["by"]) == ("…C3D4", "2026-03-01T23:00:00.000Z", "manager")
    assert (pin["uses_left"], pin["duress"]) == (3, True)


def test_every_bad_row_is_told_and_nothing_is_stored(homes, tmp_path):
    outcome = run(
        homes, tmp_path,
        "kind,apartment,value,uses,from,home\n"
        "rf_card,1/101,04A1B2C3,,,\n"
        "magic,1/101,x,,,\n"
        "rf_card,9/9,04,,,\n"
        "rf_card,101,04,,,\n"
        "rf_card,1/101,zz,,,\n"
        "rf_card,1/101,04,many,,\n"
        "rf_card,1/101,04,,yesterday,\n"
        "rf_card,1/101,04,,,cloud\n"
        "rf_card,1/101,,,,\n"
        "rf_card,1/101,04a1b2c3,,,\n"
        "rf_card,1/101,=1,,,\n",
    )  # fmt: skip
    assert [(error.row, error.column, error.code) for error in outcome.errors] == [
        (3, "kind", "kind"),
        (4, None, "not_found"),
        (5, None, "ambiguous"),
        (6, "value", "value"),
        (7, "uses", "uses"),
        (8, "from", "time"),
        (9, "home", "home"),
        (10, "value", "value_missing"),
        (11, "value", "duplicate"),
        (12, "value", "formula"),
    ]
    assert outcome.code == 1
    with reading(homes.store) as scope:
        assert credentials.listed(scope) == []


def test_a_trivial_pin_is_a_refusal(homes, tmp_path):
    outcome = run(homes, tmp_path, "kind,apartment,value\npin,1/101,111111\n")
    assert ([error.code for error in outcome.errors], outcome.code) == (["refused"], 3)
    assert "111111" not in str(outcome)


HEADERS = [
    ("kind,value\n", [(1, "apartment", "missing_column")]),
    ("kind,apartment,colour\n", [(1, "colour", "unknown_column")]),
    ("kind,apartment,kind\n", [(1, "kind", "doubled_column")]),
    ("kind,apartment\n", [(None, None, "no_rows")]),
    ("\0", [(None, None, "format")]),
]


@pytest.mark.parametrize(("text", "expected"), HEADERS)
def test_bad_headers(homes, tmp_path, text, expected):
    outcome = run(homes, tmp_path, text)
    assert [(error.row, error.column, error.code) for error in outcome.errors] == expected
