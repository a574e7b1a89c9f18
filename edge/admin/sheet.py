"""Cells of an import file, CSV or XLSX, however hostile: told apart by content, measured before it is unpacked."""

import codecs
import contextlib
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from edge.admin.sheet_limits import MAX_COLUMNS, MAX_FILE_BYTES, MAX_ROWS, SheetError, unescaped
from edge.admin.xlsx import read_xlsx
from edge.core.template import Cell, OddCell

_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_SEPARATORS: Final = ",;\t"
_MAX_CELL_CHARS: Final = 131_072
_MAX_LINE_CHARS: Final = 4 << 20
_CHUNK_BYTES: Final = 1 << 20
_WINDOWS: Final = "cp1251"
_OTHER_ENCODING: Final = "the file is not UTF-8; it was read as Windows-1251, so check the names"
_NEITHER: Final = "this is neither CSV nor XLSX; save it as one of them"


@dataclass(frozen=True, slots=True)
class Sheet:
    """All rows, the header first; *notices* are for a person to read before trusting the rows."""

    rows: list[list[Cell]]
    notices: list[str] = field(default_factory=list)


def read_sheet(file: Path) -> Sheet:
    """The cells of *file*. Raises SheetError for what is no such file or too large, OSError if it can't be read."""
    if file.stat().st_size > MAX_FILE_BYTES:
        raise SheetError("too_large", f"the file is larger than {MAX_FILE_BYTES >> 20} MiB")
    with file.open("rb") as stream:
        head = stream.read(len(_ZIP))
    if head == _ZIP:
        return Sheet(read_xlsx(file.read_bytes()))
    if head == _OLD_EXCEL:
        raise SheetError("format", _NEITHER)
    encoding = _encoding(file, head)
    notices = [_OTHER_ENCODING] if encoding == _WINDOWS else []
    with file.open(encoding=encoding, newline="") as text:
        return Sheet(_read_csv(text), notices)


def _encoding(file: Path, head: bytes) -> str:
    """The first encoding that fits the whole file, found without keeping it."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates: tuple[str, ...] = ("utf-16",)
    elif any(b"\0" in chunk for chunk in _chunks(file)):
        raise SheetError("format", _NEITHER)
    else:
        candidates = ("utf-8-sig", _WINDOWS)
    for encoding in candidates:
        with contextlib.suppress(UnicodeDecodeError):
            for _ in codecs.iterdecode(_chunks(file), encoding):
                pass
            return encoding
    raise SheetError("encoding", "the file is neither UTF-8 nor Windows-1251, nor UTF-16 as it may say")


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _read_csv(text: TextIO) -> list[list[Cell]]:
    separator = max(_SEPARATORS, key=text.readline(_MAX_LINE_CHARS).count)  # a comma where there is none
    text.seek(0)
    csv.field_size_limit(_MAX_CELL_CHARS)
    rows: list[list[Cell]] = []
    try:
        for record in csv.reader(_lines(text), delimiter=separator, strict=True):
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


def _lines(text: TextIO) -> Iterator[str]:
    while line := text.readline(_MAX_LINE_CHARS):
        if len(line) == _MAX_LINE_CHARS:
            raise SheetError("csv", f"a line has more than {_MAX_LINE_CHARS} characters")
        yield line


def _csv_cell(value: str) -> Cell:
    if value.lstrip(" ").startswith(("=", "@")):
        return OddCell("formula", "begins like a formula; if it is meant as text, put ' in front")
    return unescaped(value)
