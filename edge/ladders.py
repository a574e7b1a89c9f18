"""The messages of one call as `edge call show` prints them."""

from collections.abc import Callable, Sequence

from edge.core.ladder import LadderMessage, draw, summarize
from edge.core.snapshot import Snapshot
from edge.http.ports import Json
from models.ids import SipUser
from models.times import rfc3339
from sip.bindings import BindingTable
from sip.trace import TracedMessage

Named = Callable[[str], str | None]
"""A SIP user's name for people; None for nobody's."""


def ladder_json(traced: Sequence[TracedMessage], table: BindingTable, named: Named) -> Json | None:
    """The messages and their drawing; None where none are kept."""
    if not traced:
        return None
    messages = [LadderMessage(one.at_ms, one.sent, str(one.flow.remote), summarize(one.data)) for one in traced]
    names = {str(b.flow.remote): name for b in table.everything() if (name := named(b.sip_user)) is not None}
    return {
        "messages": [
            {"at": rfc3339(m.at_ms), "sent": m.sent, "peer": m.peer, "name": names.get(m.peer), "summary": m.summary}
            for m in messages
        ],
        "text": draw(messages, names),
    }


def name_of(snapshot: Snapshot, sip_user: str) -> str | None:
    """What people call the owner of *sip_user*."""
    owner = snapshot.by_sip_user.get(SipUser(sip_user))
    return owner.name if owner is not None else None
