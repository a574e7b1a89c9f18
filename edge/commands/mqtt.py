"""`edge mqtt`."""

import click

from edge.admin import logins
from edge.commands.base import Cli, EdgeGroup, group, pass_cli
from edge.commands.mqtt_export import export

command = group("mqtt", "MQTT logins of integrators, and files for an external broker.")
command.add_command(export)
login: EdgeGroup = EdgeGroup("login", help="Logins that read the edge's events, and nothing else.")
command.add_command(login)


@login.command()
@click.argument("name")
@pass_cli
def add(cli: Cli, name: str) -> None:
    """Make a login; its password is printed once."""
    from edge.commands.secrets import mqtt_login

    with cli.edit() as edit:
        password = logins.add(edit, name)
        community = edit.community_id
    cli.thing({"name": name, **mqtt_login(cli, name, password, community)})


@login.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All logins, without their passwords."""
    with cli.reading() as scope:
        rows = logins.listed(scope)
    cli.rows(rows, {"name": "name", "role": "role"})


@login.command()
@click.argument("name")
@pass_cli
def remove(cli: Cli, name: str) -> None:
    """Remove a login."""
    with cli.edit() as edit:
        logins.remove(edit, name)
    cli.done(f"login {name} removed")
