"""QR codes on a terminal and in files. They are secrets: a file is its owner's alone."""

import io
import os
from pathlib import Path
from typing import Final

import click
import segno

FORMATS: Final = ("svg", "png")
_PIXELS: Final = 10  # a module of a PNG


def check_file(file: Path | None) -> None:
    """Misuse for a file that is neither SVG nor PNG, before anything is made."""
    if file is not None and file.suffix.lower().lstrip(".") not in FORMATS:
        raise click.UsageError("a QR code is written to a file .svg or .png")


def terminal(value: str) -> str:
    """The code of *value* in half blocks, dark on light whatever the terminal's colours."""
    out = io.StringIO()
    segno.make_qr(value, error="m").terminal(out=out, compact=True)
    return out.getvalue().rstrip("\n")


def write(value: str, file: Path) -> None:
    """The code of *value* as SVG or PNG, by the name of *file*. Raises OSError; FileExistsError where it is there."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        segno.make_qr(value, error="m").save(out, kind=file.suffix.lower().lstrip("."), scale=_PIXELS)
