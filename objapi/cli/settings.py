"""`objapi settings`: every setting with its default and meaning."""

from shutil import get_terminal_size

import click

from objapi.settings import describe


@click.command("settings")
def show_settings() -> None:
    """List every setting: its environment variable, default, meaning and what it expects."""
    click.echo(describe(width=min(get_terminal_size().columns, 100)))
