"""`objapi webhook`: receivers of the feed of changes on other hosts."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click
from sqlalchemy import Connection

from objapi.cli.common import data_option, opened_site
from objapi.cli.failures import Refused
from objapi.security.principals import LoadedUser, command_line_user
from objapi.site import Site
from objapi.store.records import from_micros
from objapi.webhooks.administration import WebhookAdministration, WebhookWish
from objapi.webhooks.delivery import send_test
from objapi.webhooks.destinations import DestinationRefused
from objapi.webhooks.stored import Webhook

_T = TypeVar("_T")

_EXAMPLES: Final = """
\b
OBJAPI_WEBHOOK_HOSTS=hooks.example.org objapi webhook add https://hooks.example.org/lab --owner ada
objapi webhook list
objapi webhook test 0f3c9a51b27e
objapi webhook replay 0f3c9a51b27e --since 0
objapi webhook remove 0f3c9a51b27e
"""


@click.group(epilog=_EXAMPLES)
def webhook() -> None:
    """Send changes to receivers on other hosts: list, add, remove, replay, test."""


@webhook.command("list")
@data_option
def list_hooks(data_dir: Path | None) -> None:
    """List the webhooks: id, owner, URL, what it tells, and how it stands, separated by tabs."""
    with opened_site(data_dir) as site:
        found = _administer(site, lambda hooks: hooks.webhooks(), write=False)
        for hook in found:
            click.echo("\t".join((hook.id, hook.owner, hook.url, _told(hook), _state(site, hook))))


@webhook.command("add")
@click.argument("url")
@click.option("--owner", required=True, metavar="USER", help="User whose rights decide what is sent.")
@click.option("--name", default="", help="What the webhook is for, as lists show it.")
@click.option("--types", "types", multiple=True, help="Types whose objects alone are told of, separated by commas.")
@click.option("--path", metavar="PATH", help="Object whose subtree alone is told of, such as /clients/client-1.")
@click.option("--since", default="now", metavar="CURSOR", help="Where in the feed to begin; 0: its beginning.")
@data_option
def add(
    url: str, owner: str, name: str, types: tuple[str, ...], path: str | None, since: str, data_dir: Path | None
) -> None:
    """Add a webhook to URL and print its secret, by which the receiver verifies signatures, this once."""
    named = tuple(dict.fromkeys(each.strip() for text in types for each in text.split(",") if each.strip()))
    wish = WebhookWish(url, name, named, path, since)

    def work(hooks: WebhookAdministration) -> tuple[Webhook, str]:
        hook, _ = hooks.add(wish, owner)
        return hook, hooks.secret(hook)

    with opened_site(data_dir) as site:
        hook, secret = _administer(site, work)
    click.echo(secret)
    click.echo(f"It is the secret of the webhook {hook.id}. It is not shown again.", err=True)


@webhook.command("remove")
@click.argument("hook")
@data_option
def remove(hook: str, data_dir: Path | None) -> None:
    """Remove the webhook with the id HOOK."""
    with opened_site(data_dir) as site:
        _administer(site, lambda hooks: hooks.remove(hook))
    click.echo(f"Removed {hook}.", err=True)


@webhook.command("replay")
@click.argument("hook")
@click.option("--since", metavar="CURSOR", help="Where in the feed to go on; 0: its beginning. By default where it is.")
@data_option
def replay(hook: str, since: str | None, data_dir: Path | None) -> None:
    """Let the webhook with the id HOOK go on, also one that has stopped."""
    with opened_site(data_dir) as site:
        _administer(site, lambda hooks: hooks.replay(hook, since))
    click.echo(f"{hook} goes on.", err=True)


@webhook.command("test")
@click.argument("hook")
@data_option
def test(hook: str, data_dir: Path | None) -> None:
    """Send a message of the type `test` to the receiver of HOOK, and tell what it answers. Exit status 1: not taken."""
    with opened_site(data_dir) as site:
        found = _administer(site, lambda hooks: hooks.one(hook), write=False)
        try:
            outcome = send_test(site, found)
        except DestinationRefused as refusal:
            raise Refused(f"Nothing is sent to {found.url}: {refusal}.") from refusal
    if not outcome.delivered:
        raise Refused(f"{found.url} has not taken the message: {outcome.text}.")
    click.echo(f"{found.url} has taken the message: {outcome.text}.")


def _administer(site: Site, work: Callable[[WebhookAdministration], _T], *, write: bool = True) -> _T:
    """Work on webhooks in one transaction, as the administrator at the command line."""
    if write:
        site.number_requests()
    return site.run(_authenticate, lambda tx: work(WebhookAdministration(tx, site.settings)), write=write)


def _authenticate(connection: Connection) -> LoadedUser:
    return command_line_user()


def _told(hook: Webhook) -> str:
    return " ".join((",".join(hook.types) or "all types", *(() if hook.path is None else (f"in {hook.path}",))))


def _state(site: Site, hook: Webhook) -> str:
    if hook.stopped is not None:
        return f"stopped: {hook.stopped}"
    if hook.failures:
        tries = f"{hook.failures} {'try' if hook.failures == 1 else 'tries'}"
        return f"failing: {hook.outcome}, {tries}, the next one at {_shown(site, hook.due)}"
    return "nothing sent yet" if hook.delivered is None else f"last delivered {_shown(site, hook.delivered)}"


def _shown(site: Site, instant: int) -> str:
    return from_micros(instant).astimezone(site.settings.timezone).strftime("%Y-%m-%d %H:%M %Z")
