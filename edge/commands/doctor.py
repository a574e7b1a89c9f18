"""`edge doctor`."""

import click

from edge.commands.base import FAILED, Cli, EdgeCommand, pass_cli


@click.command(cls=EdgeCommand)
@pass_cli
def command(cli: Cli) -> None:
    """What is wrong, and what to do about it. Exit code 1 where something must be done."""
    from edge.commands.examine import examine

    findings = examine(cli.site_folder)
    rows = [{"part": f.part, "level": f.level.value, "message": f.message, "do": f.do} for f in findings]
    if cli.as_json:
        bad = [row for row in rows if row["level"] == "wrong"]
        cli.thing({"ok": not bad, "findings": rows})
    else:
        cli.rows(rows, {"": "level", "part": "part", "what": "message", "what to do": "do"})
    raise click.exceptions.Exit(FAILED if any(row["level"] == "wrong" for row in rows) else 0)
