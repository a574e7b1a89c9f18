"""`docs/access.md`: why a door opens or does not, written from the tables and numbers that decide it.

python -m edge.core.handbook > docs/access.md
"""

import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from edge.core.mass_change import MORE_THAN, MORE_THAN_PER_CENT
from edge.core.orders import MAX_HOLD_MS
from edge.core.passage import FACTOR_LIVES_S, PASSES_WITHIN_S, PULLED_AFTER_S
from edge.core.reasons import CAUSES, WORDS
from edge.core.restrictions import LETS_OUT, UNRESTRICTED
from edge.core.service import ASKS_NO_SERVICE, WORSE, feature_objection, service_objection
from models.access import Reason, UnlockMethod
from models.service import Feature

_WIDTH: Final = 118


def handbook() -> str:
    """The whole page."""
    parts = (_reasons(), _causes(), _services(), *map(_paragraph, _TEXTS), _LAST)
    return "\n\n".join(parts) + "\n"


def _paragraph(text: str) -> str:
    """A heading as it is; anything else in lines of the page's width."""
    clean = " ".join(text.split())
    return clean if clean.startswith("#") else textwrap.fill(clean, _WIDTH, break_on_hyphens=False)


def _reasons() -> str:
    rows = "\n".join(f"| `{reason.value}` | {words.meaning} | {words.change} |" for reason, words in WORDS.items())
    return f"""# Why a door did or did not open

Every attempt and every opening is one row in the log with one of these reasons. The rules are asked in a fixed order
(`edge/core/access.py`), and the first that objects gives the reason. `edge door explain` asks the same rules without
opening, counting or logging anything.

A device is told `unknown_credential` where the truth is `door_not_served`, `permission` or `ambiguous`: a stranger
must not learn that a code opens another door. The log has the truth.

| reason | what it means | what would change it |
| --- | --- | --- |
{rows}"""


def _causes() -> str:
    rows = "\n".join(f"| `{cause.value}` | {words.meaning} | {words.change} |" for cause, words in CAUSES.items())
    return f"""`not_allowed` has a cause in the log and in `edge door explain` where the door itself objects:

| cause | what it means | what would change it |
| --- | --- | --- |
{rows}"""


def _services() -> str:
    heads = " | ".join(state.value for state in WORSE)
    rules = " | ".join("---" for _ in WORSE)
    rows = "\n".join(_service_rows())
    guard = _paragraph(
        f"A change that closes more than {MORE_THAN_PER_CENT} % of a building's apartments, and more than {MORE_THAN}"
        " of them, is refused unless it is confirmed."
    )
    return f"## Service state\n\n| | {heads} |\n| --- | {rules} |\n{rows}\n\n{guard}"


def _service_rows() -> Iterator[str]:
    """What works in which state, as `edge.core.service` decides it."""
    for method in UnlockMethod:
        if method not in ASKS_NO_SERVICE:
            yield _row(f"`{method.value}`", (service_objection(state, method) for state in WORSE))
    for feature in Feature:
        yield _row(feature.value, (feature_objection(state, feature) for state in WORSE))


def _row(name: str, objections: Iterable[Reason | None]) -> str:
    cells = " | ".join("yes" if objection is None else f"no: `{objection.value}`" for objection in objections)
    return f"| {name} | {cells} |"


def _named(methods: Iterable[UnlockMethod]) -> str:
    return ", ".join(f"`{method.value}`" for method in UnlockMethod if method in methods)


_TEXTS: Final = (
    "## Schedules",
    """A schedule is `mon 08:00-18:00; sat-sun 10:00-14:00`, in the community's time zone; hours that end before
    they begin run into the next day and belong to their first one. On a night with an hour twice, both passes are
    inside; an hour that is left out never happens. `hol 10:00-14:00` or `hol closed` replaces the weekday on the
    community's holidays (`edge holiday`), `2026-12-24 08:00-12:00` or `2026-12-24 closed` replaces both on that
    day.""",
    f"""A credential may have a schedule, a relay (when its methods open it) and a door (when any of its relays
    opens); without one it is always. {_named(UNRESTRICTED)} ask no schedule, nor does a guard in a call. The hours
    in which a panel itself holds its door open (`edge device set --open-schedule`) are told to the panel in
    `down/config`; no decision depends on them.""",
    "## What a door itself allows",
    f"""**Orders of an operator.** `edge door lock` locks down a door, the doors that serve one building alone, or
    all of them: {_named(UNRESTRICTED)} go on, and a guard in a call; everything else is `not_allowed` before
    anything presented is looked at, so nothing is counted and nothing is learnt. `edge door hold` holds a door open
    for at most {MAX_HOLD_MS // 3_600_000} hours: the panel is told once (`down/hold`), and the relays are those
    that list `remote`. `edge door release` ends both. Orders outlive a restart as a state; no start, no device that
    is back and no end of a lock-down moves a relay.""",
    f"""**Interlock** (`edge device set --interlock NAME`). While one door of a name is reported open, or was
    released less than its trigger and hold time and {PULLED_AFTER_S:.0f} s ago, the others are refused.
    {_named(LETS_OUT)} always open. A door whose device is offline, or that never told, holds up nobody.""",
    f"""**Areas** (`edge area`). A reader leads into an area or out of it; who is known to be inside does not come
    in again: *soft* opens and raises an alarm, *hard* refuses. Nobody is kept from going out. A resident counts as
    one person whatever they present. Where the door has a contact that ever told, a grant counts when the door
    opens within {PASSES_WITHIN_S:.0f} s. `edge area reset` forgets everybody; so does the time set for the
    area.""",
    f"""**Card and PIN** (`edge relay set --two-factor yes`). The relay opens by an RF card or NFC tag and a PIN of
    one apartment, and of one resident where both name one, within {FACTOR_LIVES_S:.0f} s at the same reader, in
    either order. The answer to the first says what completes it (`second_factor`). Calls, apps, guards, operators,
    exits and fire are not asked for it.""",
    "## Beside decisions",
    """A **pass** (`edge pass`) is a QR code, or a PIN for a delivery, with an end, uses and hours as any
    credential; it is shown once. With `[app] public_url` what is sent has a link to a page that draws the code; the
    code stands behind the #, so no server hears it. A **group of doors** (`edge group`) narrows credentials to its
    doors of the moment; an empty one opens none. A grant in the right of an apartment with a web relay id asks
    `[access] web_relay_url` for that action; nobody waits for it, a redirect is not followed, and its end is a row of
    kind `device`.""",
)

_LAST: Final = "This page is written by `python -m edge.core.handbook`; a test keeps it equal."


if __name__ == "__main__":
    sys.stdout.write(handbook())
