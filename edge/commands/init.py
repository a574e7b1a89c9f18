"""`edge init`."""

from pathlib import Path
from typing import Any

import click

from edge.commands.base import Cli, EdgeCommand, one_of, pass_cli
from models.service import AccessPermission, FeaturePlan, PinMode


@click.command(cls=EdgeCommand)
@click.option("--name", help="The community's name.")
@click.option("--time-zone", metavar="TZ", help="IANA name, for example Europe/Warsaw.  [default: UTC]")
@click.option("--plan", type=one_of(FeaturePlan), help="Never changes afterwards.  [default: premium]")
@click.option("--permission", type=one_of(AccessPermission), help="Never changes.  [default: public_private]")
@click.option("--pin-mode", type=one_of(PinMode), help="A bare PIN opens, or apartment and PIN.  [default: pin]")
@click.option("--landline", is_flag=True, help="Landline service; needs premium, not with home automation.")
@click.option("--home-automation", is_flag=True, help="Can't be turned off afterwards.")
@click.option("--community-calls", is_flag=True, help="Residents may call each other.")
@click.option("--country", metavar="CC", help="Two letters; national telephone numbers are read by it.")
@click.option("--street")
@click.option("--city")
@click.option("--post-code")
@click.option("--state")
@click.option("--emergency-numbers", metavar="N,N", help="Rung after the guard phones by SOS.")
@click.option("--store-url", metavar="URL", help="postgresql://…  [default: edge.db in the site folder]")
@pass_cli
def command(cli: Cli, store_url: str | None, **options: Any) -> None:
    """Make a site: edge.toml, the store, the secrets.

    The folder is --site, EDGE_SITE, or the current one.
    """
    from edge.admin.site import make_site

    folder = (cli.folder or Path.cwd()).absolute()
    settings = {} if store_url is None else {"store.url": store_url}
    identity = make_site(folder, _columns(options), settings=settings)
    site = f"--site {folder} " if folder != Path.cwd() else ""
    cli.done(
        f"{folder} is ready: community {identity}\n\n"
        "Next:\n"
        f"  edge {site}building add 1\n"
        f"  edge {site}apartment add 1/101\n"
        f"  edge {site}mac add 0C11050B9814\n"
        f"  edge {site}device add 0C11050B9814 --name Gate --type 0\n"
        f"  edge {site}relay add 0C11050B9814 1\n"
        f"  edge {site}device secret 0C11050B9814\n"
        f"  edge {site}credential add pin --apartment 101 --generate\n"
        f"  edge {site}serve\n"
        f"or all at once: edge {site}template community.xlsx, fill it in, edge {site}import community.xlsx",
        {"community": identity, "site": str(folder)},
    )


def _columns(options: dict[str, Any]) -> dict[str, Any]:
    """The options given, as columns of the community."""
    enums = {"plan": FeaturePlan, "permission": AccessPermission, "pin_mode": PinMode}
    found = {name: enums[name](value) if name in enums else value for name, value in options.items() if value}
    if "landline" in found:
        found["landline_service"] = found.pop("landline")
    return found
