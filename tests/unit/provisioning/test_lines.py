"""An installer's own lines beside what the edge sets: they are in the file, and change nothing of the edge's."""

from dataclasses import replace

import pytest

from edge.fleet.rendering import render, without_effect
from provisioning.desired import MASK
from provisioning.registry import DRIVERS
from tests.unit.provisioning.states import SIP_PASSWORD, door

GATE = door("0c1105000001", "R29")
CASES = {
    "akuvox": ("Config.Settings.OTHERS.GreetMsg", "Config.Account1.GENERAL.Pwd"),
    "grandstream": ("P15553", "P34"),
    "linphone": ("ui/logo", "auth_info_0/passwd"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_line_is_in_the_file_and_one_of_the_edges_own_keys_changes_nothing(name: str) -> None:
    free, taken = CASES[name]
    asked = replace(GATE, lines=((free, "hello"), (taken, "stolen"), ("no key/of/any <x>", "1")))
    (file, *_) = render(asked, DRIVERS[name])
    items = DRIVERS[name].parse(file.body)
    assert items[free] == "hello"
    assert items[taken] == SIP_PASSWORD
    assert "hello" not in file.shown
    assert MASK in file.shown
    assert taken in without_effect(asked, DRIVERS[name])
    assert free not in without_effect(asked, DRIVERS[name])


@pytest.mark.parametrize("name", ["baresip", "fanvil", "generic", "hikvision"])
def test_a_family_whose_files_cant_say_a_line_says_so(name: str) -> None:
    asked = replace(GATE, lines=(("KEY", "1"),))
    assert render(asked, DRIVERS[name]) == render(GATE, DRIVERS[name])
    assert without_effect(asked, DRIVERS[name]) == ["KEY"]
