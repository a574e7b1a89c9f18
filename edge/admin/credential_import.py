"""Credentials from a file whose columns are the options of `edge credential add`: all of them, or every bad row."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from edge.admin import credentials
from edge.admin.credentials import Added, NewCredential
from edge.admin.edit import Admin, Ambiguous, Edit, NotFound, Refused
from edge.admin.sheet import read_sheet
from edge.admin.sheet_limits import SheetError
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.core.moments import moment_ms
from edge.core.template import Cell, CellError, OddCell
from models.access import CredentialKind, Home, Origin

COLUMNS: Final = (
    "kind", "apartment", "resident", "value", "generate", "from", "until", "schedule", "uses", "doors", "duress",
    "home", "by", "consent",
)  # fmt: skip
_REQUIRED: Final = ("kind", "apartment")
_FAILED: Final = 1
_REFUSED: Final = 3
_MAX_ERRORS: Final = 1000

E = TypeVar("E", bound=enum.Enum)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made, by row of the file; or every bad row, and the exit code it comes to."""

    added: tuple[tuple[int, Added], ...] = ()
    errors: tuple[CellError, ...] = ()
    code: int = 0
    notices: tuple[str, ...] = ()


class _Undo(Exception):
    """Leaves the transaction without a trace."""


def import_credentials(admin: Admin, file: Path) -> Outcome:
    """All rows in one transaction, or none. Raises OSError, StoreError."""
    try:
        sheet = read_sheet(file)
    except SheetError as error:
        return Outcome(errors=(CellError(None, None, error.code, str(error)),), code=_FAILED)
    header = [
        str(cell).strip().lower().lstrip("-") if isinstance(cell, str) else "?" for cell in (sheet.rows or [[]])[0]
    ]
    errors = _header_errors(header)
    added: list[tuple[int, Added]] = []
    code = _FAILED
    try:
        if errors:
            raise _Undo
        with admin.edit() as edit:
            for number, cells in enumerate(sheet.rows[1:], start=2):
                if not any(cell != "" for cell in cells):
                    continue
                try:
                    added.append((number, credentials.add(edit, _row(edit, header, cells))))
                except Refused as error:
                    code = _REFUSED
                    errors.append(CellError(number, "value", "refused", str(error)))
                except (RuleBroken, NotFound, Ambiguous) as error:
                    errors.append(_error(number, error))
                if len(errors) >= _MAX_ERRORS:
                    break
            if not added and not errors:
                errors.append(CellError(None, None, "no_rows", "there is no row under the header"))
            if errors:
                raise _Undo
    except _Undo:
        return Outcome(errors=tuple(errors), code=code, notices=tuple(sheet.notices))
    return Outcome(tuple(added), notices=tuple(sheet.notices))


def _header_errors(header: list[str]) -> list[CellError]:
    errors = [
        CellError(1, name, "unknown_column", f"there is no column {name!r}: {', '.join(COLUMNS)}")
        for name in header
        if name and name not in COLUMNS
    ]
    errors += [CellError(1, name, "doubled_column", "is there twice") for name in COLUMNS if header.count(name) > 1]
    errors += [CellError(1, name, "missing_column", "is missing") for name in _REQUIRED if name not in header]
    return errors


def _error(number: int, error: RuleBroken | NotFound | Ambiguous) -> CellError:
    if isinstance(error, RuleBroken):
        return CellError(number, error.problem.field, error.problem.rule, error.problem.message)
    return CellError(number, None, "ambiguous" if isinstance(error, Ambiguous) else "not_found", str(error))


def _row(edit: Edit, header: list[str], cells: list[Cell]) -> NewCredential:
    """One row as a credential. Raises RuleBroken naming the column."""
    typed = {name: _text(name, cell) for name, cell in zip(header, cells, strict=False) if name}
    zone = edit.community.time_zone
    value, generate = typed.get("value") or None, _flag(typed, "generate")
    if generate == (value is not None):
        raise RuleBroken("value", "value_missing", "give a value, or yes in the column generate")
    return NewCredential(
        _word(typed, "kind", CredentialKind),
        typed.get("apartment", ""),
        value,
        resident=typed.get("resident") or None,
        valid_from_ms=_moment("from", typed, zone, end=False),
        valid_until_ms=_moment("until", typed, zone, end=True),
        schedule=typed.get("schedule") or None,
        uses=_uses(typed),
        doors=[door.strip() for door in typed.get("doors", "").split(",") if door.strip()],
        duress=_flag(typed, "duress"),
        home=_word(typed, "home", Home, Home.EDGE),
        origin=_word(typed, "by", Origin, Origin.INSTALLER),
        consent=_flag(typed, "consent"),
    )


def _text(name: str, cell: Cell) -> str:
    if isinstance(cell, OddCell):
        raise RuleBroken(name, cell.code, cell.reason)
    if isinstance(cell, int):
        if name in ("value", "doors"):
            raise RuleBroken(name, "number", "is a number; format the cell as text, or zeros in front would be lost")
        return str(cell)
    return cell if name == "value" else checks.text(name, cell, checks.URL_MAX_CHARS)


def _flag(typed: Mapping[str, str], name: str) -> bool:
    return bool(typed.get(name)) and checks.yes_or_no(name, typed[name])


def _uses(typed: Mapping[str, str]) -> int | None:
    word = typed.get("uses", "")
    if word and not (word.isascii() and word.isdigit() and len(word) < 10):
        raise RuleBroken("uses", "uses", f"{word!r} is not a number of uses")
    return int(word) if word else None


def _word(typed: Mapping[str, str], name: str, values: type[E], default: E | None = None) -> E:
    word = typed.get(name, "").lower()
    if not word and default is not None:
        return default
    for member in values:
        if member.value == word:
            return member
    raise RuleBroken(name, name, f"{word!r} is none of {', '.join(str(member.value) for member in values)}")


def _moment(name: str, typed: Mapping[str, str], zone: str, *, end: bool) -> int | None:
    try:
        return moment_ms(typed.get(name) or None, zone, end=end)
    except ValueError as error:
        raise RuleBroken(name, "time", str(error)) from error
