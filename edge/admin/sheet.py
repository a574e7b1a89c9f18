"""Cells of an import file, CSV or XLSX, however hostile: told apart by content, measured before it is unpacked."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.admin.sheet_limits import MAX_COLUMNS, MAX_FILE_BYTES, MAX_ROWS, SheetError, unescaped
from edge.admin.xlsx import read_xlsx
from edge.core.template import Cell, OddCell

_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_SEPARATORS: Final = ",;\t"
_MAX_CELL_CHARS: Final = 131_072


@dataclass(frozen=True, slots=True)
class Sheet:
    """All rows, the header first; *notices* are for a person to read before trusting the rows."""

    rows: list[list[Cell]]
    notices: list[str] = field(default_factory=list)


def read_sheet(file: Path) -> Sheet:
    """The cells of *file*. Raises SheetError for what is no such file or too large, OSError if it can't be read."""
    if file.stat().st_size > MAX_FILE_BYTES:
        raise SheetError("too_large", f"the file is larger than {MAX_FILE_BYTES >> 20} MiB")
    data = file.read_bytes()
    if data.startswith(_ZIP):
        return Sheet(read_xlsx(data))
    if data.startswith(_OLD_EXCEL) or (b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff"))):
        raise SheetError("format", "this is neither CSV nor XLSX; save it as one of them")
    text, notices = _decode(data)
    return Sheet(_read_csv(text), notices)


def _decode(data: bytes) -> tuple[str, list[str]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), []
        except UnicodeDecodeError as error:
            raise SheetError("encoding", "the file begins like UTF-16 and is not") from error
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1251"), ["the file is not UTF-8; it was read as Windows-1251, so check the names"]
    except UnicodeDecodeError as error:
        raise SheetError("encoding", "the file is neither UTF-8 nor Windows-1251") from error


def _read_csv(text: str) -> list[list[Cell]]:
    first_line = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first_line.count)  # a comma where there is none
    rows: list[list[Cell]] = []
    try:
        for record in _records(text, separator):
            if len(record) > MAX_COLUMNS:
                raise SheetError("too_many_columns", f"row {len(rows) + 1} has {len(record)} columns")
            rows.append([_csv_cell(value) for value in record])
            if len(rows) > MAX_ROWS + 1:
                raise SheetError("too_many_rows", f"the file has more than {MAX_ROWS} rows")
    except csv.Error as error:
        raise SheetError("csv", f"row {len(rows) + 1} can't be read: {error}") from error
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _records(text: str, separator: str) -> Iterator[list[str]]:
    csv.field_size_limit(_MAX_CELL_CHARS)
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)


def _csv_cell(value: str) -> Cell:
    if value.lstrip(" ").startswith(("=", "@")):
        return OddCell("formula", "begins like a formula; if it is meant as text, put ' in front")
    return unescaped(value)
