"""`objapi check`: load the declarations of profiles without a site."""

import click

from objapi.model.loading import load_registry
from objapi.model.loading.reachability import remarks


@click.command()
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True)
def check(profiles: tuple[str, ...]) -> None:
    """Load each PROFILE, a folder or the name of an installed one, with all that it extends, and say what is wrong.

    Every mistake is printed with file, line and what was expected; exit status 1. No site and no database are needed.
    Several profiles are loaded together, as OBJAPI_PROFILES does.
    """
    registry = load_registry(profiles)
    for remark in sorted(remarks(registry)):
        click.echo(f"remark: {remark}", err=True)
    click.echo(
        f"No mistakes: {len(registry.types)} types, {len(registry.workflows)} workflows, "
        f"{len(registry.catalogs)} catalogs, {len(registry.roles.roles)} roles."
    )
