"""Import files as cells: both kinds, and what is hostile in either."""

import contextlib
import datetime
import io
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.styles import Font

from edge.admin import sheet_limits
from edge.admin.sheet import read_sheet
from edge.admin.sheet_limits import SheetError, escaped, unescaped
from edge.core.template import OddCell


def cells(path: Path, data: bytes) -> list[list[object]]:
    path.write_bytes(data)
    return read_sheet(path).rows


def codes(rows: list[list[object]]) -> list[list[object]]:
    return [[cell.code if isinstance(cell, OddCell) else cell for cell in row] for row in rows]


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(SheetError) as refused:
        read_sheet(path)
    return refused.value.code


CSV = [
    (b"A,B\n1,2\n", [["A", "B"], ["1", "2"]]),
    ("Straße;B\n007;ö\n".encode(), [["Straße", "B"], ["007", "ö"]]),
    (b"\xef\xbb\xbfA\tB\r\n\r\n1\t2\r\n", [["A", "B"], [], ["1", "2"]]),
    ("A,B\n1,ż".encode("utf-16"), [["A", "B"], ["1", "ż"]]),
    (b'A,B\n"a;b, ""c""","d\ne"\n', [["A", "B"], ['a;b, "c"', "d\ne"]]),
    (b"A,B\n=1+1,@x\n'=1,'@y\n", [["A", "B"], ["formula", "formula"], ["=1", "@y"]]),
    (b"A\n1\n,\n\n", [["A"], ["1"]]),
    (b"", []),
]


@pytest.mark.parametrize(("data", "rows"), CSV)
def test_csv(tmp_path, data, rows):
    assert codes(cells(tmp_path / "x.csv", data)) == rows


def test_windows_1251_comes_with_a_notice(tmp_path):
    file = tmp_path / "x.csv"
    file.write_bytes("Имя;B\nЯна;1\n".encode("cp1251"))
    sheet = read_sheet(file)
    assert sheet.rows == [["Имя", "B"], ["Яна", "1"]]
    assert "Windows-1251" in sheet.notices[0]


BAD_FILES = [
    (b"A,B\n\x00\x01", "format"),
    (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "format"),
    (b"PK\x03\x04 not a zip", "format"),
    (b"A\n\x98\xff", "encoding"),
    (b"\xff\xfeA", "encoding"),
    (b'A,B\n"a"b,c\n', "csv"),
    (b"A\n" + b"x" * 200_000, "csv"),
    (b"A\n" + b"1\n" * 50_001, "too_many_rows"),
    (b"," * 64 + b"\n", "too_many_columns"),
    (b"A\n" + b"," * (5 << 20), "csv"),
]


@pytest.mark.parametrize(("data", "code"), BAD_FILES)
def test_what_is_no_sheet(tmp_path, data, code):
    assert refusal(tmp_path / "x", data) == code


def test_fifty_thousand_rows_are_taken(tmp_path):
    assert len(cells(tmp_path / "x.csv", b"A\n" + b"1\n" * 50_000)) == 50_001


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.admin.sheet.MAX_FILE_BYTES", 10)
    assert refusal(tmp_path / "x.csv", b"A,B\n1,2\n3,4\n") == "too_large"


def workbook(fill) -> bytes:
    book = openpyxl.Workbook()
    fill(book.active)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def test_xlsx_cells_as_they_were_typed(tmp_path):
    def fill(sheet):
        sheet.append(["A", "B", "C"])
        sheet["A3"], sheet["B3"], sheet["C3"] = "007", 7, 1.5
        sheet["A4"], sheet["B4"], sheet["C4"] = True, "=1+1", datetime.date(2026, 1, 1)
        sheet["A5"], sheet["B5"], sheet["C5"] = "#DIV/0!", 10**15, datetime.time(1, 2)
        sheet["A5"].data_type = "e"
        sheet["A6"], sheet["B6"], sheet["C6"] = "'=x", 10**14, " y "
        sheet["A9"].font = Font(bold=True)

    assert codes(cells(tmp_path / "x.xlsx", workbook(fill))) == [
        ["A", "B", "C"],
        ["", "", ""],
        ["007", 7, "number"],
        ["boolean", "formula", "date"],
        ["error", "number", "date"],
        ["=x", 10**14, " y "],
    ]


def test_only_the_first_sheet_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["first"])
    book.create_sheet("second").append(["second"])
    book.save(tmp_path / "x.xlsx")
    assert read_sheet(tmp_path / "x.xlsx").rows == [["first"]]
    assert read_sheet(tmp_path / "x.xlsx").notices == []


def test_formatting_far_away_is_harmless_and_a_value_is_not(tmp_path):
    def format_far(sheet):
        sheet.append(["A"])
        sheet["F1048576"].font = Font(bold=True)
        sheet["XFD2"].font = Font(bold=True)

    assert cells(tmp_path / "x.xlsx", workbook(format_far)) == [["A"]]
    for place, code in (("A50002", "too_many_rows"), ("BM2", "too_many_columns"), ("XFD1048576", "too_many_rows")):
        assert refusal(tmp_path / "x.xlsx", workbook(lambda sheet, place=place: sheet.__setitem__(place, "x"))) == code
        assert refusal(tmp_path / "x.xlsx", workbook(lambda sheet, place=place: sheet.__setitem__(place, "=1"))) == code


GOOD = workbook(lambda sheet: sheet.append(["A"]))
SHEET = "xl/worksheets/sheet1.xml"


def repacked(**replaced: bytes) -> bytes:
    """The workbook GOOD with parts replaced (None: left out); `__` stands for `/` and `_dot_` for a dot."""
    parts = {name.replace("__", "/").replace("_dot_", "."): content for name, content in replaced.items()}
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), *parts}:
            content = parts.get(name, old.read(name) if name in old.namelist() else b"")
            if content is not None:
                new.writestr(name, content)
    return packed.getvalue()


def with_sheet(xml: bytes) -> bytes:
    return repacked(xl__worksheets__sheet1_dot_xml=xml)


NS = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
BOMBS = [
    (with_sheet(b" " * (5 << 20)), "too_large"),
    (repacked(xl__media__x_dot_png=b"\x00" * (5 << 20)), "too_large"),
    (with_sheet(b"<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet/>"), "format"),
    (with_sheet(b"<worksheet><broken"), "format"),
    (with_sheet(b'<worksheet %b><sheetData><row r="x"/></sheetData></worksheet>' % NS), "format"),
    (with_sheet(b'<worksheet %b><sheetData><row><c r="1A"/></row></sheetData></worksheet>' % NS), "format"),
    (repacked(xl__workbook_dot_xml=None), "format"),
    (repacked(xl__worksheets__sheet1_dot_xml=None), "format"),
    (repacked(xl__workbook_dot_xml=b"<workbook/>"), "format"),
    (repacked(**{"[Content_Types]_dot_xml": b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"}), "format"),
    (GOOD[:-30], "format"),
    (GOOD.replace(b"xl/workbook.xml", b"xl/wORKbook.xml"), "format"),
]


@pytest.mark.parametrize(("data", "code"), BOMBS)
def test_hostile_packages(tmp_path, data, code):
    assert refusal(tmp_path / "x.xlsx", data) == code


def test_a_package_may_lie_about_its_size(tmp_path):
    """The directory says 10 bytes, the content is more: what is beyond is never unpacked, and it is no sheet then."""
    data = bytearray(with_sheet(b"<worksheet>" + b" " * 100_000 + b"</worksheet>"))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        name = archive.getinfo(SHEET).filename.encode()
    place = data.rfind(name) - 46 + 24  # uncompressed size in the central directory's entry
    struct.pack_into("<I", data, place, 10)
    assert refusal(tmp_path / "x.xlsx", bytes(data)) == "format"


def test_too_many_cells(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.admin.xlsx.MAX_CELLS", 2)
    assert refusal(tmp_path / "x.xlsx", workbook(lambda sheet: sheet.append(["A", "B", "C"]))) == "too_large"


def test_too_much_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.admin.xlsx.MAX_UNZIPPED_BYTES", 1000)
    assert refusal(tmp_path / "x.xlsx", GOOD) == "too_large"


@given(st.binary(max_size=300))
def test_any_bytes_are_cells_or_a_refusal(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(data)
    with contextlib.suppress(SheetError):
        read_sheet(file)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_damaged_workbook_is_cells_or_a_refusal(tmp_path_factory, place, byte):
    data = bytearray(GOOD)
    data[place] = byte
    file = tmp_path_factory.getbasetemp() / "damaged"
    file.write_bytes(data)
    with contextlib.suppress(SheetError):
        read_sheet(file)


@given(st.text(alphabet="'=@a", max_size=6))
def test_escapes_come_back(value):
    assert unescaped(escaped(value)) == value
    assert not escaped(value).startswith(("=", "@"))


def test_the_limits_are_the_promised_ones():
    assert (sheet_limits.MAX_ROWS, sheet_limits.MAX_RATIO) == (50_000, 200)
    assert (sheet_limits.MAX_FILE_BYTES, sheet_limits.MAX_UNZIPPED_BYTES) == (64 << 20, 256 << 20)
