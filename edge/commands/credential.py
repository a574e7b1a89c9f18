"""`edge credential`."""

from pathlib import Path
from typing import Any

import click

from edge.admin import credentials
from edge.admin.credentials import NewCredential
from edge.commands.base import FAILED, Cli, from_stdin, group, one_of, pass_cli
from edge.commands.times import moment
from models.access import CredentialKind, Home, Origin

command = group("credential", "PINs, cards, faces, codes.")


@command.command()
@click.argument("kind", type=one_of(CredentialKind))
@click.option("--apartment", required=True, metavar="BUILDING/NUMBER")
@click.option("--resident", metavar="ID", help="Whose it is.")
@click.option("--value", metavar="V", help="- reads it from standard input.")
@click.option("--generate", is_flag=True, help="Make a new value (pin, qr) and print it once.")
@click.option("--from", "from_", metavar="T", help="A day or a moment, from which it is valid.")
@click.option("--until", metavar="T", help="A day, through which, or a moment, until which it is valid.")
@click.option("--schedule", metavar="NAME", help="Hours of the week; without one: always.")
@click.option("--uses", type=int, metavar="N", help="How often it opens.")
@click.option(
    "--doors",
    default="",
    metavar="MAC,…",
    help="Only these doors, group:NAME for a group; without: every door that serves the holder.",
)
@click.option("--duress", is_flag=True, help="A PIN that opens and raises a silent alarm.")
@click.option("--home", type=one_of(Home), default=Home.EDGE.value, show_default=True, help="Who holds it.")
@click.option("--by", type=one_of(Origin), default=Origin.INSTALLER.value, show_default=True, help="Who issues it.")
@click.option("--consent", is_flag=True, help="The owner of this face agreed to its use; the time is recorded.")
@pass_cli
def add(cli: Cli, kind: str, value: str | None, generate: bool, **options: Any) -> None:
    """Add a credential to an apartment. Prints the id, and the value if it was generated."""
    if generate == (value is not None):
        raise click.UsageError("give --value V (or - for standard input), or --generate")
    with cli.edit(options["by"]) as edit:
        new = _new(kind, from_stdin(value), options, edit.community.time_zone)
        added = credentials.add(edit, new)
    data = {"id": added.id} | ({} if added.generated is None else {"value": added.generated})
    cli.done("\n".join(data.values()), data)


def _new(kind: str, value: str | None, options: dict[str, Any], time_zone: str) -> NewCredential:
    return NewCredential(
        CredentialKind(kind),
        options["apartment"],
        value,
        resident=options["resident"],
        valid_from_ms=moment("--from", options["from_"], time_zone),
        valid_until_ms=moment("--until", options["until"], time_zone, end=True),
        schedule=options["schedule"],
        uses=options["uses"],
        doors=[door.strip() for door in options["doors"].split(",") if door.strip()],
        duress=options["duress"],
        home=Home(options["home"]),
        origin=Origin(options["by"]),
        consent=options["consent"],
    )


@command.command("list")
@click.option("--apartment", metavar="BUILDING/NUMBER")
@pass_cli
def list_(cli: Cli, apartment: str | None) -> None:
    """All credentials, or those of one apartment; never a value, of a card its last 4 characters."""
    with cli.reading() as scope:
        rows = credentials.listed(scope, apartment)
    columns = ("id", "kind", "apartment", "value", "from", "until", "schedule", "uses_left", "doors", "duress")
    cli.rows(rows, {name.replace("_", " "): name for name in columns})


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_cli
def import_(cli: Cli, file: Path) -> None:
    """Import credentials from a CSV or XLSX file, columns named as the options of add: all of them or none."""
    from edge.admin.credential_import import import_credentials
    from edge.commands.errors import error_rows, print_errors

    outcome = import_credentials(cli.site.admin("installer"), file)
    for notice in outcome.notices:
        cli.note(f"edge: {notice}")
    if outcome.errors:
        print_errors(cli, {"ok": False, "errors": error_rows(outcome.errors)})
        raise click.exceptions.Exit(outcome.code or FAILED)
    made = [{"row": row, "id": added.id, "value": added.generated} for row, added in outcome.added]
    if cli.as_json:
        cli.thing({"ok": True, "rows": len(made), "credentials": made, "errors": []})
    else:
        cli.rows(made, {"row": "row", "id": "id", "generated value": "value"})


@command.command()
@click.argument("credential", metavar="ID")
@pass_cli
def remove(cli: Cli, credential: str) -> None:
    """Remove a credential: dead at every door within a second."""
    with cli.edit() as edit:
        credentials.remove(edit, credential)
    cli.done(f"credential {credential} removed")
