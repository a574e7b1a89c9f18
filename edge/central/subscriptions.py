"""Subscriptions of residents' apps: until when they are active, and whom to tell before they end."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from edge.central.changes import Change
from edge.central.problems import Invalid
from edge.central.tables import item, notice
from edge.store.upsert import insert_missing
from models.service import Activation

NOTICE_DAYS: Final = (15, 5, 3, 1)
MAX_YEARS: Final = 5


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one resident."""

    community: str
    resident: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    expires: str = ""
    days: int = 0  # before the end; 0 = it was renewed


def activate(change: Change, resident: str, until: date) -> Mail | None:
    """The resident's app works through *until*; the mail that says so, if the community sends such.

    Raises Invalid where that is past or more than five years on, Unknown where there is no such resident.
    """
    today = _today(change.now_ms, change.rules.community.time_zone)
    last = _years_on(today, MAX_YEARS)
    if not today <= until <= last:
        raise Invalid("until", f"a subscription ends between {today} and {last}")
    body = change.get("resident", resident)
    now = {"activation": Activation.ACTIVE.value, "expires": until.isoformat()}
    change.put("resident", resident, {**body, **now})
    change.note("subscription", resident=resident, until=until.isoformat())
    site = change.get("community", change.community)
    if not site.get("send_renew_mail") or not body.get("email"):
        return None
    text = f"Your intercom app in {site['name']} works until {until}."
    return Mail(change.community, resident, body["email"], f"{site['name']}: renewed", text, until.isoformat())


def deactivate(change: Change, resident: str) -> None:
    """The resident's app stops now; monitors go on ringing."""
    change.merge("resident", resident, activation=Activation.INACTIVE.value)
    change.note("subscription", resident=resident, ended=True)


def due(connection: Connection, now_ms: int) -> Iterator[Mail]:
    """Notices that are to be sent now: for each resident the shortest that has become due and was not sent."""
    for site in connection.execute(select(item.c.community, item.c.body).where(item.c.kind == "community")):
        body = json.loads(site.body)
        if body.get("send_expiration_mail"):
            yield from _due_of(connection, site.community, body, _today(now_ms, body["time_zone"]))


def _due_of(connection: Connection, community: str, site: dict[str, Any], today: date) -> Iterator[Mail]:
    sent = {
        (row.resident, row.expires, row.days)
        for row in connection.execute(select(notice).where(notice.c.community == community))
    }
    rows = connection.execute(
        select(item.c.id, item.c.body).where(
            item.c.community == community, item.c.kind == "resident", item.c.body.is_not(None)
        )
    )
    for row in rows:
        body = json.loads(row.body)
        expires = str(body.get("expires") or "")
        left = _days_left(expires, today)
        if left is None or not body.get("email") or body.get("activation", "active") != Activation.ACTIVE.value:
            continue
        days = min((each for each in NOTICE_DAYS if left <= each), default=None)
        if days is None or left < 0 or (row.id, expires, days) in sent:
            continue
        text = f"Your intercom app in {site['name']} works until {expires[:10]}. Ask your manager to renew it."
        yield Mail(community, row.id, body["email"], f"{site['name']}: ends in {left} days", text, expires, days)


def remember(connection: Connection, mail: Mail, now_ms: int) -> None:
    """The mail was handed over."""
    row = {"community": mail.community, "resident": mail.resident, "expires": mail.expires, "days": mail.days}
    insert_missing(connection, notice, {**row, "sent_ms": now_ms})


def _days_left(expires: str, today: date) -> int | None:
    try:
        return (date.fromisoformat(expires[:10]) - today).days
    except ValueError:
        return None


def _today(now_ms: int, time_zone: str) -> date:
    return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(time_zone)).date()


def _years_on(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)
