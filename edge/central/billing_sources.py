"""Billing systems that are asked for their accounts: where they are, and what came of it the last time."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from edge.central import billing
from edge.central.billing import Account, Result, Told
from edge.central.changes import Central, Change
from edge.central.lanbilling import Unread
from edge.central.problems import CentralProblem, Invalid, Unknown
from edge.central.tables import billing_source
from edge.store.secrets import SecretsError
from edge.store.upsert import upsert

MAX_AUTHORIZATION_CHARS: Final = 4096
_PROBLEMS_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Source:
    """*service*: the periodic service that an intercom is. *report*: results are told to the billing system."""

    url: str
    service: str
    report: bool = False
    authorization: str = field(default="", repr=False)


class Unasked(CentralProblem):
    """The billing system could not be asked; what is known stays."""


def put(central: Central, actor: str, community: str, source: Source) -> None:
    """From now on accounts are asked for there. Raises Invalid."""
    if any(not (" " <= sign <= "~") for sign in source.authorization):
        raise Invalid("authorization", "the authorization has characters that no header has")
    sealed = None
    if source.authorization:
        sealed = central.secrets.vault.seal(source.authorization, **_sealed_as(community))
    with central.store.write() as connection:
        upsert(connection, billing_source, [{
            "community": community, "url": source.url, "service": source.service, "report": source.report,
            "sealed": sealed, "outcome": "",
        }])  # fmt: skip
        central.note(connection, actor, "billing.source", community, authorization=bool(sealed))


def drop(central: Central, actor: str, community: str) -> None:
    """Accounts are asked for no more; what they have made stays. Raises Unknown."""
    with central.store.write() as connection:
        if not connection.execute(delete(billing_source).where(billing_source.c.community == community)).rowcount:
            raise Unknown("source", "this community's accounts are asked for nowhere")
        central.note(connection, actor, "billing.source", community, gone=True)


def told(connection: Connection, community: str) -> dict[str, Any]:
    """The source as it is answered, without its authorization. Raises Unknown."""
    row = _row(connection, community)
    return {
        "url": row["url"], "service": row["service"], "report": row["report"],
        "authorization": row["sealed"] is not None,
        "outcome": json.loads(row["outcome"]) if row["outcome"] else None,
    }  # fmt: skip


def every(connection: Connection) -> list[str]:
    """Communities whose accounts are asked for."""
    return list(connection.execute(select(billing_source.c.community)).scalars())


def source(central: Central, community: str) -> Source:
    """Raises Unknown, Unasked where the authorization can't be unsealed."""
    with central.store.read() as connection:
        row = _row(connection, community)
    try:
        word = central.secrets.vault.unseal(row["sealed"], **_sealed_as(community)) if row["sealed"] else ""
    except SecretsError as error:
        raise Unasked("secret", "the authorization can't be unsealed: give it again") from error
    return Source(row["url"], row["service"], row["report"], word)


def take(change: Change, rows: Sequence[Account | Unread], *, confirm: bool) -> list[Told]:
    """Upsert what can be read; every row gets its answer, in the rows' order. Raises CentralProblem ``guard``."""
    done = iter(billing.take(change, [each for each in rows if isinstance(each, Account)], confirm=confirm))
    return [
        Told(each.id, Result.INVALID, each.reason) if isinstance(each, Unread) else next(done) for each in rows
    ]  # fmt: skip


def outcome_of(results: Iterable[Told], now_ms: int) -> dict[str, Any]:
    """For whoever looks: how many of each result, and the first that went wrong."""
    counts = dict.fromkeys((each.value for each in Result), 0)
    problems: list[Mapping[str, str]] = []
    for each in results:
        counts[each.result.value] += 1
        if each.reason and len(problems) < _PROBLEMS_KEPT:
            problems.append(as_told(each))
    return {"ok": True, "at_ms": now_ms, **counts, "problems": problems}


def as_told(each: Told) -> dict[str, str]:
    return {"id": each.id, "result": each.result.value, "reason": each.reason}


def remember(central: Central, actor: str, community: str, outcome: Mapping[str, Any]) -> None:
    """Keep what came of asking. One that fails again as before is no new row of the audit log."""
    with central.store.write() as connection:
        row = connection.execute(
            select(billing_source.c.outcome).where(billing_source.c.community == community)
        ).one_or_none()
        if row is None:
            return  # it was dropped meanwhile
        before = json.loads(row.outcome) if row.outcome else {}
        connection.execute(
            update(billing_source).where(billing_source.c.community == community)
            .values(outcome=json.dumps(outcome, ensure_ascii=False))
        )  # fmt: skip
        if outcome["ok"] or before.get("reason") != outcome["reason"]:
            central.note(
                connection, actor, "billing.pull", community, ok=outcome["ok"], reason=outcome.get("reason", "")
            )


def _row(connection: Connection, community: str) -> dict[str, Any]:
    row = connection.execute(select(billing_source).where(billing_source.c.community == community)).one_or_none()
    if row is None:
        raise Unknown("source", "this community's accounts are asked for nowhere")
    return dict(row._mapping)


def _sealed_as(community: str) -> dict[str, str]:
    return {"table": "billing_source", "column": "sealed", "row": community}
