"""The sample community: three buildings, an apartment of every call type, and the cases that need care.

    python -m edge.demo.sample configs/sample-community.xlsx        # writes the spreadsheet anew

The spreadsheet is what `edge import` takes. What a spreadsheet cannot say (service states) is here as data.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import openpyxl

HEADER: Final = (
    "Building", "Apt", "AptName", "Device", "FirstName", "LastName", "TelephoneCallingCode", "1stPhone", "CallType",
    "Floor", "NetworkGroup", "Handset", "Whitelisted",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SampleDevice:
    name: str
    type: int  # 0 door phone, 1 door phone of one apartment, 2 indoor monitor, 3 guard phone
    mac: str

    @property
    def cell(self) -> str:
        return f"{self.name},{self.type},{self.mac}"


@dataclass(frozen=True, slots=True)
class SampleApartment:
    """One row. Without a building and number it is the public area."""

    building: str = ""
    number: str = ""
    name: str = ""
    devices: tuple[SampleDevice, ...] = ()
    resident: tuple[str, str] = ("", "")
    landline: str = ""  # national number in Germany; its prefix 30 23125 is kept free for films
    call_type: int = 0
    floor: str = ""
    handset: bool = False
    whitelisted: bool = False

    @property
    def path(self) -> str:
        """As the command line names it."""
        return f"{self.building}/{self.number}"

    def row(self) -> tuple[str, ...]:
        of_apartment = (
            self.name,
            "; ".join(device.cell for device in self.devices),
            *self.resident,
            "49" if self.landline else "",
            self.landline,
            str(self.call_type) if self.number else "",
            self.floor,
            self.building.lower(),
            "yes" if self.handset else "no",
            "yes" if self.whitelisted else "no",
        )
        only_devices = ("", of_apartment[1], *("" for _ in of_apartment[2:]))
        return (self.building, self.number, *(of_apartment if self.number else only_devices))


GATE: Final = SampleDevice("Gate", 0, "0C1105000001")  # serves all buildings
GUARD: Final = SampleDevice("Guard", 3, "0C1105000002")
NORTH_DOOR: Final = SampleDevice("North door", 0, "0C1105000010")  # serves the building North alone
VILLA_DOOR: Final = SampleDevice("Villa door", 1, "0C1105000030")  # the private door phone of Garden/1


def _monitor(number: str) -> SampleDevice:
    return SampleDevice(f"Monitor {number}", 2, f"0C1105000{number}")


def _of_type(call_type: int, first: str, last: str) -> SampleApartment:
    """North/10n has call type n, a monitor, a resident with the app, and a telephone."""
    number = f"10{call_type}"
    doors = (NORTH_DOOR,) if call_type == 0 else ()
    return SampleApartment(
        "North", number, f"{first} {last}", (*doors, _monitor(number)), (first, last), f"302312510{call_type}",
        call_type, floor="1", handset=True,
    )  # fmt: skip


APARTMENTS: Final = (
    SampleApartment(devices=(GATE, GUARD)),
    _of_type(0, "Ada", "Becker"),
    _of_type(1, "Bruno", "Keller"),
    _of_type(2, "Clara", "Vogt"),
    _of_type(3, "David", "Lorenz"),
    _of_type(4, "Emma", "Sommer"),
    _of_type(5, "Felix", "Arndt"),
    SampleApartment("South", "201", "app only, whitelisted", (), ("Greta", "Wolff"), whitelisted=True, floor="2"),
    SampleApartment("South", "202", "app only, not whitelisted", (), ("Henri", "Blum"), floor="2"),
    SampleApartment(
        "South", "203", "blocked", (_monitor("203"),), ("Ida", "Franke"), call_type=3, floor="2", handset=True
    ),
    SampleApartment("South", "204", "switched off", (_monitor("204"),), ("Jonas", "Ritter"), floor="2", handset=True),
    SampleApartment("Garden", "1", "villa", (VILLA_DOOR, _monitor("301")), ("Klara", "Seidel"), handset=True),
)
BY_PATH: Final[Mapping[str, SampleApartment]] = {a.path: a for a in APARTMENTS if a.number}
SERVICE: Final[Mapping[str, str]] = {"South/203": "blocked", "South/204": "off"}


def macs() -> tuple[str, ...]:
    """Every device's MAC, for the MAC library."""
    return tuple(dict.fromkeys(device.mac for apartment in APARTMENTS for device in apartment.devices))


def write(path: Path) -> None:
    """Write the spreadsheet, every cell as text."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Community"
    for row in (HEADER, *(apartment.row() for apartment in APARTMENTS)):
        sheet.append(row)
    for cells in sheet.iter_rows():
        for cell in cells:
            cell.number_format = "@"
    sheet.freeze_panes = "A2"
    book.save(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
