"""`edge central adopt`: a site that was its own central store comes under this one."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.commands.base import FAILED, Cli, EdgeCommand, pass_cli
from edge.commands.central_folder import open_central
from edge.commands.passphrases import passphrase_file, read_passphrase

if TYPE_CHECKING:
    from edge.central.site_things import SiteThings


@click.command("adopt", cls=EdgeCommand)
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--community", help="Id or name of one that is here.  [default: a new one, as the site is]")
@click.option("--installer", default="", help="Id of the installer whose the new community is.")
@click.option("--dry-run", is_flag=True, help="Show what would become of each thing; change nothing.")
@passphrase_file
@pass_cli
def command(
    cli: Cli, source: Path, community: str | None, installer: str, dry_run: bool, passphrase_file: Path | None
) -> None:
    """Take over what a site holds: SOURCE is its folder, or what `edge backup` wrote of it.

    Everything keeps its id. Then make an edge (`edge central edge add`) and enrol the site; what can't travel stays its
    own. The site itself is not changed.
    """
    from edge.admin.site import SiteError
    from edge.central import adopting, communities
    from edge.config import ConfigError

    passphrase = read_passphrase(passphrase_file)
    with open_central(cli) as here:
        named = None
        if community is not None:
            with here.central.store.read() as connection:
                named = communities.find(connection, community)
        try:
            with _opened(source, passphrase) as site:
                done = adopting.adopt(
                    here.central, "local", site, community=named, installer=installer, dry_run=dry_run
                )
        except adopting.Clashes as problem:
            _show(cli, [row for row in problem.rows if row.state == adopting.CLASHES])
            raise
        except (SiteError, ConfigError) as error:
            cli.note(f"edge: {error}")
            raise click.exceptions.Exit(FAILED) from error
    if cli.as_json:
        cli.done("", adopting.as_json(done))
        return
    _show(cli, [row for row in done.rows if row.state != adopting.NEW])
    told = ", ".join(f"{count} {state}" for state, count in done.counts().items())
    cli.done(f"{'would be' if dry_run else 'are'} in {done.name}{'' if dry_run else f' ({done.community})'}: {told}")


@contextlib.contextmanager
def _opened(source: Path, passphrase: str | None) -> "Iterator[SiteThings]":
    """What a site's folder or a backup of it holds. Raises as `Site.open`, `restore` and `of_site` do."""
    from edge.admin.restoring import restore
    from edge.admin.site import Site
    from edge.central.site_things import of_site

    with contextlib.ExitStack() as stack:
        folder = source
        if not source.is_dir():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-adopt-"))) / "site"
            restore(folder, source, passphrase)
        site = Site.open(folder)
        stack.callback(site.store.close)
        yield of_site(site.store, site.secrets)


def _show(cli: Cli, rows: list[Any]) -> None:
    """Things of which there is something to say."""
    if rows and not cli.as_json:
        told = [
            {name: getattr(row, name) for name in ("kind", "id", "name", "state", "here", "reason")} for row in rows
        ]
        cli.rows(told, {name: name for name in ("kind", "id", "name", "state", "here", "reason")})
