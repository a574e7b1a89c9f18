"""Options that are times."""

import click

from edge.core.moments import moment_ms


def moment(option: str, typed: str | None, time_zone: str, *, end: bool = False) -> int | None:
    """Unix milliseconds of what was typed for *option*; misuse where it is no time."""
    try:
        return moment_ms(typed, time_zone, end=end)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
