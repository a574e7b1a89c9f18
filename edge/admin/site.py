"""The site folder: `edge.toml`, the store, `secrets/`. Making one, opening one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, select

from edge.admin import community as communities
from edge.admin.edit import Admin, Edit
from edge.config import FILE_NAME, Config, load, parse
from edge.config_file import generate
from edge.core import checks
from edge.store.engine import Store, open_store, site_url
from edge.store.secrets import SiteSecrets
from edge.store.tables import community
from models.ids import CommunityId, new_id
from models.service import FeaturePlan

DEFAULT_NAME: Final = "Community"
DEFAULT_TIME_ZONE: Final = "UTC"


class SiteError(Exception):
    """The folder can't be used as asked; the message says what to do."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Site:
    """An open site. Close it after use."""

    folder: Path
    config: Config
    store: Store
    secrets: SiteSecrets

    @classmethod
    def open(cls, folder: Path) -> "Site":
        """The site in *folder*.

        Raises SiteError where there is none, ConfigError, SecretsError or StoreError where one of its parts is unfit.
        """
        file = folder / FILE_NAME
        if not file.is_file():
            raise SiteError(
                f"{folder} is no site: there is no {FILE_NAME}; `edge init` makes one, --site names another"
            )
        config = load(file)
        secrets = SiteSecrets.load(folder)
        return cls(folder, config, open_store(site_url(config.store.url, folder)), secrets)

    def admin(self, actor: str) -> Admin:
        """Changes made by *actor*, a word for the audit rows: installer, manager, resident, api, central."""
        return Admin(self.store, self.secrets, actor, now_ms)

    def close(self) -> None:
        self.store.close()


def make_site(
    folder: Path, options: Mapping[str, Any], *, settings: Mapping[str, object] | None = None, actor: str = "installer"
) -> CommunityId:
    """Make the site *folder* with one community; *settings* are written to `edge.toml`. The community's id.

    *options*: columns of the community; what is missing has its default. Everything is checked before anything is
    made, and `edge.toml` comes last, so that a half-made site is not taken for one. The environment's settings hold as
    ever: a store's URL with a password comes from there.
    Raises SiteError where there is a site already, RuleBroken, ConfigError for settings that can't be.
    """
    if (folder / FILE_NAME).exists():
        raise SiteError(f"{folder} is a site already")
    values = communities.values({"name": DEFAULT_NAME, "time_zone": DEFAULT_TIME_ZONE, **options})
    checks.services(
        values.get("plan", FeaturePlan.PREMIUM),
        landline=values.get("landline_service", False),
        home_automation=values.get("home_automation", False),
    )
    text = generate(settings)
    config = parse(text.encode())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secrets = SiteSecrets.create(folder)
    store = open_store(site_url(config.store.url, folder))
    try:
        identity = _make_community(store, secrets, values, actor)
    finally:
        store.close()
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return identity


def _make_community(store: Store, secrets: SiteSecrets, values: Mapping[str, Any], actor: str) -> CommunityId:
    identity = CommunityId(new_id("c"))
    with store.write() as connection:
        if connection.execute(select(community.c.id)).first() is not None:
            raise SiteError("the store holds a community already")
        connection.execute(insert(community).values(id=identity, **values))
        edit = Edit.begin(connection, secrets, actor, now_ms())
        edit.note("community", identity)
        edit.audit("community.make", name=values["name"])
        edit.finish()
    return identity
