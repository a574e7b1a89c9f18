"""The sheet for an apartment: what stands on it, and that nothing in it can be more than text."""

import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import edge
from edge.commands.sheet_page import Invited, Sheet, SheetDoor, page

HOSTILE = '<script>alert("1")</script>'


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_text_is_text() -> None:
    door = SheetDoor(HOSTILE, [(HOSTILE, HOSTILE)])
    made = Tags(page([Sheet(HOSTILE, HOSTILE, [door], [Invited(HOSTILE, "https://x.example/#a")], 72.0, HOSTILE)]))
    assert "script" not in made.found
    assert made.text.count(HOSTILE) == 8


def test_each_apartment_has_its_page_and_what_is_missing_is_left_out() -> None:
    made = Tags(page([Sheet("House", "1/101", (), (), 72.0), Sheet("House", "1/102", (), (), 72.0, "123456")]))
    assert made.found.count("section") == 2
    assert "svg" not in made.found
    assert made.text.count("Your code at the door") == 1
    assert "123456" in made.text


def run(site: Path, *arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(edge, ["--site", str(site), *arguments])
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    run(site, "init", "--name", "House")
    run(site, "building", "add", "1")
    run(site, "apartment", "add", "1/101")
    run(site, "apartment", "add", "1/102")
    run(site, "mac", "add", "0c1105000001")
    run(site, "device", "add", "0c1105000001", "--name", "Gate", "--type", "0")
    run(site, "relay", "add", "0c1105000001", "1", "--name", "Street")
    run(site, "resident", "add", "1/101", "--first", "Ann", "--last", "Lee")
    settings = site / "edge.toml"
    settings.write_text(settings.read_text().replace("[app]\n", '[app]\npublic_url = "https://door.example"\n'))
    return site


def test_a_building_is_printed_into_a_file_of_its_owner_alone(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "sheets.html"
    run(site, "apartment", "sheet", "--building", "1", "--pin", "--file", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = Tags(file.read_text())
    assert made.found.count("section") == 2
    assert made.found.count("svg") == 1, "only Ann is invited"
    assert made.text.count("1 opens Street") == 2
    assert run(site, "credential", "list").count("pin") >= 2
    before = file.read_text()
    run(site, "apartment", "sheet", "1/101", "--file", str(file), status=2)
    assert file.read_text() == before, "another's secrets are never written over"


def test_nothing_is_left_of_a_sheet_that_was_not_made(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "sheets.html"
    assert run(site, "apartment", "sheet", "1/101", "1/999", "--pin", "--file", str(file), status=1)
    assert not file.exists()
    assert "pin" not in run(site, "credential", "list")
    run(site, "apartment", "sheet", "--file", str(file), status=2)
    run(site, "apartment", "sheet", "1/101", "--file", str(tmp_path / "sheets.pdf"), status=2)
