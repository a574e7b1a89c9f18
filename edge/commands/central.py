"""`edge central`: the reference central store. Its folder is named by --site, as an edge's is."""

from typing import Any

import click

from edge.commands import central_adopt
from edge.commands.base import FAILED, REFUSED, Cli, EdgeGroup, group, pass_cli
from edge.commands.central_folder import folder_of, open_central

command = group("central", "The reference central store: many communities, and what their edges may see.")
command.add_command(central_adopt.command)


@command.command()
@click.option("--database", help="postgresql://…, kept in secrets/.  [default: a SQLite file in the folder]")
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address.")
@click.option("--port", default=8480, show_default=True, type=click.IntRange(0, 65535))
@pass_cli
def init(cli: Cli, database: str | None, listen: str, port: int) -> None:
    """Make a central store in the folder that --site names."""
    from edge.central.opening import make
    from edge.central.settings import DATABASE, SettingsError

    if cli.folder is None:
        raise click.UsageError("name the new folder by --site DIR")
    try:
        make(cli.folder, database=database or DATABASE, listen=listen, port=port)
    except SettingsError as error:
        cli.note(f"edge: {error}")
        raise click.exceptions.Exit(REFUSED) from error
    cli.done(f"a central store is in {cli.folder}", {"ok": True, "folder": str(cli.folder)})


@command.command()
@pass_cli
def serve(cli: Cli) -> None:
    """Serve edges and operators until SIGTERM; prints its address once it can be asked."""
    from edge.central.serving import main
    from edge.central.settings import SettingsError
    from edge.config import LogSettings
    from edge.logs import configure

    configure(LogSettings())
    try:
        main(folder_of(cli), lambda address: cli.done(f"ready at {address}", {"event": "ready", "address": address}))
    except SettingsError as error:
        cli.note(f"edge: {error}")
        raise click.exceptions.Exit(FAILED) from error


@command.command("new-epoch")
@pass_cli
def new_epoch(cli: Cli) -> None:
    """After the database was restored from a backup: every edge fetches everything anew."""
    from edge.central.communities import begin_epoch

    with open_central(cli) as here:
        count = begin_epoch(here.central, "local")
    cli.done(f"{count} communities begin a new epoch", {"communities": count})


# --- communities and edges -------------------------------------------------------------------------------------------

_communities = EdgeGroup("community", help="Communities.")
command.add_command(_communities)


@_communities.command("add")
@click.argument("name")
@click.option("--time-zone", required=True, help="IANA name, Europe/Warsaw.")
@click.option("--country", help="Two letters.")
@click.option("--plan", type=click.Choice(["basic", "premium"]), help="As at the edges; never changes.")
@click.option("--permission", help="As at the edges; never changes.")
@click.option("--pin-mode", type=click.Choice(["pin", "apt_pin"]))
@click.option("--installer", default="", help="Id of the installer whose it is.")
@pass_cli
def add_community(cli: Cli, name: str, time_zone: str, installer: str, **fields: str | None) -> None:
    """Make a community. Its name gets a suffix where another has it."""
    from edge.central import communities

    body: dict[str, Any] = {key: value for key, value in fields.items() if value is not None}
    with open_central(cli) as here:
        identity, name = communities.add(
            here.central, "local", {**body, "name": name, "time_zone": time_zone}, installer=installer
        )
    cli.done(f"{identity} {name}", {"id": identity, "name": name})


@_communities.command("list")
@pass_cli
def list_communities(cli: Cli) -> None:
    """Every community with its revision."""
    from edge.central import communities

    with open_central(cli) as here, here.central.store.read() as connection:
        rows = communities.listed(connection)
    cli.rows(rows, {name: name for name in ("id", "name", "rev", "edges")})


_edges = EdgeGroup("edge", help="Edges and their one-time codes.")
command.add_command(_edges)
_life = click.option("--valid-s", default=600, show_default=True, type=click.IntRange(1, 86_400), help="Of the code.")


@_edges.command("add")
@click.argument("community")
@click.argument("name")
@click.option("--building", "buildings", multiple=True, help="Id of a building that it sees.  [default: all]")
@_life
@pass_cli
def add_edge(cli: Cli, community: str, name: str, buildings: tuple[str, ...], valid_s: int) -> None:
    """Make an edge of a COMMUNITY (id or name); prints its one-time code."""
    from edge.central import communities, edges

    with open_central(cli) as here:
        with here.central.store.read() as connection:
            identity = communities.find(connection, community)
        edge, code = edges.add(here.central, "local", identity, name, buildings=buildings, code_life_s=valid_s)
    cli.done(f"{edge}: edge enrol {code}", {"edge": edge, "code": code})


@_edges.command("code")
@click.argument("edge")
@_life
@pass_cli
def code_of_edge(cli: Cli, edge: str, valid_s: int) -> None:
    """A new code for an EDGE whose box was replaced. Whoever enrols last is the edge."""
    from edge.central import edges

    with open_central(cli) as here:
        code = edges.new_code(here.central, "local", edge, code_life_s=valid_s)
    cli.done(f"{edge}: edge enrol {code}", {"edge": edge, "code": code})


@_edges.command("list")
@click.argument("community")
@pass_cli
def list_edges(cli: Cli, community: str) -> None:
    """Edges of a COMMUNITY: how far each is behind, and what it can't take."""
    from edge.central import communities, edges

    with open_central(cli) as here, here.central.store.read() as connection:
        rows = edges.listed(connection, communities.find(connection, community))
    cli.rows(rows, {name: name for name in ("id", "name", "enrolled", "applied", "behind", "status", "error")})


def _switch(name: str, enabled: bool, help_: str) -> None:
    @_edges.command(name, help=help_)
    @click.argument("edge")
    @pass_cli
    def switch(cli: Cli, edge: str) -> None:
        from edge.central import edges

        with open_central(cli) as here:
            edges.enable(here.central, "local", edge, enabled)
        cli.done(f"{edge} is {'let in' if enabled else 'kept out'}", {"edge": edge, "enabled": enabled})


_switch("disable", False, "Keep an EDGE out; it goes on with what it has.")
_switch("enable", True, "Let an EDGE in again.")

# --- operators -------------------------------------------------------------------------------------------------------

_ROLES = ["super", "distributor", "installer", "sub_installer", "manager", "resident"]
_tokens = EdgeGroup("token", help="Tokens of operators.")
command.add_command(_tokens)


@_tokens.command("create")
@click.argument("name")
@click.option("--role", default="super", show_default=True,
              type=click.Choice(_ROLES))  # fmt: skip
@click.option("--community", "communities_", multiple=True, help="Of a manager: id or name.")
@click.option("--right", "rights", multiple=True, type=click.Choice(["delete_accounts", "see_logs", "app"]),
              help="Of a manager.")  # fmt: skip
@click.option("--login", default="", help="Of a resident: the telephone number.")
@click.option("--parent", default="", help="Id of the operator above it.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long the token is good.  [default: until revoked]")
@pass_cli
def create_token(
    cli: Cli, name: str, role: str, communities_: tuple[str, ...], rights: tuple[str, ...], login: str, parent: str,
    days: int | None,
) -> None:  # fmt: skip
    """Make the operator NAME and its first token, which is told this once."""
    from edge.central import communities, operators
    from edge.central.rights import Grant, Role

    with open_central(cli) as here:
        with here.central.store.read() as connection:
            sites = [communities.find(connection, each) for each in communities_]
        identity = operators.add(
            here.central, operators.LOCAL, name, Role(role), grants=[Grant(each) for each in rights],
            communities=sites, login=login, parent=parent,
        )  # fmt: skip
        life_s = None if days is None else days * 86_400
        token = operators.new_token(here.central, operators.LOCAL, identity, life_s=life_s)
    cli.done(token, {"operator": identity, "token": token})


@_tokens.command("revoke")
@click.argument("operator")
@pass_cli
def revoke_tokens(cli: Cli, operator: str) -> None:
    """No token of the OPERATOR (id) is good any more."""
    from edge.central import operators

    with open_central(cli) as here:
        gone = operators.revoke_tokens(here.central, operators.LOCAL, operator)
    cli.done(f"{gone} tokens are revoked", {"revoked": gone})
