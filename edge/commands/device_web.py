"""`edge device web`: a device's web page from afar."""

import click

from edge.commands.base import REFUSED, Cli, EdgeGroup, pass_cli


@click.command(cls=EdgeGroup.command_class)
@click.argument("device", metavar="MAC")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=15.0, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), help="Of the page; otherwise 80, by --https 443.")
@click.option("--https", is_flag=True, help="The page is https://; its certificate is not checked.")
@click.option("--close", is_flag=True, help="Close it before its time.")
@pass_cli
def web(cli: Cli, device: str, minutes: float, port: int | None, https: bool, close: bool) -> None:
    """Open a device's web page for some minutes at an address of this box, audited.

    The address is for one browser: who opens it first has it. From another computer reach it by
    `ssh -L PORT:127.0.0.1:PORT` to this one.
    """
    from edge.admin.find import find_device
    from edge.commands.daemon import NoDaemon, ask

    with cli.reading() as scope:
        mac = find_device(scope, device).mac
    body = {"minutes": minutes, "port": port or (443 if https else 80), "tls": https, "close": close}
    try:
        status, answer = ask(cli.site_folder, f"/devices/{mac}/web", {**body, "actor": "installer"})
    except NoDaemon as error:
        raise OSError(f"{error}: pages are opened by the running daemon") from error
    if status == 200:
        cli.done("closed" if close else str(answer["url"]), answer)
        return
    cli.note(f"edge: {answer.get('error') or 'no page of it is open'}")
    raise click.exceptions.Exit(REFUSED if status == 403 else 1)
