"""The reference of all commands, written from the commands themselves.

python -m tests.unit.cli_reference > docs/cli.md
"""

import sys
from collections.abc import Iterator

import click

import cli

_HEAD = """\
# The command `edge`

Written from the commands themselves by `python -m tests.unit.cli_reference`, and a test keeps it equal to them.

Every command takes `--site DIR` (else `EDGE_SITE`, else the current folder if it holds `edge.toml`) and `--json`:
a list or an object on standard output, nothing else. Messages go to standard error. A change is in force in a running
daemon within a second. `BUILDING/NUMBER` may also be written `BUILDING*NUMBER`, or as the number alone where only one
building has it; `DOOR` is a name or a MAC; `-` as a value reads it from standard input.

| exit code | means |
| --- | --- |
| 0 | done, or yes |
| 1 | failed: a rule is broken, there is no such thing, the daemon or the store does not answer |
| 2 | misuse: a bad argument, or a bare number that names several apartments |
| 3 | not allowed: by the plan, the PIN policy, who owns the thing; not confirmed; or the answer is no |
"""


def reference(root: click.Group) -> str:
    """Markdown for *root* and everything below it."""
    return _HEAD + "".join(_entries(root, click.Context(root, info_name="edge")))


def _entries(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        own = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            if context.parent is None:
                yield f"\n## {own.command_path}\n\n{_plain(command.help)}\n"
            yield from _entries(command, own)
        else:
            level = "##" if context.parent is None else "###"
            yield f"\n{level} {_usage(command, own)}\n\n{_plain(command.help)}\n{_options(command)}"


def _usage(command: click.Command, context: click.Context) -> str:
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    return " ".join(["`" + context.command_path, *pieces]) + "`"


def _options(command: click.Command) -> str:
    rows = []
    for option in command.params:
        if not isinstance(option, click.Option) or option.name in ("site", "json"):
            continue
        value = "" if option.is_flag else " " + (option.metavar or _choices(option))
        names = "/".join((*option.opts, *option.secondary_opts)) + value.rstrip()
        rows.append(f"| `{names.replace('|', chr(92) + '|')}` | {_help(option)} |\n")
    return "" if not rows else "\n| option | |\n| --- | --- |\n" + "".join(rows)


def _choices(option: click.Option) -> str:
    kind = option.type
    return "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name.upper()


def _help(option: click.Option) -> str:
    text = " ".join((option.help or "").split())
    if option.required:
        return f"{text} Required.".strip()
    if option.show_default and option.default not in (None, ""):
        return f"{text} [default: {option.default}]".strip()
    return text


def _plain(text: str | None) -> str:
    return "\n".join(line.strip() for line in (text or "").strip().splitlines())


def main() -> None:
    sys.stdout.write(reference(cli.edge))


if __name__ == "__main__":
    main()
