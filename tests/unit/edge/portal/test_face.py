"""The community's sign is one file of the site's folder, and no large one."""

from pathlib import Path

import pytest

from edge.portal.face import LOGO_BYTES_MAX, make_face


def test_numbers_have_their_names(tmp_path: Path) -> None:
    face = make_face(tmp_path, ["Caretaker: +49 30 1", "Lift:112"], "", "")
    assert face.shown == {
        "phones": [{"name": "Caretaker", "number": "+49 30 1"}, {"name": "Lift", "number": "112"}],
        "logo": None,
        "colour": None,
    }


def test_a_sign_outside_the_folder_or_too_large_is_refused(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "secret.png").write_bytes(b"x")
    (site / "large.png").write_bytes(bytes(LOGO_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="outside"):
        make_face(site, [], "../secret.png", "")
    with pytest.raises(ValueError, match="more than"):
        make_face(site, [], "large.png", "")
