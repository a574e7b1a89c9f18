"""The door desk at the embedded broker."""

from tests.door_lab.cases import DoorCases


class TestEmbedded(DoorCases):
    kind = "embedded"
