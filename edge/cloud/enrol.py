"""Joining a central store by a one-time code: the edge makes its key, and only the public half leaves it."""

import ipaddress
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert

from edge.admin.edit import Admin, Edit, Refused
from edge.cloud import enrolment as place
from edge.cloud.wire import MAX_ID_CHARS, Broken, public_key, public_text
from edge.store.tables import enrolment

WITHIN_S: Final = 30.0
MAX_ANSWER_BYTES: Final = 64 * 1024


class EnrolmentFailed(Exception):
    """The central store did not take this edge; the message says why, as far as it is known."""


def is_safe(url: str) -> bool:
    """Whether PINs may travel there: by TLS, or not leaving this machine (decision 50)."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def enrol(
    admin: Admin, code: str, url: str, name: str, *, again: bool = False, tls: ssl.SSLContext | None = None
) -> str:
    """Join the central store at *url*; the id that the edge has there.

    *again*: leave the one it belongs to now; what that one gave stays and becomes this edge's own, until the new one
    takes it over. Raises Refused, EnrolmentFailed, StoreError.
    """
    if not is_safe(url):
        raise Refused(f"{url}: must be https:// (plain http:// only to a loopback address)")
    with admin.edit() as edit:
        _must_be_free(edit, again)
    key = Ed25519PrivateKey.generate()
    answer = _ask(url, {"code": code, "public_key": public_text(key.public_key()), "name": name}, tls)
    edge_id, central = answer.get("edge"), answer.get("central_public_key")
    if not isinstance(edge_id, str) or not 0 < len(edge_id) <= MAX_ID_CHARS:
        raise EnrolmentFailed("the central store does not say who this edge is")
    try:
        known = b"" if central is None else public_key(central).public_bytes_raw()
    except Broken as error:
        raise EnrolmentFailed(str(error)) from error
    with admin.edit() as edit:
        _must_be_free(edit, again)
        place.forget(edit.connection, edit.community_id)
        edit.connection.execute(delete(enrolment))
        edit.connection.execute(
            insert(enrolment).values(
                community_id=edit.community_id, central_url=url.rstrip("/"), edge_id=edge_id,
                private_key=place.sealed_key(edit.vault, key, edit.community_id), central_public_key=known,
                enrolled_at_ms=edit.now_ms,
            )
        )  # fmt: skip
        edit.note("enrolment", edge_id)
        edit.audit("sync.enrol", edge=edge_id, central=url)
    return edge_id


def leave(admin: Admin) -> None:
    """Belong to no central store any more. Raises Refused where the edge belongs to none."""
    with admin.edit() as edit:
        me = place.load(edit.connection, edit.vault)
        if me is None:
            raise Refused("this edge is not enrolled with a central store")
        edit.audit("sync.leave", edge=me.edge_id, central=me.url)
        place.forget(edit.connection, edit.community_id)
        edit.note("enrolment", me.edge_id)


def _must_be_free(edit: Edit, again: bool) -> None:
    me = place.load(edit.connection, edit.vault)
    if me is not None and not again:
        raise Refused(f"this edge belongs to the central store {me.url} already: say --again to leave it for another")


def _ask(url: str, body: dict[str, Any], tls: ssl.SSLContext | None) -> dict[str, Any]:
    verify = tls or ssl.create_default_context()
    try:
        with httpx.Client(verify=verify, timeout=WITHIN_S, follow_redirects=False, trust_env=False) as client:
            answer = client.post(f"{url.rstrip('/')}/v1/enrol", json=body)
            told = answer.json() if len(answer.content) <= MAX_ANSWER_BYTES else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EnrolmentFailed(f"{url} does not answer: {error}") from error
    except (ValueError, RecursionError):
        told = None
    if not httpx.codes.is_success(answer.status_code):
        raise EnrolmentFailed(f"the central store refuses: {_why(told)} (HTTP {answer.status_code})")
    if not isinstance(told, dict):
        raise EnrolmentFailed("the central store's answer is not understood")
    return told


def _why(told: object) -> str:
    why = told.get("detail") or told.get("error") if isinstance(told, dict) else None
    return str(why or "it does not say why")[:500]
