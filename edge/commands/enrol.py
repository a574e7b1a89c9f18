"""`edge enrol`."""

import socket

import click

from edge.commands.base import FAILED, Cli, EdgeCommand, from_stdin, pass_cli


@click.command(cls=EdgeCommand)
@click.argument("code")
@click.option("--central", required=True, metavar="URL", help="The central store, https://…")
@click.option("--name", help="What it calls this edge.  [default: the machine's name]")
@click.option("--again", is_flag=True, help="Leave the central store that it belongs to now.")
@pass_cli
def command(cli: Cli, code: str, central: str, name: str | None, again: bool) -> None:
    """Join a central store by the one-time CODE that it made; - reads it from standard input.

    The edge makes its own key. What the central store owns from then on can only be changed there.
    """
    from edge.cloud.enrol import EnrolmentFailed, enrol
    from edge.cloud.wiring import central_tls

    tls = central_tls(cli.site_folder, cli.site.config.central.ca)
    try:
        edge = enrol(
            cli.site.admin("installer"), from_stdin(code) or "", central, name or socket.gethostname(), again=again,
            tls=tls,
        )  # fmt: skip
    except EnrolmentFailed as error:
        cli.note(f"edge: {error}")
        raise click.exceptions.Exit(FAILED) from error
    cli.done(f"this is edge {edge} of {central} now", {"ok": True, "edge": edge, "central": central})
