"""What a device would get, and what of it it has."""

from dataclasses import replace

from edge.fleet.rendering import compare, find, own_driver, render
from edge.store.provisioning import Fetched
from tests.unit.provisioning.states import SIP_PASSWORD, door

GATE = door("0c1105000001", "R29")


def test_a_device_is_given_its_own_file_whatever_the_case_of_its_name() -> None:
    found = find(GATE, "0c1105000001.CFG")
    assert found is not None
    assert SIP_PASSWORD in found.body.decode()
    assert SIP_PASSWORD not in found.shown


def test_a_device_is_never_given_a_file_of_another() -> None:
    assert find(GATE, "0c1105000002.cfg") is None
    assert find(GATE, "r000000000029.cfg") is None


def test_what_differs_is_told_without_secrets() -> None:
    files = render(GATE, own_driver(GATE))
    had = {file.path: Fetched(file.sha256, file.shown, 1) for file in files}
    assert {each.state for each in compare(files, had)} == {"same"}
    assert {each.state for each in compare(files, {})} == {"never"}

    renamed = render(replace(GATE, name="Yard"), own_driver(GATE))
    (changed,) = [each for each in compare(renamed, had) if each.state != "same"]
    assert changed.state == "changed"
    assert "+Config.Account1.GENERAL.Label = Yard" in changed.lines

    renewed = render(replace(GATE, sip=replace(GATE.sip, password="new-one")), own_driver(GATE))
    (secrets,) = [each for each in compare(renewed, had) if each.state != "same"]
    assert (secrets.state, secrets.lines) == ("secrets", ())
