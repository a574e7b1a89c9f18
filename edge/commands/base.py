"""What every command shares: the site, printing for people and for machines, exit codes."""

import functools
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from edge.admin.edit import Edit, Reading
    from edge.admin.site import Site

FAILED: Final = 1
MISUSE: Final = 2
REFUSED: Final = 3
_PIPED_WIDTH: Final = 2000  # no line is broken where a program reads


@dataclass(slots=True)
class Cli:
    """State of one call of the command line."""

    folder: Path | None = None
    as_json: bool = False
    _site: "Site | None" = field(default=None, repr=False)

    @property
    def site_folder(self) -> Path:
        """The site's folder. Misuse where none was named and the current folder is none."""
        if self.folder is not None:
            return self.folder
        here = Path.cwd()
        if (here / "edge.toml").is_file():
            return here
        raise click.UsageError("no site: name one by --site DIR or EDGE_SITE, or go to its folder")

    @property
    def site(self) -> "Site":
        """The open site; closed when the command ends."""
        if self._site is None:
            from edge.admin.site import Site

            self._site = Site.open(self.site_folder)
        return self._site

    @contextmanager
    def edit(self, actor: str = "installer") -> "Iterator[Edit]":
        """One change to the store; everything in the block or nothing."""
        with self.site.admin(actor).edit() as edit:
            yield edit

    @contextmanager
    def reading(self) -> "Iterator[Reading]":
        """One consistent state of the store."""
        from edge.admin.edit import reading

        with reading(self.site.store) as scope:
            yield scope

    def close(self) -> None:
        if self._site is not None:
            self._site.close()
            self._site = None

    # --- printing ---------------------------------------------------------------------------------------------------

    def done(self, text: str, data: Mapping[str, Any] | None = None) -> None:
        """A change was made: *text* for people, *data* for machines."""
        click.echo(_json(dict(data or {"ok": True})) if self.as_json else text)

    def rows(self, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str | Callable[[Any], str]]) -> None:
        """A table of *columns* (heading to key, or to a function of the row), or all of every row as JSON."""
        if self.as_json:
            click.echo(_json(list(rows)))
            return
        table = _table()
        for heading in columns:
            table.add_column(heading)
        for row in rows:
            table.add_row(*(_plain(row[key] if isinstance(key, str) else key(row)) for key in columns.values()))
        _print(table)

    def thing(self, thing: Mapping[str, Any]) -> None:
        """One thing: a line for each of its fields, or JSON."""
        if self.as_json:
            click.echo(_json(dict(thing)))
            return
        table = _table(header=False)
        table.add_column(style="bold")
        table.add_column()
        for name, value in thing.items():
            table.add_row(name.replace("_", " "), _plain(value))
        _print(table)

    def note(self, text: str) -> None:
        """A message for the person at the terminal, on standard error."""
        click.echo(text, err=True)

    def confirm(self, question: str, yes: bool) -> None:
        """Ask before much is deleted. Refused where nobody can be asked and --yes was not given."""
        if yes:
            return
        if not sys.stdin.isatty():
            from edge.admin.edit import Refused

            raise Refused(f"{question} Say so by --yes")
        if not click.confirm(question, err=True):
            raise click.Abort


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> object:
    if isinstance(value, tuple | frozenset | set):
        return list(value)
    raise TypeError(f"{type(value).__name__} can't be written as JSON")


def _table(header: bool = True) -> Any:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE if header else None, show_header=header, pad_edge=False)


def _print(table: Any) -> None:
    from rich.console import Console

    console = Console(
        soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False
    )
    console.print(table)


def _plain(value: Any) -> Any:
    """A value in a cell; never taken for markup."""
    from rich.text import Text

    if value is None or value == [] or value == {}:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, list | tuple):
        return Text(", ".join(str(_plain(item)) for item in value))
    if isinstance(value, Mapping):
        return Text(", ".join(f"{name} {_plain(item)}" for name, item in value.items()))
    return Text(str(value))


def failures() -> tuple[type[Exception], ...]:
    """What a command may run into; imported only when something was raised."""
    from sqlalchemy.exc import IntegrityError  # a rule that only the schema holds

    from edge.admin.edit import Ambiguous, NotFound, Refused
    from edge.admin.site import SiteError
    from edge.config import ConfigError
    from edge.core.checks import RuleBroken
    from edge.core.pins import NoPinLeft
    from edge.store.errors import StoreError
    from edge.store.secrets import SecretsError

    ours = (RuleBroken, Refused, NotFound, Ambiguous, SiteError, ConfigError, NoPinLeft, StoreError, SecretsError)
    return (*ours, IntegrityError, OSError)


def exit_code(error: Exception) -> int:
    from edge.admin.edit import Ambiguous, Refused

    if isinstance(error, Refused):
        return REFUSED
    return MISUSE if isinstance(error, Ambiguous) else FAILED


class EdgeCommand(click.Command):
    """A command that takes --json and --site in any place, and turns what went wrong into a message and a code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common_options()

    def invoke(self, ctx: click.Context) -> Any:
        cli = ctx.find_object(Cli)
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except failures() as error:
            # A failed statement's text may hold what was typed, so only its own words are told.
            for line in str(getattr(error, "orig", error)).splitlines() or [type(error).__name__]:
                click.echo(f"edge: {line}", err=True)
            ctx.exit(exit_code(error))
        finally:
            if cli is not None:
                cli.close()


class EdgeGroup(click.Group):
    """A group of `EdgeCommand`s. *lazy*: name -> (module, short help); the module's attribute `command` is imported
    when the command is used."""

    command_class = EdgeCommand
    group_class = type

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str]] | None = None,
        envvar: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})
        self.params += common_options(envvar)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for argument in args:
            if not argument.isascii():
                _must_be_text(argument)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(self.lazy[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._short_help(ctx, name)) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def _short_help(self, ctx: click.Context, name: str) -> str:
        if name in self.lazy:
            return self.lazy[name][1]
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=80) if command is not None else ""


def _must_be_text(argument: str) -> None:
    """Bytes that are no UTF-8 arrive as halves of pairs, which neither the store nor a terminal takes."""
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise click.UsageError(f"an argument is not UTF-8: {ascii(argument)}") from error


def common_options(envvar: str | None = None) -> list[click.Parameter]:
    """--site and --json. *envvar* for the outermost group only, or the environment would go before its option."""
    return [
        click.Option(
            ["--site"], type=click.Path(path_type=Path, file_okay=False), expose_value=False, callback=_set_site,
            envvar=envvar,
            help="The site's folder; else EDGE_SITE, else the current folder if it holds edge.toml.",
        ),
        click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=_set_json,
            help="Print JSON for machines, nothing else, on standard output.",
        ),
    ]  # fmt: skip


def _set_site(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Cli).folder = value


def _set_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Cli).as_json = True


def group(name: str, help: str) -> EdgeGroup:
    """A group of commands, each made by its decorator `@command.command()`."""
    return EdgeGroup(name, help=help)


def pass_cli(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command gets the `Cli` of this call as its first argument."""

    @functools.wraps(function)
    def with_cli(*args: Any, **kwargs: Any) -> Any:
        return function(click.get_current_context().ensure_object(Cli), *args, **kwargs)

    return with_cli


yes_option = click.option("--yes", is_flag=True, help="Don't ask.")


def one_of(values: type) -> click.Choice[str]:
    """The values of an enum as choices of an option."""
    return click.Choice([str(member.value) for member in values])  # type: ignore[attr-defined]  # an enum class


def on_or_off(value: str | None) -> bool | None:
    """`yes` or `no` of an option; None where it was not given."""
    return None if value is None else value == "yes"


yes_no: Final = click.Choice(["yes", "no"])


def from_stdin(value: str | None) -> str | None:
    """*value*, or the first line of standard input where it is `-`: secrets need not stand in the arguments."""
    if value != "-":
        return value
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise click.UsageError("standard input is not UTF-8") from error
