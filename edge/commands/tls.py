"""`edge tls`."""

import datetime

import click

from edge.commands.base import Cli, group, pass_cli

command = group("tls", "The certificate that devices see.")


@command.command()
@click.option(
    "--name", "names", multiple=True, metavar="NAME", help="A DNS name or address that devices use; repeat it."
)
@pass_cli
def init(cli: Cli, names: tuple[str, ...]) -> None:
    """Make a certificate authority of this box, and sign a certificate with it.

    Run it again to renew the certificate or to change its names: the authority stays, devices need nothing new, and
    the running daemon takes it within seconds.
    """
    from edge.admin.certificates import make

    made = make(cli.site, names, datetime.datetime.now(datetime.UTC))
    until = made.until.date().isoformat()
    text = f"certificate for {', '.join(made.names)} until {until}: {made.certificate}\n"
    if made.new_authority:
        text += f"Give {made.ca} to the devices, then restart the daemon."
    else:
        text += "The authority is the same; a running daemon takes the certificate by itself."
    data = {"ca": str(made.ca), "certificate": str(made.certificate), "names": list(made.names), "until": until}
    cli.done(text, data)
