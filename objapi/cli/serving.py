"""`objapi serve`: serve a site, the sample laboratory when asked for it."""

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
from flask import Flask

from objapi import upkeep
from objapi.app import create_served_app
from objapi.cli.common import data_option, settings_from
from objapi.cli.demo import demo_content, make_demo_site, users_with_demo_password
from objapi.cli.failures import Refused
from objapi.http.metrics import Metrics
from objapi.ispyb import API_ROOT
from objapi.ispyb.auth.configuration import load_plugins
from objapi.model.content import ContentUser
from objapi.model.registry import Registry
from objapi.security.identify import open_authentication
from objapi.security.sign_on.configuration import open_sign_on
from objapi.serve import INHERITS, base_url, is_loopback, listening_address
from objapi.serve import serve as run_server
from objapi.settings import Settings
from objapi.site import Site

DEMO_REFUSED: Final = (
    "The passwords of the sample laboratory are known to everybody, so it is served to this machine alone: "
    "listen on 127.0.0.1, and set no OBJAPI_PUBLIC_URL."
)


@click.command()
@click.option("--demo", is_flag=True, help="Serve the sample laboratory; make it first when there is none.")
@click.option("--host", help="Address to listen on.  [OBJAPI_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [OBJAPI_PORT; default: 8080]")
@data_option
@click.option("--workers", type=int, help="Worker processes.  [OBJAPI_WORKERS; default: one a core]")
@click.option(
    "--threads", type=int, help="Threads of a worker.  [OBJAPI_THREADS; default: 1 on SQLite, 4 on MariaDB/MySQL]"
)
def serve(
    demo: bool, host: str | None, port: int | None, data_dir: Path | None, workers: int | None, threads: int | None
) -> None:
    """Serve the site until a signal ends it.

    The site must have been made (`objapi init`) and be up to date (`objapi upgrade`). With --demo it is made here, on
    an empty database, with objects to try things on and users whose names and passwords are shown.
    """
    settings = settings_from(
        host=host,
        port=port,
        data_dir=data_dir,
        workers=workers,
        threads=threads,
        ispyb_dummy_login="yes" if demo else None,
        ispyb_same_logins="yes" if demo else None,
    )
    if demo:
        from objapi.ispyb.demo import with_demo_files  # noqa: PLC0415 - no other site has the sample facility

        settings = with_demo_files(settings)
        if is_exposed(settings):
            raise Refused(DEMO_REFUSED)
    listening_address(settings.host, settings.port)
    site, users = _prepared(settings, demo=demo)
    # Workers have the declarations, or the profiles by name, and so start even while the database is away.
    application = partial(_application, site) if INHERITS else create_served_app
    sys.exit(run_server(site.settings, lambda: click.echo(announcement(site.settings, users), err=True), application))


def is_exposed(settings: Settings) -> bool:
    """True when others than this machine can reach the server, directly or by way of a proxy."""
    public = urlsplit(settings.public_url or "").hostname
    return not is_loopback(settings.host) or (public is not None and not is_loopback(public))


def _application(site: Site, settings: Settings, metrics: Metrics) -> Flask:
    return create_served_app(settings, metrics, site)


def _prepared(settings: Settings, *, demo: bool) -> tuple[Site, Sequence[ContentUser]]:
    """See to it that the site can be served: the site, the log-ins to be shown. The database is closed again."""
    users: Sequence[ContentUser] = ()
    registry = None
    if demo:
        settings, registry, users = _made_demo(settings)
    site = Site.open(settings, serving=True, registry=registry)
    if "ispyb" in site.registry.profiles:
        # Imported before there are workers, which then share it.
        import_module("objapi.ispyb.dispatch")
    try:
        upkeep.check_current(site)
        load_plugins(site)
        open_authentication(settings, site.registry.roles, site.transact)
        open_sign_on(settings, site.registry.roles, site.transact)
        if is_exposed(settings):
            _refuse_demo_passwords(users_with_demo_password(site, demo_content(site)))
    finally:
        site.close()
    return site, users


def _made_demo(settings: Settings) -> tuple[Settings, Registry, Sequence[ContentUser]]:
    """Make the sample laboratory where there is none yet; its settings, declarations and users."""
    from objapi.ispyb.demo import make_demo as make_ispyb_demo  # noqa: PLC0415 - as above

    site = Site.open(settings)
    try:
        content = demo_content(site)
        make_demo_site(site, content)
        make_ispyb_demo(site)
    finally:
        site.close()
    return site.settings, site.registry, () if content is None else content.users


def _refuse_demo_passwords(users: Sequence[str]) -> None:
    if users:
        raise Refused(
            f"{DEMO_REFUSED} These users still have theirs: {', '.join(users)}. "
            "Give each a new one: objapi user passwd NAME."
        )


def announcement(settings: Settings, users: Sequence[ContentUser]) -> str:
    """Text shown once the server answers: its URL and, of the sample laboratory, the log-ins."""
    url = f"{base_url(settings)}/{settings.site_id}"
    lines = [f"Serving {url}"]
    if users:
        width = max(len(user.id) for user in users)
        lines += ["", "Log-ins of the sample laboratory (name, password, who it is):"]
        lines += [f"    {user.id:<{width}}  {user.password}  {_described(user)}" for user in users]
        call = f"curl -u {users[0].id}:{users[0].password} '{url}/@@API/read?portal_type=Client'"
        lines += ["", "To try it:", f"    {call}", *_ispyb_accounts(settings)]
    return "\n".join([*lines, "", "Ctrl-C ends it."])


def _ispyb_accounts(settings: Settings) -> list[str]:
    """Log-ins of the py-ISPyB face, unless it serves a database with people of its own."""
    if settings.ispyb_url is not None:
        return []
    from objapi.ispyb.demo.accounts import ACCOUNTS  # noqa: PLC0415 - as above

    width = max(len(account.login) for account in ACCOUNTS)
    return [
        "",
        f"Log-ins of the py-ISPyB face at {base_url(settings)}{API_ROOT} (plugin dummy, any password):",
        *(f"    {account.login:<{width}}  {', '.join(account.permissions)}" for account in ACCOUNTS),
    ]


def _described(user: ContentUser) -> str:
    names = ", ".join((*user.groups, *user.roles))
    return f"{user.fullname} ({names})" if names else user.fullname
