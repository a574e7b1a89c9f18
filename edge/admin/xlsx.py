"""The first sheet of an XLSX file as cells.

calamine reads quickly but trusts: it unpacks what it is told to, makes room for the whole rectangle between two far
cells, and gives formulas and errors as if somebody had typed them. So the package is unpacked by us, under limits; the
sheet is scanned for its size, formulas and errors; and calamine gets a package of only what was measured.
"""

import datetime
import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from xml.parsers import expat

import python_calamine

from edge.admin.sheet_limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_RATIO,
    MAX_ROWS,
    MAX_UNZIPPED_BYTES,
    SheetError,
    unescaped,
)
from edge.core.template import Cell, OddCell

_CONTENT_TYPES: Final = "[Content_Types].xml"
_WORKBOOK: Final = "xl/workbook.xml"
_WORKBOOK_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_PARTS: Final[tuple[str, ...]] = (
    _CONTENT_TYPES, "_rels/.rels", _WORKBOOK, _WORKBOOK_RELATIONS, "xl/styles.xml", "xl/sharedStrings.xml",
)  # fmt: skip
_XLSX_TYPE: Final = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_SMALL_PART_BYTES: Final = 1 << 20  # below this, a high ratio harms nobody
_CHUNK_BYTES: Final = 1 << 18
_MAX_PARTS: Final = 1000
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_MAX_WHOLE: Final = 10**15  # larger numbers lose digits in a spreadsheet (decision 47)

_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, expat.ExpatError, python_calamine.CalamineError, EOFError)
_NO_XLSX: Final = (KeyError, IndexError, ValueError, NotImplementedError, RuntimeError)  # a zip of something else


def read_xlsx(data: bytes) -> list[list[Cell]]:
    """The first sheet's rows from row 1 on, trailing blank rows left out. Raises SheetError."""
    try:
        package = _Package(data)
        sheet = package.first_sheet()
        scan = _Scan(package.chunks(sheet))
        book = python_calamine.CalamineWorkbook.from_filelike(package.repacked(sheet))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except _DAMAGED as error:
        raise SheetError("format", f"the file is damaged: {error}") from error
    except _NO_XLSX as error:
        raise SheetError("format", "this is not an XLSX file that can be read") from error
    cells = [[_cell(value) for value in row] for row in rows]
    for (row, column), odd in scan.odd.items():
        while len(cells) < row:
            cells.append([])
        cells[row - 1] += [""] * (column - len(cells[row - 1]))
        cells[row - 1][column - 1] = odd
    while cells and not any(cell != "" for cell in cells[-1]):
        cells.pop()
    return cells


class _Package:
    """The zip around a workbook, measured before anything of it is unpacked."""

    def __init__(self, data: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self._entries = {entry.filename: entry for entry in self._archive.infolist()}
        if len(self._archive.infolist()) > _MAX_PARTS:
            raise SheetError("too_large", "the file has too many parts")
        _refuse_bombs(self._archive.infolist(), len(data))
        if _XLSX_TYPE not in self._content(_CONTENT_TYPES):
            raise SheetError("format", "this is not an XLSX workbook; save it as XLSX or CSV")

    def chunks(self, part: str) -> Iterator[bytes]:
        """Content of *part*, never more than its directory entry admits, which was measured."""
        with self._archive.open(self._entries[part]) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk

    def first_sheet(self) -> str:
        """Name of the first sheet's part: the first `sheet` of the workbook, by its relation."""
        relation = ""
        targets: dict[str, str] = {}

        def in_workbook(tag: str, attributes: Mapping[str, str]) -> None:
            nonlocal relation
            if _local(tag) == "sheet" and not relation:
                relation = next((value for name, value in attributes.items() if name.endswith(":id")), "")

        def in_relations(tag: str, attributes: Mapping[str, str]) -> None:
            if _local(tag) == "Relationship":
                targets[attributes["Id"]] = attributes["Target"]

        _parse(self.chunks(_WORKBOOK), in_workbook)
        _parse(self.chunks(_WORKBOOK_RELATIONS), in_relations)
        target = targets[relation]
        return target.lstrip("/") if target.startswith("/") else f"xl/{target}"

    def repacked(self, sheet: str) -> io.BytesIO:
        """A package of only what the sheet needs, not compressed: nothing is left to unpack without measure."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for part in (*_PARTS, sheet):
                if part in self._entries:
                    archive.writestr(part, self._content(part))
        packed.seek(0)
        return packed

    def _content(self, part: str) -> bytes:
        return b"".join(self.chunks(part))


def _refuse_bombs(entries: Iterable[zipfile.ZipInfo], file_bytes: int) -> None:
    total = 0
    for entry in entries:
        total += entry.file_size
        large = entry.file_size > _SMALL_PART_BYTES
        if large and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise SheetError("too_large", f"{entry.filename} unpacks to more than {MAX_RATIO} times its size")
    if total > MAX_UNZIPPED_BYTES:
        raise SheetError("too_large", f"the file unpacks to more than {MAX_UNZIPPED_BYTES >> 20} MiB")
    if total > _SMALL_PART_BYTES and total > MAX_RATIO * file_bytes:
        raise SheetError("too_large", f"the file unpacks to more than {MAX_RATIO} times its size")


def _parse(chunks: Iterable[bytes], on_start: Callable[[str, Mapping[str, str]], None]) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = on_start
    parser.StartDoctypeDeclHandler = _refuse_doctype
    for chunk in chunks:
        parser.Parse(chunk)
    parser.Parse(b"", True)


def _refuse_doctype(*_: object) -> None:
    raise SheetError("format", "the file holds a document type declaration, which no spreadsheet writes")


class _Scan:
    """Walks the sheet's XML once: refuses a sheet that is too large, and finds formulas and errors."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.odd: dict[tuple[int, int], OddCell] = {}  # (row, column), both from 1
        self._row = 0
        self._column = 0
        self._cells = 0
        _parse(chunks, self._start)

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        kind = _local(tag)
        if kind == "c":
            self._cell(attributes)
        elif kind == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = 0
        elif kind == "f":
            self._mark(OddCell("formula", "is a formula; paste its value instead"))
        elif kind in ("v", "is"):  # a cell without a value may be anywhere: a whole column that was formatted
            self._refuse_far()

    def _cell(self, attributes: Mapping[str, str]) -> None:
        self._cells += 1
        if self._cells > MAX_CELLS:
            raise SheetError("too_large", f"the sheet has more than {MAX_CELLS} cells")
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
        elif match := _REFERENCE.fullmatch(reference):
            self._column, self._row = _column_number(match[1]), int(match[2])
        else:
            raise SheetError("format", f"{reference!r} is not a cell")
        kind = attributes.get("t")
        if kind == "e":
            self._mark(OddCell("error", "holds an error of the spreadsheet"))
        elif kind == "d":
            self._mark(OddCell("date", "is a date; format the cell as text"))

    def _mark(self, odd: OddCell) -> None:
        self._refuse_far()
        self.odd[self._row, self._column] = odd

    def _refuse_far(self) -> None:
        if self._row > MAX_ROWS + 1:
            raise SheetError("too_many_rows", f"the sheet has more than {MAX_ROWS} rows")
        if self._column > MAX_COLUMNS:
            raise SheetError("too_many_columns", f"row {self._row} has more than {MAX_COLUMNS} columns")


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _cell(value: object) -> Cell:
    """One value as calamine gives it."""
    if isinstance(value, str):
        return unescaped(value)
    if isinstance(value, bool):
        return OddCell("boolean", "is a logical value; write yes or no as text")
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return OddCell("date", "is a date or a time; format the cell as text")
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) < _MAX_WHOLE and value == int(value):
        return int(value)
    return OddCell("number", "is not a whole number below 10^15; format the cell as text")
