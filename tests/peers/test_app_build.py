"""The committed files of the app are what its source makes, small, and quick to load."""

import gzip
import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.peers.app_build import BUILT, SOURCE, built, contents

pytestmark = pytest.mark.peer("node")

FIRST_LOAD_BYTES_MAX: Final = 150_000


def test_the_committed_files_are_what_the_source_makes(app_source: Path) -> None:
    made, committed = contents(built(app_source)), contents(BUILT)
    assert sorted(made) == sorted(committed), "run `make app` and commit edge/http/app"
    assert [name for name in made if made[name] != committed[name]] == [], "run `make app` and commit edge/http/app"


def test_the_lock_names_versions_and_sums_and_no_host() -> None:
    packages = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
    assert len(packages) > 3
    for name, package in packages.items():
        assert "resolved" not in package, f"{name}: npm takes it from wherever it is told to"
        assert not name or package["integrity"].startswith("sha512-")


def test_the_first_load_is_small() -> None:
    parts = [BUILT / "index.html", *(BUILT / "assets").iterdir()]
    assert sum(len(gzip.compress(part.read_bytes())) for part in parts) < FIRST_LOAD_BYTES_MAX


def test_the_page_has_no_inline_script_or_style_and_names_no_other_host() -> None:
    page = (BUILT / "index.html").read_text()
    assert "<script>" not in page
    assert "<style" not in page
    assert "style=" not in page
    assert re.findall(r'(?:src|href)="(?!/app/|[a-z0-9-]+\.[a-z]+")', page) == []
