"""`edge mqtt export`: what the operator of an external broker needs, from the store and the site's secrets."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge.accounts import load_logins
from edge.admin.edit import reading
from edge.admin.site import Site, SiteError
from edge.home_assistant import HomeAssistant
from edge.store.secrets import new_password
from models.ids import CommunityId
from mqtt.accounts import Account
from mqtt.broker.export import export, service_accounts
from mqtt.brokers import EVENTS, LIVE
from mqtt.home_assistant.bridge import LINK
from mqtt.topics import Topics

SECRET: Final = "mqtt_password"  # noqa: S105 - a file's name
_NEW_USER: Final = "edge-*"


def write(site: Site, folder: Path) -> tuple[Path, ...]:
    """The password file, the rights and the dynamic-security file, in *folder*.

    Makes the daemon's own login in ``secrets/mqtt_password`` if there is none. Raises SiteError for one that cannot be
    used, StoreError, SecretsError, OSError.
    """
    with reading(site.store) as scope:
        community = scope.community_id
        logins = load_logins(scope.connection, site.secrets.vault).accounts
    topics = Topics(site.config.mqtt.prefix, community)
    return export(folder, topics, [*_own(site, community), *logins])


def _own(site: Site, community: CommunityId) -> Sequence[Account]:
    user, password = _own_login(site)
    settings = site.config.home_assistant
    home = None
    if settings.discovery and not settings.url:  # else Home Assistant and our link to it are at another broker
        home = HomeAssistant(settings, Topics(site.config.mqtt.prefix, community), site.folder, site.secrets)
    try:
        accounts = list(service_accounts(user, password, (LIVE, EVENTS, *([LINK] if home is not None else []))))
    except ValueError as error:
        raise SiteError(
            f"secrets/{SECRET}: the daemon's user at an external broker is edge, or {_NEW_USER} for a login for each "
            f"of its links ({error})"
        ) from error
    if home is not None:  # the last one is, or is also, the link to Home Assistant
        accounts[-1] = replace(accounts[-1], grants=home.link_grants)
        accounts.append(home.account())
    return accounts


def _own_login(site: Site) -> tuple[str, str]:
    stored = site.secrets.text(SECRET)
    if stored is None:
        stored = f"{_NEW_USER}:{new_password()}"
        site.secrets.write_text(SECRET, stored)
    user, colon, password = stored.partition(":")
    if not (user and colon and password):
        raise SiteError(f"secrets/{SECRET} must hold one line user:password")
    return user, password
