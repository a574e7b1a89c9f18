"""`edge app`."""

import click

from edge.commands.base import Cli, group, pass_cli

command = group("app", "Residents' apps: invite, revoke.")


@command.command()
@click.argument("resident", metavar="RESIDENT")
@pass_cli
def invite(cli: Cli, resident: str) -> None:
    """A link and its QR code that let one phone in as this resident, once."""
    from edge.commands import qr
    from edge.portal import sessions

    settings = cli.site.config.app
    if not settings.public_url:
        raise click.UsageError("the app is off: set [app] public_url to the address that phones reach, https://…")
    with cli.edit() as edit:
        secret = sessions.invite(edit, resident, settings.invite_hours)
    link = f"{settings.public_url.rstrip('/')}/app/#invite={secret}"  # behind the #, which no server is sent
    data = {"resident": resident, "link": link, "hours": settings.invite_hours}
    cli.done(f"{link}\n{'' if cli.as_json else qr.terminal(link)}", data)


@command.command()
@click.argument("session", metavar="SESSION")
@pass_cli
def revoke(cli: Cli, session: str) -> None:
    """Turn one app of a resident out; `edge resident show` lists them."""
    from edge.portal import sessions

    with cli.edit() as edit:
        sessions.revoke(edit, session)
    cli.done(f"app {session} revoked")
