"""How large an import file may be, and the one escape that keeps text from being taken for a formula."""

import re
from typing import Final

MAX_ROWS: Final = 50_000  # beside the header
MAX_COLUMNS: Final = 64
MAX_CELLS: Final = 1_000_000  # of one sheet, blank ones too: more would take longer than 5 s only to look at
MAX_FILE_BYTES: Final = 64 << 20
MAX_UNZIPPED_BYTES: Final = 256 << 20
MAX_RATIO: Final = 200  # unzipped to zipped
_FORMULA: Final = re.compile(r"'*[=@]")
_ESCAPED: Final = re.compile(r"'+[=@]")


class SheetError(Exception):
    """The file as a whole can't be taken; *code* is a stable word."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def escaped(value: str) -> str:
    """*value* for a sheet: what a spreadsheet could take for a formula gets a ``'`` in front."""
    return f"'{value}" if _FORMULA.match(value) else value


def unescaped(value: str) -> str:
    """The value that `escaped` was given."""
    return value[1:] if _ESCAPED.match(value) else value
