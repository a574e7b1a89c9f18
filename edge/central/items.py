"""A thing as the central store keeps it: checked by the very rules by which an edge reads it, so that no edge can be
sent a thing that it must refuse."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edge.central.problems import Invalid
from edge.cloud import things
from edge.cloud.things import COLUMNS, Rules, Thing
from edge.cloud.wire import KINDS, MAX_ITEM_CHARS, Item, Poisoned, canonical
from edge.core.tags import Tagger
from edge.store.secrets import Vault
from models.access import CredentialKind
from models.community import Community
from models.ids import CommunityId
from models.service import PinMode, Role

Key = tuple[str, str]  # kind, id
_ID_PROBE: Final = 1


@dataclass(slots=True)
class Prepared:
    """A checked thing, ready for the tables."""

    kind: str
    id: str
    body: Mapping[str, Any]  # as it is sent, without a credential's value
    natural_key: str | None
    sealed: bytes | None = field(repr=False)
    refs: frozenset[Key]
    master_of: tuple[str, ...] = ()  # apartments whose family master a resident is said to be

    @property
    def text(self) -> str:
        return canonical(self.body)


def rules_of(community: str, body: Mapping[str, Any], pepper: bytes, vault: Vault) -> Rules:
    """By what the things of the community with this *body* are read."""
    owner = Community(
        CommunityId(community), body["name"], body["time_zone"], country=body.get("country", ""),
        pin_mode=PinMode(body.get("pin_mode", PinMode.PIN.value)),
    )  # fmt: skip
    return Rules(owner, Tagger(pepper, owner.id), vault)


def prepare(kind: str, identity: str, body: Mapping[str, Any], rules: Rules, *, known: bytes | None = None) -> Prepared:
    """*body* checked. *known*: the sealed value that a credential has already, for a body without one.

    Raises Invalid; what it says never holds a value.
    """
    if kind not in KINDS:
        raise Invalid("kind", f"there is no kind of thing called {kind[:64]}")
    whole = dict(body)
    if kind == "credential" and "value" not in whole and known is not None:
        whole["value"] = unsealed(rules.vault, rules.community.id, identity, known)
    try:
        if len(canonical(whole)) > MAX_ITEM_CHARS:
            raise Invalid("long", f"the body has more than {MAX_ITEM_CHARS} characters", item=identity)
        canonical(whole).encode()
        thing = things.read(Item(kind, identity, _ID_PROBE, whole), rules)
    except Poisoned as poisoned:
        raise Invalid(poisoned.reason, poisoned.detail or poisoned.reason, item=identity) from None
    except UnicodeEncodeError:
        raise Invalid("text", "a text is not UTF-8", item=identity) from None
    sealed = None
    if kind == "credential":
        sealed = rules.vault.seal(
            whole.pop("value"), table="item", column="sealed", row=f"{rules.community.id}/{identity}"
        )
    refs = frozenset(thing.refs) | {("device", door) for (door,) in thing.parts.get("credential_door", ())}
    homes = thing.parts.get("resident_apartment", ())
    masters = tuple(str(home) for home, role in homes if role == Role.MASTER.value)
    return Prepared(kind, identity, whole, natural_key(thing, rules), sealed, refs, masters)  # type: ignore[arg-type]  # doors are texts


def unsealed(vault: Vault, community: str, identity: str, sealed: bytes) -> str:
    """A credential's value. Raises SecretsError."""
    return vault.unseal(sealed, table="item", column="sealed", row=f"{community}/{identity}")


def natural_key(thing: Thing, rules: Rules) -> str | None:
    """What no other thing of that kind in the community may have."""
    row = dict(zip(COLUMNS.get(thing.kind, ()), thing.row, strict=False))
    match thing.kind:
        case "community":
            return ""
        case "mac" | "whitelist":
            return thing.key
        case "building" | "schedule":
            return str(row["name"])
        case "apartment":
            return json.dumps([row["building_id"], row["number"]])
        case "device":
            return str(row["mac"])
        case "relay":
            return json.dumps([row["device_id"], row["security"], row["number"]])
        case "resident":
            return str(row["login"]) or None
        case "request":
            return None
        case _:
            return _credential_key(row, rules)


def _credential_key(row: Mapping[str, Any], rules: Rules) -> str:
    tag = row["tag"].hex()
    alone = row["kind"] == CredentialKind.PIN.value and rules.community.pin_mode is PinMode.PIN
    return json.dumps([row["kind"], tag] if alone else [row["kind"], tag, row["apartment_id"]])
