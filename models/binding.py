"""A registered contact, as the registrar keeps it and the store saves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.ids import SipUser


@dataclass(frozen=True, slots=True)
class ContactBinding:
    """Where a SIP user can be reached until *expires_at_ms* (RFC 3261 §10, RFC 5626)."""

    sip_user: SipUser
    key: str  # what makes a contact the same one: its URI, or instance and reg-id
    contact: str  # URI as registered, never rewritten
    transport: str
    source: str  # host:port the REGISTER came from
    expires_at_ms: int  # Unix milliseconds
    q: float = 1.0
    call_id: str = ""
    cseq: int = 0
    instance: str = ""
    reg_id: int | None = None
    path: tuple[str, ...] = ()
    user_agent: str = ""
    updated_at_ms: int = 0
    extra: Mapping[str, object] = field(default_factory=dict)  # the registrar's own, JSON-able
