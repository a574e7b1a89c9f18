"""The sheet that an installer leaves in an apartment, as one page of HTML with nothing outside it. Pure."""

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import segno


@dataclass(frozen=True, slots=True)
class Invited:
    """A resident, and the link that lets a phone in."""

    name: str
    link: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SheetDoor:
    """A door that serves the apartment; *keys*: (digit, what it opens) while one talks with it."""

    name: str
    keys: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    community: str
    apartment: str
    doors: Sequence[SheetDoor]
    invited: Sequence[Invited]
    invite_hours: float
    pin: str = field(default="", repr=False)  # as it is typed at a door, a new one; "" = none was made


_STYLE: Final = """
@page { size: A4; margin: 14mm } @media screen { section { margin: 14mm auto; max-width: 180mm } }
body { font: 11pt/1.45 system-ui, sans-serif; color: #111; margin: 0 }
section { break-after: page } section:last-child { break-after: auto }
h1 { font-size: 30pt; line-height: 1; margin: 0 0 2mm } h2 { font-size: 13pt; margin: 9mm 0 2mm }
header p { color: #555; margin: 0 }
.phones { display: grid; grid-template-columns: repeat(auto-fill, minmax(52mm, 1fr)); gap: 6mm }
figure { margin: 0 } figure svg { width: 46mm; height: 46mm; display: block } figcaption { font-weight: 600 }
.pin { font: 600 24pt/1.3 ui-monospace, monospace; letter-spacing: .12em }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 1.5mm 3mm 1.5mm 0 }
tr { border-bottom: .3mm solid #ddd } kbd { font: 600 13pt ui-monospace, monospace }
"""


def page(sheets: Sequence[Sheet]) -> str:
    """All *sheets*, each on a page of its own. Every text in them may be hostile."""
    title = html.escape(sheets[0].community)
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>\n'
    return head + "\n".join(_section(sheet) for sheet in sheets) + "\n</html>\n"


def _section(sheet: Sheet) -> str:
    parts = [
        f"<header><p>{html.escape(sheet.community)}</p><h1>{html.escape(sheet.apartment)}</h1></header>",
        _phones(sheet),
        _pin(sheet),
        _doors(sheet.doors),
    ]
    return f"<section>{''.join(parts)}</section>"


def _phones(sheet: Sheet) -> str:
    if not sheet.invited:
        return ""
    codes = "".join(
        f"<figure>{_qr(each.link)}<figcaption>{html.escape(each.name)}</figcaption></figure>" for each in sheet.invited
    )
    return (
        "<h2>Your phone rings too</h2><p>Take a picture of your code with your phone. It works once, within "
        f'{sheet.invite_hours:g} hours. Keep it to yourself.</p><div class="phones">{codes}</div>'
    )


def _pin(sheet: Sheet) -> str:
    if not sheet.pin:
        return ""
    return f'<h2>Your code at the door</h2><p class="pin">{html.escape(sheet.pin)}</p>'


def _doors(doors: Sequence[SheetDoor]) -> str:
    if not doors:
        return ""
    rows = "".join(f"<tr><th>{html.escape(door.name)}</th><td>{_keys(door.keys)}</td></tr>" for door in doors)
    return f"<h2>Doors</h2><table>{rows}</table>"


def _keys(keys: Sequence[tuple[str, str]]) -> str:
    if not keys:
        return "opens by the button of your monitor or app"
    pressed = [f"<kbd>{html.escape(digit)}</kbd> opens {html.escape(what)}" for digit, what in keys]
    return "while you talk: " + ", ".join(pressed)


def _qr(link: str) -> str:
    out = io.BytesIO()
    segno.make_qr(link, error="m").save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2)
    return out.getvalue().decode()
