"""What an app asks for now and then: history, passes, its own settings. Runs in threads, since the store blocks."""

import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from edge.admin import passes
from edge.admin.edit import Admin, Ambiguous, NotFound, Reading, Refused, reading
from edge.admin.passes import NewPass
from edge.core.checks import RuleBroken
from edge.core.snapshot import Snapshot
from edge.portal import reported, requests, sessions, state
from edge.portal.reported import Report
from edge.portal.requests import Requests
from edge.portal.sessions import Session
from edge.store import calls, journal
from edge.store.calls import CallFilter
from edge.store.journal import LogFilter
from models.access import CredentialKind, Origin
from models.community import Apartment, Resident
from models.ids import Mac
from models.log import LogKind
from models.service import Feature

HISTORY_MAX: Final = 100
HISTORY_DEFAULT: Final = 50
HISTORY_MS: Final = 30 * 24 * 3_600_000  # how far back openings are looked for
KINDS: Final[Mapping[str, CredentialKind]] = {"qr": CredentialKind.QR, "pin": CredentialKind.PIN}
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)

Json = Mapping[str, object]


class NotDone(Exception):
    """What was asked is refused. *reason* is a word of the protocol; the text says more, where a rule has words."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(text)
        self.reason = reason


class Asking:
    """Answers one question; *snapshot* and *resident* are those of now. Raises NotDone and StoreError."""

    def __init__(self, admin: Admin, public_url: str) -> None:
        """*admin* writes as the actor ``app``."""
        self._admin = admin
        self._public_url = public_url

    def history(self, snapshot: Snapshot, resident: Resident, fields: Mapping[str, Any]) -> Json:
        """Calls and openings of the resident's apartments that have history now, newest first."""
        limit = int(fields.get("limit", HISTORY_DEFAULT))
        before = fields.get("before_ms")
        homes = state.with_feature(snapshot, resident, Feature.HISTORY, self._admin.now_ms())
        with reading(self._admin.store) as scope:
            rung = [row for home in homes for row in self._calls(scope, home, limit, before)]
            opened = [row for home in homes for row in self._openings(scope, home, limit, before)]
        return {"calls": _newest(rung, limit), "openings": _newest(opened, limit)}

    def _calls(self, scope: Reading, home: Apartment, limit: int, before: int | None) -> list[dict[str, Any]]:
        newest = limit if before is None else HISTORY_MAX * 10
        found = calls.rows(scope.connection, CallFilter(apartment=home.id, newest=newest))
        return [_call(row) for row in found if before is None or _ms(row["at"]) < before]

    def _openings(self, scope: Reading, home: Apartment, limit: int, before: int | None) -> list[dict[str, Any]]:
        since = self._admin.now_ms() - HISTORY_MS
        found = journal.rows(scope.connection, LogFilter(apartment=home.id, since_ms=since, kind=LogKind.ACCESS))
        return [_opening(row) for row in deque((r for r in found if before is None or _ms(r["at"]) < before), limit)]

    def passes(self, snapshot: Snapshot, resident: Resident) -> Json:
        homes = state.with_feature(snapshot, resident, Feature.CALLS, self._admin.now_ms())
        with reading(self._admin.store) as scope:
            rows = [
                row
                for home in homes
                for row in passes.listed(scope, self._admin.now_ms(), state.home_name(snapshot, home))
            ]
        return {"passes": [{key: row[key] for key in _PASS} for row in rows]}

    def pass_add(self, snapshot: Snapshot, resident: Resident, fields: Mapping[str, Any]) -> Json:
        home = self._home(snapshot, resident, str(fields.get("apartment", "")))
        kind = KINDS.get(str(fields.get("kind", "qr")))
        if kind is None or "until_ms" not in fields or not fields.get("name"):
            raise NotDone("bad_message")
        wanted = NewPass(
            state.home_name(snapshot, home), str(fields["name"]), fields["until_ms"], fields.get("from_ms"),
            fields.get("uses"), kind=kind, origin=Origin.RESIDENT,
        )  # fmt: skip
        try:
            with self._admin.edit() as edit:
                issued = passes.add(edit, wanted, public_url=self._public_url)
                edit.audit("app.pass", apartment=home.id, resident=resident.id, credential=issued.id)
        except (RuleBroken, Refused, NotFound, Ambiguous) as error:
            raise NotDone("not_allowed", str(error)) from error
        return {"id": issued.id, "value": issued.value, "text": issued.text}

    def pass_revoke(self, snapshot: Snapshot, resident: Resident, identity: str) -> Json:
        """Only one of the resident's own apartments that a resident issued."""
        mine = self.passes(snapshot, resident)["passes"]
        known = isinstance(mine, list) and any(row["id"] == identity and row["by"] == "resident" for row in mine)
        if not known:
            raise NotDone("not_allowed")
        try:
            with self._admin.edit() as edit:
                passes.revoke(edit, identity)
        except NotFound as error:
            raise NotDone("not_allowed") from error
        return {}

    def quiet_hours(self, session: Session, fields: Mapping[str, Any]) -> tuple[str, str]:
        """Store the do-not-disturb hours; as stored."""
        begins, ends = fields.get("from"), fields.get("until")
        if begins is None:
            begins = ends = ""
        elif not (_CLOCK.fullmatch(begins) and isinstance(ends, str) and _CLOCK.fullmatch(ends)):
            raise NotDone("bad_message")
        with self._admin.store.write() as connection:
            sessions.set_quiet(connection, session.id, begins, ends or "")
        return begins, ends or ""

    def subscribe(self, session: str, push: Mapping[str, str] | None) -> None:
        with self._admin.store.write() as connection:
            sessions.set_push(connection, session, push)

    def seen(self, session: str) -> None:
        with self._admin.store.write() as connection:
            sessions.seen(connection, session, self._admin.now_ms())

    def forget(self, session: str) -> None:
        """End a session by its own wish; one that is gone already is no error."""
        try:
            with self._admin.edit() as edit:
                sessions.revoke(edit, session)
        except NotFound:
            return

    def redeem(self, secret: str, point: bytes, name: str) -> Session:
        """Raises NotDone."""
        try:
            with self._admin.edit() as edit:
                return sessions.redeem(edit, secret, point, name)
        except Refused as error:
            raise NotDone("invite") from error
        except RuleBroken as error:
            raise NotDone("bad_message", str(error)) from error

    def reported(self) -> tuple[frozenset[Mac], list[tuple[Mac, Report]]]:
        """Monitors that can be armed, and what all of them reported last."""
        with self._admin.store.read() as connection:
            monitors = reported.monitors(connection)
            return reported.arming(connection), reported.last(connection, monitors)

    def arming(self) -> frozenset[Mac]:
        with self._admin.store.read() as connection:
            return reported.arming(connection)

    def requests(self) -> Requests:
        """Address requests that residents are shown."""
        with self._admin.store.read() as connection:
            return requests.load(connection)

    def load(self) -> dict[str, Session]:
        with self._admin.store.read() as connection:
            return sessions.load(connection)

    def _home(self, snapshot: Snapshot, resident: Resident, identity: str) -> Apartment:
        for home in state.with_feature(snapshot, resident, Feature.CALLS, self._admin.now_ms()):
            if home.id == identity:
                return home
        raise NotDone("not_allowed")


_PASS: Final = ("id", "name", "purpose", "kind", "apartment", "from", "until", "uses_left", "by", "state")


def _call(row: Mapping[str, Any]) -> dict[str, Any]:
    answered = row["answered_by"]
    return {
        "id": row["id"],
        "at_ms": _ms(row["at"]),
        "from": row["from"],
        "apartment": row["apartment"],
        "outcome": row["outcome"],
        "answered_by": None if answered is None else row["legs"][answered]["target"],
        "opened": row["opened"],
        "duration_s": row["duration_s"],
    }


def _opening(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at_ms": _ms(row["at"]),
        "door": row["door"],
        "method": row["method"],
        "outcome": row["outcome"],
        "reason": row["reason"],
        "apartment": row["apartment"],
        "who": row["resident"],
    }


def _newest(rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: int(row["at_ms"]), reverse=True)[:limit]


def _ms(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1000)
