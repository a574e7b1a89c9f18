"""Writing sheets that come back as they went: every cell text, nothing that a spreadsheet takes for a formula."""

import csv
import io
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from edge.admin.sheet_limits import escaped
from edge.core.template import COLUMNS, MORE_COLUMNS

_WIDTH: Final = 18
_DEVICE_WIDTH: Final = 48
HELP: Final[Mapping[str, str]] = {
    "Building": "Number or name of the building. Needed for an apartment.",
    "Apt": "Apartment number: groups of 1 to 6 digits joined by #, for example 101 or 2#123. One row an apartment.",
    "AptName": "What the apartment is called, if it has a name.",
    "Device": "name,type,MAC; several joined by ;. Types: 0 door phone, 1 one-apartment door phone, 2 indoor monitor, "
    "3 guard phone, 50 access control. Types 1 and 2 belong to the apartment, the others to the building; in a row "
    "without Apt to the building, in a row without Building to the public area.",
    "FirstName": "Of the apartment's first resident. Without any name nobody is made.",
    "LastName": "Of the same resident.",
    "Email": "Of the same resident.",
    "MobileNumber": "Of the same resident: +… or national.",
    "TelephoneCallingCode": "Calling code of the row's national numbers, for example 48; else the community's country.",
    "1stPhone": "First landline of the apartment.",
    "2ndPhone": "Second landline.",
    "3rdPhone": "Third landline.",
    "CallType": "0 app and monitors; 1 phone and monitors; 2 app and monitors, then phone; 3 monitors, then app; "
    "4 monitors, then phone; 5 monitors, then app, then phone. Empty: 0.",
    "WebRelayID": "0 to 65535, 0 or empty: none.",
    "Floor": "The apartment's floor.",
    "AccessibleFloors": "Floors the lift may take its people to, joined by commas.",
    "NetworkGroup": "Devices of one group exchange media directly.",
    "Handset": "yes or no: whether there is an analogue handset.",
    "Whitelisted": "yes or no: whether an apartment without handset and monitor may be called.",
}
"""What each column of the import template takes."""


def write_template(file: Path) -> None:
    """An empty template, CSV or XLSX by the file's name, with an explanation of the columns where there is a place."""
    if file.suffix.lower() == ".csv":
        write_sheet(file, COLUMNS, ())
        return
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Import"
    for number, column in enumerate(COLUMNS, start=1):
        head = sheet.cell(1, number, column)
        head.font = Font(bold=True)
        dimension = sheet.column_dimensions[head.column_letter]
        dimension.number_format = "@"  # text, so that a spreadsheet keeps zeros in front
        dimension.width = _DEVICE_WIDTH if column == "Device" else _WIDTH
    sheet.freeze_panes = "A2"
    explanation = book.create_sheet("Columns")
    for column in (*COLUMNS, *MORE_COLUMNS):
        explanation.append([column, HELP[column]])
    explanation.column_dimensions["A"].width = _DEVICE_WIDTH // 2
    explanation.column_dimensions["B"].width = 3 * _DEVICE_WIDTH
    packed = io.BytesIO()
    book.save(packed)
    _write(file, packed.getvalue())


def write_sheet(file: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """*rows* under *columns*, CSV or XLSX by the file's name, replacing an older file all at once.

    Raises ValueError for another kind of name, OSError where the file can't be written.
    """
    kind = file.suffix.lower()
    if kind == ".csv":
        _write(file, _as_csv(columns, rows))
    elif kind == ".xlsx":
        _write(file, _as_xlsx(columns, rows))
    else:
        raise ValueError(f"{file.name}: the name must end in .csv or .xlsx")


def _as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([escaped(value) for value in row])
    return text.getvalue().encode("utf-8-sig")  # the mark tells a spreadsheet that it is UTF-8


def _as_xlsx(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Import")
    sheet.freeze_panes = "A2"
    sheet.append(list(columns))
    for row in rows:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, escaped(value) or None)
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _write(file: Path, content: bytes) -> None:
    """Residents' names and numbers are in it, so nobody else may read it."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
