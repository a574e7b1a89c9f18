"""`edge community`."""

from typing import Any

import click

from edge.admin import community as communities
from edge.commands.base import Cli, group, on_or_off, one_of, pass_cli, yes_no
from models.service import PinMode
from models.tables.community import ChargeMode, DateFormat

command = group("community", "The community itself.")

_SWITCHES = {
    "community_calls": "community_calls",
    "landline": "landline_service",
    "home_automation": "home_automation",
    "twelve_hour_clock": "twelve_hour_clock",
    "send_expiration_mail": "send_expiration_mail",
    "send_renew_mail": "send_renew_mail",
}
_WORDS = {"pin_mode": PinMode, "date_format": DateFormat, "charge_mode": ChargeMode}


@command.command()
@pass_cli
def show(cli: Cli) -> None:
    """The community."""
    with cli.reading() as scope:
        shown = communities.show(scope)
    cli.thing(shown)


@command.command("set")
@click.option("--name")
@click.option("--time-zone", metavar="TZ")
@click.option("--pin-mode", type=one_of(PinMode), help="To pin only once every PIN is long enough and unique.")
@click.option("--landline", type=yes_no, help="Needs premium, and no home automation.")
@click.option("--home-automation", type=yes_no, help="Can be turned on, never off.")
@click.option("--community-calls", type=yes_no, help="Residents may call each other.")
@click.option("--emergency-numbers", metavar="N,N", help="Rung after the guard phones by SOS.")
@click.option("--country", metavar="CC")
@click.option("--street")
@click.option("--city")
@click.option("--post-code")
@click.option("--state")
@click.option("--planned-apartments", type=click.IntRange(0, 1_000_000))
@click.option("--twelve-hour-clock", type=yes_no)
@click.option("--date-format", type=one_of(DateFormat))
@click.option("--charge-mode", type=one_of(ChargeMode))
@click.option("--send-expiration-mail", type=yes_no)
@click.option("--send-renew-mail", type=yes_no)
@pass_cli
def set_(cli: Cli, **options: Any) -> None:
    """Change the community. Feature plan and access permission never change."""
    columns = {name: value for name, value in options.items() if name not in _SWITCHES and name not in _WORDS}
    columns |= {column: on_or_off(options[name]) for name, column in _SWITCHES.items()}
    columns |= {name: None if options[name] is None else kind(options[name]) for name, kind in _WORDS.items()}
    with cli.edit() as edit:
        communities.set_community(edit, **columns)
    cli.done("community changed")
