"""The installers' template as a file over HTTP: taken whole or not at all, and never more than is taken."""

import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openpyxl
import pytest

from edge.central.api import uploads
from tests.loopback.central.lab import Lab

HEADER = ["Building", "Apt", "Device", "FirstName", "LastName"]
ROWS = [["1", "101", "Hall,2,0C11050893C6", "Ada", "Lovelace"], ["1", "102", "", "Bob", "Kahn"]]
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def xlsx(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in (HEADER, *rows):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def bomb() -> bytes:
    """A workbook whose sheet unpacks to 300 MiB of blanks."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx())) as good, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bad:
        for name in good.namelist():
            with bad.open(name, "w") as part:
                part.write(good.read(name))
                for _ in range(300 if name.endswith("sheet1.xml") else 0):
                    part.write(b" " * (1 << 20))
    return out.getvalue()


async def upload(lab: Lab, body: bytes, *, expect: int = 200, **query: Any) -> Any:
    answer = await lab.http.post(
        f"/v1/communities/{lab.community}/import/file", content=body, params=query, headers={"Content-Type": XLSX_TYPE}
    )
    assert answer.status_code == expect, answer.text
    return answer.json()


async def numbers(lab: Lab) -> list[str]:
    rows = await lab.ask("GET", f"/v1/communities/{lab.community}/things/apartment")
    return sorted(row["body"]["number"] for row in rows)


@pytest.mark.parametrize("file", [xlsx(*ROWS), "\n".join(";".join(row) for row in (HEADER, *ROWS)).encode("utf-8-sig")])
async def test_a_file_is_told_by_its_content_and_stored(lab: Lab, file: bytes) -> None:
    await lab.change(("mac", "0c11050893c6", {"mac": "0c11050893c6"}))
    dry = await upload(lab, file, dry_run=True)
    assert (dry["apartments"], await numbers(lab)) == (2, [])
    told = await upload(lab, file)
    assert (told["rows"], told["residents"], told["devices"]) == (2, 2, 1)
    assert await numbers(lab) == ["101", "102"]


async def test_every_bad_cell_is_named_and_nothing_is_stored(lab: Lab) -> None:
    told = await upload(lab, xlsx(*ROWS, ["1", "#7", "", "", ""], ["1", "=1+1", "", "", ""]), expect=422)
    cells = {(each["row"], each["column"], each["code"]) for each in told["errors"]}
    assert cells >= {(2, "Device", "not_in_library"), (5, "Apt", "formula")}
    assert {row for row, _, _ in cells} == {2, 4, 5}
    assert (told["error"]["reason"], await numbers(lab)) == ("sheet", [])


FOUL = [
    (bomb(), "too_large"),
    (b"PK\x03\x04" + b"\0" * 40, "format"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "format"),
    (b"\x00\x01", "format"),
]


@pytest.mark.parametrize(("file", "code"), FOUL)
async def test_a_bomb_or_another_kind_of_file_is_refused(lab: Lab, file: bytes, code: str) -> None:
    told = await upload(lab, file, expect=422)
    assert [each["code"] for each in told["errors"]] == [code]


async def test_what_is_longer_than_is_taken_is_not_read_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 100_000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(2_000):
            sent += 1 << 20
            yield b"x" * (1 << 20)

    for body in (b"x" * 100_001, endless()):
        try:
            answer = await lab.http.post(f"/v1/communities/{lab.community}/import/file", content=body)
        except httpx.TransportError:  # it hung up while we still wrote
            continue
        assert answer.status_code == 413
    assert sent < 1 << 30
    assert await upload(lab, b"x" * 100_000, expect=422)


async def test_who_has_no_token_sends_little(lab: Lab) -> None:
    async with lab.client("") as nobody:
        nobody.headers.pop("Authorization")
        long = {"code": "x" * 70_000, "public_key": "", "name": ""}
        assert (await nobody.post("/v1/enrol", json=long)).status_code == 413
        assert (await nobody.post("/v1/enrol", json={**long, "code": "x"})).status_code in (403, 422)
        answer = await nobody.post(f"/v1/communities/{lab.community}/import/file", content=b"Building,Apt\n")
        assert answer.status_code == 401
