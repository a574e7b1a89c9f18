"""`edge secrets`."""

from edge.commands.base import Cli, group, pass_cli, yes_option

command = group("secrets", "Keys of the site: what they are called, replacing them.")


@command.command()
@pass_cli
def status(cli: Cli) -> None:
    """Ids of key and pepper, never they themselves; credentials that still have a tag of an older pepper."""
    from edge.admin import keys

    with cli.reading() as scope:
        found = keys.status(scope, cli.site.secrets)
    if cli.as_json:
        cli.thing(found)
        return
    cli.thing({**found, "old_tags": f"{len(found['old_tags'])} credentials"})
    if found["old_tags"]:
        cli.rows(found["old_tags"], {"credential": "id", "kind": "kind", "apartment": "apartment", "pepper": "pepper"})


@command.command("rotate-key")
@pass_cli
def rotate_key(cli: Cli) -> None:
    """Seal all passwords anew under a fresh key, all or nothing. A backup made before needs the key of its time."""
    from edge.admin import keys

    done = keys.rotate_key(cli.site.admin("installer"))
    cli.done(f"{done.renewed} secrets are sealed under key {done.id}", {"key_id": done.id, "renewed": done.renewed})


@command.command("rotate-pepper")
@pass_cli
def rotate_pepper(cli: Cli) -> None:
    """Tag credentials with a fresh pepper. Old tags go on opening until the credential is presented once, or issued
    again: `edge secrets status` lists them."""
    from edge.admin import keys

    done = keys.rotate_pepper(cli.site.admin("installer"))
    text = f"pepper {done.id}: {done.renewed} credentials tagged anew, {left(done.left)}"
    cli.done(text, {"pepper_id": done.id, "renewed": done.renewed, "left": done.left})


def left(count: int) -> str:
    return f"{count} keep an older tag until they are presented" if count else "none keeps an older tag"


@command.command("drop-pepper")
@yes_option
@pass_cli
def drop_pepper(cli: Cli, yes: bool) -> None:
    """Forget older peppers, and remove the credentials that still need one."""
    from edge.admin import keys

    with cli.reading() as scope:
        needed = len(keys.status(scope, cli.site.secrets)["old_tags"])
    if needed:
        cli.confirm(f"{needed} credentials were never presented since and will be removed.", yes)
    removed = keys.drop_pepper(cli.site.admin("installer"))
    cli.done(f"older peppers are gone, and {removed} credentials with them", {"removed": removed})
