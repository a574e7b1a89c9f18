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
    from edge.http.trust import fingerprint

    made = make(cli.site, names, datetime.datetime.now(datetime.UTC))
    until, print_of = made.until.date().isoformat(), fingerprint(made.ca.read_text("ascii"))
    text = f"certificate for {', '.join(made.names)} until {until}: {made.certificate}\n"
    if made.new_authority:
        text += f"Give {made.ca} to the devices, then restart the daemon."
    else:
        text += "The authority is the same; a running daemon takes the certificate by itself."
    text += f"\nResidents compare this with what /trust shows their phones:\n{print_of}"
    data = {
        "ca": str(made.ca), "certificate": str(made.certificate), "names": list(made.names), "until": until,
        "fingerprint": print_of,
    }  # fmt: skip
    cli.done(text, data)
