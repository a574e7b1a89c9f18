"""`edge resident`."""

from typing import Any

import click

from edge.admin import residents
from edge.admin.find import find_resident
from edge.commands.base import Cli, group, one_of, pass_cli
from models.service import Activation, Role

command = group("resident", "Residents and their apps.")


@command.command()
@click.argument("apartment", metavar="BUILDING/NUMBER")
@click.option("--first", "first_name", required=True, metavar="NAME")
@click.option("--last", "last_name", required=True, metavar="NAME")
@click.option("--email")
@click.option("--mobile", metavar="NUMBER")
@click.option("--language")
@click.option("--role", type=one_of(Role), help="[default: master for the first one, else member]")
@pass_cli
def add(cli: Cli, apartment: str, role: str | None, **options: Any) -> None:
    """Add a resident to an apartment. Prints the id."""
    with cli.edit() as edit:
        identity = residents.add(edit, apartment, role=None if role is None else Role(role), **options)
    cli.done(identity, {"id": identity})


@command.command("set")
@click.argument("resident", metavar="ID")
@click.option("--first", "first_name", metavar="NAME")
@click.option("--last", "last_name", metavar="NAME")
@click.option("--email")
@click.option("--mobile", metavar="NUMBER")
@click.option("--language")
@click.option("--activation", type=one_of(Activation), help="Of the app.")
@click.option("--expires", metavar="T", help="When the app's activation ends; - = never.")
@click.option("--add-apartment", metavar="BUILDING/NUMBER", help="The resident lives there too.")
@click.option("--remove-apartment", metavar="BUILDING/NUMBER", help="The resident lives there no more.")
@pass_cli
def set_(cli: Cli, resident: str, activation: str | None, expires: str | None, **options: Any) -> None:
    """Change a resident, the app's activation, or where the resident lives."""
    from edge.commands.times import moment

    if activation is not None:
        options["activation"] = Activation(activation)
    with cli.edit() as edit:
        if expires == "-":
            residents.activate_without_end(edit, resident)
        else:
            options["activation_until_ms"] = moment("--expires", expires, edit.community.time_zone, end=True)
        residents.set_resident(edit, resident, **options)
    cli.done(f"resident {resident} changed")


@command.command("list")
@click.option("--apartment", metavar="BUILDING/NUMBER")
@pass_cli
def list_(cli: Cli, apartment: str | None) -> None:
    """All residents, or those of one apartment."""
    with cli.reading() as scope:
        rows = residents.listed(scope, apartment)
    columns = ("id", "first", "last", "apartments", "role", "mobile", "activation", "expires")
    cli.rows(rows, {name: name for name in columns})


@command.command()
@click.argument("resident", metavar="ID")
@pass_cli
def show(cli: Cli, resident: str) -> None:
    """One resident, and the apps that were let in."""
    from edge.portal import sessions

    with cli.reading() as scope:
        find_resident(scope, resident)
        (row,) = residents.listed(scope, only=resident)
        apps = sessions.listed(scope, resident)
    cli.thing({**row, "apps": apps})


@command.command()
@click.argument("resident", metavar="ID")
@pass_cli
def remove(cli: Cli, resident: str) -> None:
    """Remove a resident with what opens doors in this name."""
    with cli.edit() as edit:
        residents.remove(edit, resident)
    cli.done(f"resident {resident} removed")


@command.command()
@click.argument("resident", metavar="ID")
@click.option("--renew", is_flag=True, help="Make a new number and password first; the app must be set up anew.")
@pass_cli
def secret(cli: Cli, resident: str, renew: bool) -> None:
    """The SIP login of the resident's app."""
    from edge.commands.secrets import sip_login
    from edge.store.accounts import resident_sip_password

    if renew:
        with cli.edit() as edit:
            residents.new_login(edit, resident)
            edit.audit("resident.new_login", resident=resident)
    with cli.reading() as scope:
        row = find_resident(scope, resident)
        password = resident_sip_password(scope.connection, cli.site.secrets.vault, row.id)
    cli.thing({"id": row.id, "sip": sip_login(cli, row.sip_user, password, scope.community_id)})
